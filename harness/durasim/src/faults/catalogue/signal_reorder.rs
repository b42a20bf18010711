//! `signal_reorder`: a signal arrives after the next one to the same workflow.
//!
//! On a real cluster two callers, or two connections of one caller, are not ordered. The fault
//! holds the signal until another signal to its workflow has arrived, but for a few events at most,
//! and no longer than its caller waits: a caller that waits for the answer before it sends the next
//! signal would wait for itself.

use crate::faults::{
    moments::{CallView, Fate, Moment},
    rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
    words::message_words,
};

/// The number of other events after which the signal goes even if no other signal has come.
const AT_MOST_EVENTS: u32 = 8;

fault! {
    /// A signal arrives after the next one to its workflow.
    ///
    /// Place it with [`of_signal`](crate::Fault::of_signal).
    SignalReorder
}

impl FaultRule for SignalReorder {
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
        "signals may come in another order than they were sent: do not rely on it; put a \
         sequence number into each, or wait for the one before"
    }

    fn message(&self, injector: &mut dyn Injector, message: &CallView<'_>) -> Option<Fate> {
        if !message.is_signal() {
            return None;
        }
        let workflow = message.label.signaled()?;
        injector.inject(Opportunity::new(message.label, Moment::Message), &|_| {
            format!(
                "hold {} until the next signal has arrived, at most {AT_MOST_EVENTS} events",
                message_words(message.label)
            )
        })?;
        Some(Fate::Overtaken {
            by_signal_to: workflow,
            at_most_events: AT_MOST_EVENTS,
        })
    }
}
