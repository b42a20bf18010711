//! `activity_failure`: an attempt fails, retryably, before its code runs.
//!
//! On a real cluster whatever the activity calls is down for a moment. The retry policy's backoff
//! passes, and the next attempt runs. It strikes attempts after which there is another: not the
//! last that the policy allows, nor one whose retry would come too late.

use super::{
    AttemptFate, AttemptMoment, AttemptView, Chance, FaultKind, FaultRule, Strike,
    placement::Moment, words::attempt_words,
};
use temporalio_protos::temporal::api::failure::v1::{
    ApplicationFailureInfo, Failure, failure::FailureInfo,
};

pub(crate) struct ActivityFailure;

/// What the attempt fails with: an application failure of a type that no retry policy names.
pub(super) fn injected_failure() -> Failure {
    let info = ApplicationFailureInfo {
        r#type: "InjectedFault".to_owned(),
        ..Default::default()
    };
    Failure {
        message: "the attempt failed before its code ran (fault activity_failure)".to_owned(),
        source: "durasim".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(info)),
        ..Default::default()
    }
}

impl FaultRule for ActivityFailure {
    fn kind(&self) -> FaultKind {
        FaultKind::ActivityFailure
    }

    fn attempt(&self, strike: &mut Strike<'_>, attempt: &AttemptView<'_>) -> Option<AttemptFate> {
        if attempt.moment != AttemptMoment::Starts {
            return None;
        }
        let tolerable = attempt.allowance.tolerates_failure(strike.now_ms());
        let chance = Chance::of_attempt(attempt, Moment::BeforeActivity).tolerable(tolerable);
        strike.strikes(chance, |_| {
            format!(
                "fail {}, before its code runs",
                attempt_words(attempt.label, attempt.attempt)
            )
        })?;
        Some(AttemptFate::Fail(Box::new(injected_failure())))
    }
}
