//! `signal_delay`: a signal arrives late.
//!
//! On a real cluster the network is slow, or a frontend is busy. The fault holds the signal until
//! so many other events have happened, or for some time. Delays by events make the signal race with
//! timers: when time skips, a delay by time almost never meets the timer of another.
//!
//! The call lasts no longer than its caller waits, 30 seconds unless the caller says otherwise. A
//! delay that is drawn ends before that, and the caller gets its answer. A delay that is placed by
//! hand may last until the caller's deadline: the signal arrives then, and the caller gets
//! DEADLINE_EXCEEDED, which the official client does not try again
//! (`temporalio-client: src/retry.rs`).

use crate::faults::{
    moments::{CallView, Delay, Fate, Moment},
    rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
    words::{delay_words, message_words},
};

const DELAYS: [Delay; 6] = [
    Delay::by_events(3),
    Delay::by_events(1),
    Delay::by_events(8),
    Delay::by_ms(100),
    Delay::by_ms(5_000),
    Delay::by_ms(25_000),
];

fault! {
    /// A signal arrives late.
    ///
    /// Place it with [`of_signal`](crate::Fault::of_signal), and say how late with
    /// [`by_events`](crate::Fault::by_events) or [`by`](crate::Fault::by): at most until its caller
    /// gives up, after 30 seconds unless it says otherwise.
    SignalDelay
}

impl FaultRule for SignalDelay {
    fn odds(&self) -> f64 {
        0.25
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Messages)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::OtherOrder
    }

    fn places(&self) -> &'static str {
        "where a client sends a signal"
    }

    fn cure(&self) -> &'static str {
        "a signal may come when the workflow is at another step: keep what it brings in the \
         workflow's state until it is used, and look once more before the workflow closes or \
         continues as new"
    }

    fn message(&self, injector: &mut dyn Injector, message: &CallView<'_>) -> Option<Fate> {
        if !message.is_signal() {
            return None;
        }
        let opportunity = Opportunity::new(message.label, Moment::Message).ways(6);
        let injection = injector.inject(opportunity, &|injection| {
            format!(
                "hold {} {}",
                message_words(message.label),
                delay_words(injection.delay(message, &DELAYS))
            )
        })?;
        Some(Fate::Late(injection.delay(message, &DELAYS)))
    }
}
