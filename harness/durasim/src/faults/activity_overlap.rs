//! `activity_overlap`: the service gives up on an attempt whose code still runs; the retry runs
//! beside it.
//!
//! On a real cluster a machine freezes, a process is paused by its garbage collector, a call hangs:
//! the attempt times out, the retry starts, and then the first one wakes up and goes on, with
//! whatever it knew before it stood still. What it reports in the end the service refuses.
//!
//! The code stands still before it begins or at its first await; it goes on as the retry has just
//! started, or long after it. It strikes attempts that may be retried.

use super::{
    AttemptFate, AttemptMoment, AttemptView, Chance, FaultKind, FaultRule, Pause, Strike,
    placement::Moment, words::attempt_words,
};

/// How long after the retry's start the code goes on, in virtual milliseconds, by way: within an
/// instant that both share if the retry takes any time at all, and when most retries are done.
const INTO_RETRY_MS: [u64; 2] = [1, 5_000];

pub(crate) struct ActivityOverlap;

impl FaultRule for ActivityOverlap {
    fn kind(&self) -> FaultKind {
        FaultKind::ActivityOverlap
    }

    fn attempt(&self, strike: &mut Strike<'_>, attempt: &AttemptView<'_>) -> Option<AttemptFate> {
        if attempt.moment != AttemptMoment::Starts {
            return None;
        }
        let retry_after_ms = attempt.allowance.retry_after_ms()?;
        [
            (Moment::BeforeActivity, false),
            (Moment::DuringActivity, true),
        ]
        .into_iter()
        .find_map(|(moment, at_first_await)| {
            let chance = Chance::of_attempt(attempt, moment)
                .ways(2)
                .tolerable(attempt.allowance.tolerates_silence());
            let into_retry_ms = |way: u32| INTO_RETRY_MS[(way as usize).clamp(1, 2) - 1];
            let struck = strike.strikes(chance, |struck| {
                let words = attempt_words(attempt.label, attempt.attempt);
                let from = if at_first_await {
                    "at its first await"
                } else {
                    "before its code"
                };
                let until = if struck.way == 1 {
                    "until its retry runs beside it"
                } else {
                    "until after its retry"
                };
                format!("hold {words}, {from} {until}")
            })?;
            let ms = retry_after_ms.saturating_add(into_retry_ms(struck.way));
            Some(AttemptFate::Pause(Pause { ms, at_first_await }))
        })
    }
}
