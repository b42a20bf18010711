//! `heartbeat_loss`: heartbeats do not arrive.
//!
//! On a real cluster the way to the service is cut while an attempt runs on. With a heartbeat
//! timeout, one heartbeat lost is often enough for the attempt to time out, for workers send them
//! at four fifths of it (`temporalio-sdk-core: src/worker/activities.rs`); the retry gets the
//! details of the last heartbeat that arrived, and runs beside an attempt that knows nothing of it.
//! One heartbeat is lost, or all from there on. It strikes attempts that may be retried.

use super::{
    AttemptFate, AttemptMoment, AttemptView, Chance, FaultKind, FaultRule, Strike,
    placement::Moment, words::attempt_words,
};

pub(crate) struct HeartbeatLoss;

impl FaultRule for HeartbeatLoss {
    fn kind(&self) -> FaultKind {
        FaultKind::HeartbeatLoss
    }

    fn attempt(&self, strike: &mut Strike<'_>, attempt: &AttemptView<'_>) -> Option<AttemptFate> {
        if attempt.moment != AttemptMoment::Heartbeat {
            return None;
        }
        let chance = Chance::of_attempt(attempt, Moment::DuringActivity)
            .ways(2)
            .tolerable(attempt.allowance.tolerates_silence());
        let struck = strike.strikes(chance, |struck| {
            let words = attempt_words(attempt.label, attempt.attempt);
            match struck.way {
                1 => format!("lose the heartbeats of {words}, from here on"),
                _ => format!("lose a heartbeat of {words}"),
            }
        })?;
        Some(AttemptFate::LoseHeartbeat {
            and_later: struck.way == 1,
        })
    }
}
