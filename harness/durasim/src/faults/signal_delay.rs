//! `signal_delay`: a signal arrives late.
//!
//! On a real cluster whoever sends it is slow, queues it, or tries again after an outage. It is
//! held until so many other events have happened, however far the clock jumps meanwhile, or for
//! some time. Delays by events are what makes it race with timers: when time skips, a delay by time
//! almost never meets a timer of hours.

use super::{
    CallView, Chance, Delay, Direction, Fate, FaultKind, FaultRule, Strike,
    placement::Moment,
    words::{delay_words, message_words},
};
use durasim_service::Rpc;

const DELAYS: [Delay; 6] = [
    Delay { ms: 0, events: 3 },
    Delay { ms: 0, events: 1 },
    Delay { ms: 0, events: 8 },
    Delay { ms: 100, events: 0 },
    Delay {
        ms: 5_000,
        events: 0,
    },
    Delay {
        ms: 60_000,
        events: 0,
    },
];

pub(crate) struct SignalDelay;

impl FaultRule for SignalDelay {
    fn kind(&self) -> FaultKind {
        FaultKind::SignalDelay
    }

    fn message(&self, strike: &mut Strike<'_>, message: &CallView<'_>) -> Option<Fate> {
        if !is_signal(message) {
            return None;
        }
        let chance = Chance::new(message.label, Moment::Message).ways(6);
        let struck = strike.strikes(chance, |struck| {
            format!(
                "hold {} {}",
                message_words(message.label),
                delay_words(struck.delay(&DELAYS))
            )
        })?;
        Some(Fate::Late(struck.delay(&DELAYS)))
    }
}

/// Whether a client is sending a signal, be it with a start.
pub(super) fn is_signal(message: &CallView<'_>) -> bool {
    message.direction == Direction::Request
        && message.worker.is_none()
        && matches!(
            message.rpc,
            Some(Rpc::SignalWorkflowExecution | Rpc::SignalWithStartWorkflowExecution)
        )
}
