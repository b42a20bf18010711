//! `activity_failure`: an attempt fails, retryably, before its code runs or in the middle of it.
//!
//! On a real cluster something that the activity calls is down for a moment. The attempt fails
//! where it called: before it did anything, at an await, or at a heartbeat, as if the code panicked
//! there. A failure carries the details of the last heartbeat, even one that the throttle held
//! back. The retry policy's backoff passes, and the next attempt runs. The fault happens to
//! attempts that are followed by another: not to the last that the policy allows, nor to one whose
//! retry would come too late.

use crate::faults::{
    allowance::{FailedBy, injected_failure},
    moments::{AttemptFate, AttemptMoment, AttemptView, Moment, Step, Steps},
    rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
    words::{attempt_words, step_words},
};

fault! {
    /// An attempt of an activity fails, retryably, before its code runs or in the middle of it.
    ///
    /// Place it with [`of_activity`](crate::Fault::of_activity), which fails the attempt before its
    /// code runs, or with [`during_activity`](crate::Fault::during_activity), which fails it at its
    /// first await, or at the [await](crate::Fault::at_await) or
    /// [heartbeat](crate::Fault::at_heartbeat) that you name.
    ActivityFailure
}

impl FaultRule for ActivityFailure {
    fn odds(&self) -> f64 {
        0.12
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Activities)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::Failure
    }

    fn places(&self) -> &'static str {
        "before an activity, or at an await or a heartbeat of it"
    }

    fn cure(&self) -> &'static str {
        "an attempt may fail after part of its work, and is retried: give each effect an \
         idempotency key that all attempts share, and let the workflow handle the failure of \
         the last attempt"
    }

    fn steps(&self) -> &'static [Step] {
        &[Step::Await, Step::Heartbeat]
    }

    fn attempt(
        &self,
        injector: &mut dyn Injector,
        attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
        let (opportunity, place) = match attempt.moment {
            AttemptMoment::Starts => (
                Opportunity::of_attempt(attempt, Moment::BeforeActivity),
                None,
            ),
            AttemptMoment::Await(number) => {
                let opportunity = Opportunity::inside_attempt(attempt, Steps::nth_await(number));
                (opportunity, Some((Step::Await, number)))
            }
            AttemptMoment::Heartbeat(number) => {
                let opportunity = Opportunity::inside_attempt(attempt, Steps::heartbeat(number));
                (opportunity, Some((Step::Heartbeat, number)))
            }
            AttemptMoment::HeartbeatSent { .. } | AttemptMoment::Done => return None,
        };
        let opportunity =
            opportunity.tolerated_if(attempt.allowance.tolerates_failure(injector.now_ms()));
        injector.inject(opportunity, &|_| {
            let words = attempt_words(attempt.label, attempt.attempt);
            match place {
                None => format!("fail {words}, before its code runs"),
                Some((step, number)) => {
                    format!("fail {words}, at its {}", step_words(step, number))
                }
            }
        })?;
        Some(AttemptFate::Fail(Box::new(injected_failure(
            FailedBy::Failure,
        ))))
    }
}
