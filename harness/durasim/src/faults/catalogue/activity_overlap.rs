//! `activity_overlap`: the service gives up on an attempt whose code still runs; the retry runs
//! beside it.
//!
//! On a real cluster a machine freezes, a garbage collector pauses a process, or a call hangs: the
//! attempt times out, the retry starts, and then the first attempt wakes up and goes on with what
//! it knew before it stood still. The service refuses what it reports in the end.
//!
//! The code stands still before it begins or at one of its awaits. It goes on as soon as the retry
//! has started, or long after that. The fault happens to attempts that may be retried.

use crate::faults::{
    moments::{AttemptFate, AttemptMoment, AttemptView, Moment, Step, Steps},
    rule::{Family, FaultRule, Injection, Injector, Opportunity, Telling, fault},
    words::{attempt_words, step_words},
};

/// The time from the retry's start until the code goes on, in virtual milliseconds, by way: within
/// an instant that both share if the retry takes any time at all, and when most retries are done.
const INTO_RETRY_MS: [u64; 2] = [1, 5_000];

fault! {
    /// An attempt of an activity stands still until it has timed out; its retry runs beside it.
    ///
    /// Place it with [`before_activity`](crate::Fault::before_activity) or
    /// [`during_activity`](crate::Fault::during_activity), at its first await unless
    /// [`at_await`](crate::Fault::at_await) names another.
    ActivityOverlap
}

/// Describes the pause of an attempt at this place.
fn words(attempt: &AttemptView<'_>, place: &str, injection: &Injection) -> String {
    let words = attempt_words(attempt.label, attempt.attempt);
    let until = if injection.way == 1 {
        "until its retry runs beside it"
    } else {
        "until after its retry"
    };
    format!("pause {words}, {place}, {until}")
}

impl FaultRule for ActivityOverlap {
    fn odds(&self) -> f64 {
        0.12
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Activities)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::SideBySide
    }

    fn places(&self) -> &'static str {
        "before an activity whose attempts time out, or at an await of it"
    }

    fn cure(&self) -> &'static str {
        "two attempts may run at the same time: check and act in one step (an insert with a \
         unique key, a conditional update); a check that awaits before it acts does not see the \
         other attempt"
    }

    fn steps(&self) -> &'static [Step] {
        &[Step::Await]
    }

    fn attempt(
        &self,
        injector: &mut dyn Injector,
        attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
        let now_ms = injector.now_ms();
        let mut pause = |opportunity: Opportunity<'_>, place: &str, retry_after_ms: u64| {
            let opportunity = opportunity
                .ways(2)
                .tolerated_if(attempt.allowance.tolerates_silence());
            let injection = injector.inject(opportunity, &|it| words(attempt, place, it))?;
            let ms = retry_after_ms.saturating_add(injection.pick(&INTO_RETRY_MS));
            Some(AttemptFate::Pause { ms })
        };
        match attempt.moment {
            AttemptMoment::Starts => {
                let retry_after_ms = attempt.allowance.retry_after_ms()?;
                let before = Opportunity::of_attempt(attempt, Moment::BeforeActivity);
                let during = Opportunity::of_attempt(attempt, Moment::DuringActivity)
                    .at(Steps::nth_await(1));
                pause(before, "before its code begins", retry_after_ms).or_else(|| {
                    pause(during, "at its first await", retry_after_ms)
                        .map(|pause| AttemptFate::AtFirstAwait(Box::new(pause)))
                })
            }
            AttemptMoment::Await(number) if number > 1 => {
                let retry_at_ms = attempt.allowance.retry_at_ms(attempt.last_heartbeat_ms)?;
                let opportunity = Opportunity::inside_attempt(attempt, Steps::nth_await(number));
                let place = format!("at its {}", step_words(Step::Await, number));
                pause(opportunity, &place, retry_at_ms.saturating_sub(now_ms))
            }
            _ => None,
        }
    }
}
