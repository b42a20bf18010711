//! `activity_failure`: an attempt fails, retryably, before its code runs.
//!
//! On a real cluster something that the activity calls is down for a moment. The retry policy's
//! backoff passes, and the next attempt runs. The fault happens to attempts that are followed by
//! another: not to the last that the policy allows, nor to one whose retry would come too late.

use crate::faults::{
    allowance::injected_failure,
    moments::{AttemptFate, AttemptMoment, AttemptView, Moment},
    rule::{Family, FaultRule, Injector, Opportunity, fault},
    words::attempt_words,
};

fault! {
    /// An attempt of an activity fails, retryably, before its code runs.
    ///
    /// Place it with [`of_activity`](crate::Fault::of_activity).
    ActivityFailure
}

impl FaultRule for ActivityFailure {
    fn odds(&self) -> f64 {
        0.12
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Activities)
    }

    fn places(&self) -> &'static str {
        "before an activity"
    }

    fn attempt(
        &self,
        injector: &mut dyn Injector,
        attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
        if attempt.moment != AttemptMoment::Starts {
            return None;
        }
        let opportunity = Opportunity::of_attempt(attempt, Moment::BeforeActivity)
            .tolerated_if(attempt.allowance.tolerates_failure(injector.now_ms()));
        injector.inject(opportunity, &|_| {
            format!(
                "fail {}, before its code runs",
                attempt_words(attempt.label, attempt.attempt)
            )
        })?;
        Some(AttemptFate::Fail(Box::new(injected_failure())))
    }
}
