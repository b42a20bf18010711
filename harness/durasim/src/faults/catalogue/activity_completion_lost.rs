//! `activity_completion_lost`: the activity ran, its effect stands, and the service never hears of
//! it.
//!
//! On a real cluster the worker loses its connection to the service after the effect, for longer
//! than it tries to report. The attempt times out (start-to-close, or heartbeat) and the activity
//! runs again: a customer is charged twice, unless the charge has an idempotency key. The fault
//! happens to attempts that completed and that may be retried.

use crate::faults::{
    moments::{AttemptFate, AttemptMoment, AttemptView, Moment},
    rule::{Family, FaultRule, Injector, Opportunity, Telling, fault},
    words::attempt_words,
};

fault! {
    /// The activity runs and has its effect, but its completion never reaches the service.
    ///
    /// Place it with [`of_activity`](crate::Fault::of_activity).
    ActivityCompletionLost
}

impl FaultRule for ActivityCompletionLost {
    fn odds(&self) -> f64 {
        0.12
    }

    fn family(&self) -> Option<Family> {
        Some(Family::Activities)
    }

    fn telling(&self, _: Moment) -> Telling {
        Telling::DoneAgain
    }

    fn places(&self) -> &'static str {
        "after an activity that completes"
    }

    fn cure(&self) -> &'static str {
        "an attempt may run again although it succeeded: give its effect an idempotency key \
         that all attempts share, and return what the first attempt returned"
    }

    fn attempt(
        &self,
        injector: &mut dyn Injector,
        attempt: &AttemptView<'_>,
    ) -> Option<AttemptFate> {
        if attempt.moment != AttemptMoment::Done || !attempt.completed {
            return None;
        }
        let opportunity = Opportunity::of_attempt(attempt, Moment::AfterActivity)
            .tolerated_if(attempt.allowance.tolerates_silence());
        injector.inject(opportunity, &|_| {
            format!(
                "lose the completion of {}",
                attempt_words(attempt.label, attempt.attempt)
            )
        })?;
        Some(AttemptFate::LoseReport)
    }
}
