//! `activity_completion_lost`: the activity ran, its effect stands, and the service never hears of
//! it.
//!
//! On a real cluster the worker is cut off from the service after the effect, for longer than it
//! tries to report. The attempt times out (start-to-close, or heartbeat) and the activity runs
//! again: whoever is charged is charged twice, unless the charge has an idempotency key. It strikes
//! attempts that completed and that may be retried.

use super::{
    AttemptFate, AttemptMoment, AttemptView, Chance, FaultKind, FaultRule, Strike,
    placement::Moment, words::attempt_words,
};

pub(crate) struct ActivityCompletionLost;

impl FaultRule for ActivityCompletionLost {
    fn kind(&self) -> FaultKind {
        FaultKind::ActivityCompletionLost
    }

    fn attempt(&self, strike: &mut Strike<'_>, attempt: &AttemptView<'_>) -> Option<AttemptFate> {
        if attempt.moment != AttemptMoment::Done || !attempt.completed {
            return None;
        }
        let chance = Chance::of_attempt(attempt, Moment::AfterActivity)
            .tolerable(attempt.allowance.tolerates_silence());
        strike.strikes(chance, |_| {
            format!(
                "lose the completion of {}",
                attempt_words(attempt.label, attempt.attempt)
            )
        })?;
        Some(AttemptFate::LoseReport)
    }
}
