//! `signal_duplicate`: a signal arrives twice.
//!
//! The official client's own retries carry one request id, and the service drops the second. This
//! fault is a caller that sends a signal again by itself, as a webhook does: the second signal has
//! another request id, and the workflow gets both. Whether a workflow must tolerate that depends on
//! its callers, so the fault is off unless a test asks for it.

use crate::faults::{
    moments::{CallView, Delay, Fate, Moment},
    rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
    words::{delay_words, message_words},
};

/// The time from the signal to its copy, by way.
const DELAYS: [Delay; 3] = [Delay::by_ms(0), Delay::by_events(4), Delay::by_ms(5_000)];

fault! {
    /// A signal arrives twice, as when its caller sends it again. Off unless a test asks for it.
    ///
    /// Place it with [`of_signal`](crate::Fault::of_signal).
    SignalDuplicate
}

impl FaultRule for SignalDuplicate {
    fn odds(&self) -> f64 {
        0.25
    }

    fn family(&self) -> Option<Family> {
        None
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::OtherOrder
    }

    fn places(&self) -> &'static str {
        "where a client sends a signal"
    }

    fn cure(&self) -> &'static str {
        "a signal may come twice: put an id into its payload, and let the handler ignore the \
         ids that it has seen"
    }

    fn message(&self, injector: &mut dyn Injector, message: &CallView<'_>) -> Option<Fate> {
        if !message.is_signal() {
            return None;
        }
        let opportunity = Opportunity::new(message.label, Moment::Message).ways(3);
        let injection = injector.inject(opportunity, &|injection| {
            let words = message_words(message.label);
            match injection.delay(message, &DELAYS) {
                delay if delay == Delay::default() => format!("send {words} twice"),
                delay => format!(
                    "send {words} twice, and hold the copy {}",
                    delay_words(delay)
                ),
            }
        })?;
        Some(Fate::Twice(injection.delay(message, &DELAYS)))
    }
}
