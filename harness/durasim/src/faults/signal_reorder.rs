//! `signal_reorder`: a signal arrives after the next one to the same workflow.
//!
//! On a real cluster two callers, or two connections of one, are not ordered among each other. The
//! signal is held until another one to its workflow has arrived, but for a few events at most: a
//! caller that waits for this one's answer before it sends the next would wait for itself.

use super::{
    CallView, Chance, Fate, FaultKind, FaultRule, Strike, placement::Moment,
    signal_delay::is_signal, words::message_words,
};

/// After how many other events the signal goes even if no other one has come.
const AT_MOST_EVENTS: u32 = 8;

pub(crate) struct SignalReorder;

impl FaultRule for SignalReorder {
    fn kind(&self) -> FaultKind {
        FaultKind::SignalReorder
    }

    fn message(&self, strike: &mut Strike<'_>, message: &CallView<'_>) -> Option<Fate> {
        if !is_signal(message) {
            return None;
        }
        let workflow = message.label.signaled()?;
        let chance = Chance::new(message.label, Moment::Message);
        strike.strikes(chance, |_| {
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
