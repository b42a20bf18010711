//! `activity_overlap`: the service gives up on an attempt whose code still runs; the retry runs
//! beside it.
//!
//! On a real cluster a machine freezes, a garbage collector pauses a process, or a call hangs: the
//! attempt times out, the retry starts, and then the first attempt wakes up and goes on with what
//! it knew before it stood still. The service refuses what it reports in the end.
//!
//! The code stands still before it begins or at its first await. It goes on as soon as the retry
//! has started, or long after that. The fault happens to attempts that may be retried.

use crate::faults::{
    moments::{AttemptFate, AttemptMoment, AttemptView, Moment},
    pause::Pause,
    rule::{Family, FaultRule, Injector, Opportunity, fault},
    words::attempt_words,
};

/// The time from the retry's start until the code goes on, in virtual milliseconds, by way: within
/// an instant that both share if the retry takes any time at all, and when most retries are done.
const INTO_RETRY_MS: [u64; 2] = [1, 5_000];

fault! {
    /// An attempt of an activity stands still until it has timed out; its retry runs beside it.
    ///
    /// Place it with [`before_activity`](crate::Fault::before_activity) or
    /// [`during_activity`](crate::Fault::during_activity).
    ActivityOverlap
}

impl FaultRule for ActivityOverlap {
    fn odds(&self) -> f64 {
        0.12
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Activities)
    }

    fn places(&self) -> &'static str {
        "before or during an activity whose attempts time out"
    }

    fn attempt(
        &self,
        injector: &mut dyn Injector,
        attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
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
            let opportunity = Opportunity::of_attempt(attempt, moment)
                .ways(2)
                .tolerated_if(attempt.allowance.tolerates_silence());
            let injection = injector.inject(opportunity, &|injection| {
                let words = attempt_words(attempt.label, attempt.attempt);
                let from = if at_first_await {
                    "at its first await"
                } else {
                    "before its code begins"
                };
                let until = if injection.way == 1 {
                    "until its retry runs beside it"
                } else {
                    "until after its retry"
                };
                format!("pause {words}, {from}, {until}")
            })?;
            let ms = retry_after_ms.saturating_add(injection.pick(&INTO_RETRY_MS));
            Some(AttemptFate::Pause(Pause { ms, at_first_await }))
        })
    }
}
