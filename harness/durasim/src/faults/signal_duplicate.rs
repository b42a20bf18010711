//! `signal_duplicate`: a signal arrives twice.
//!
//! The official client's own retries carry one request id, and the service drops the second. This
//! is the caller that retries by itself, as a webhook does: a second signal with another request
//! id, which the workflow gets to see. Whether a workflow must bear that depends on its callers, so
//! the fault is off unless asked for.

use super::{
    CallView, Chance, Delay, Fate, FaultKind, FaultRule, Strike,
    placement::Moment,
    signal_delay::is_signal,
    words::{delay_words, message_words},
};

/// How much later the copy is sent, by way.
const DELAYS: [Delay; 3] = [
    Delay { ms: 0, events: 0 },
    Delay { ms: 0, events: 4 },
    Delay {
        ms: 5_000,
        events: 0,
    },
];

pub(crate) struct SignalDuplicate;

impl FaultRule for SignalDuplicate {
    fn kind(&self) -> FaultKind {
        FaultKind::SignalDuplicate
    }

    fn message(&self, strike: &mut Strike<'_>, message: &CallView<'_>) -> Option<Fate> {
        if !is_signal(message) {
            return None;
        }
        let chance = Chance::new(message.label, Moment::Message).ways(3);
        let struck = strike.strikes(chance, |struck| {
            let words = message_words(message.label);
            match struck.delay(&DELAYS) {
                delay if delay == Delay::default() => format!("send {words} twice"),
                delay => format!("send {words} twice, the copy held {}", delay_words(delay)),
            }
        })?;
        Some(Fate::Twice(struck.delay(&DELAYS)))
    }
}
