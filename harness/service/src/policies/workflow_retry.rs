//! The next run of a chain: workflow retries, and the pause before the first workflow task of any
//! next run.
//!
//! Source: `temporalio/temporal: service/history/workflow/retry.go`, `mutable_state_impl.go`
//! (`GetRetryBackoffDuration`), `service/history/api/create_workflow_util.go`.

use prost_types::Duration;
use temporalio_protos::temporal::api::{
    common::v1::RetryPolicy, enums::v1::RetryState, failure::v1::Failure,
};

use crate::{
    base::time::nanos,
    policies::retry::{self, NextAttempt},
};

/// The minimum time between the starts of two runs of a chain; it keeps a chain from spinning
/// (`WorkflowIdReuseMinimalInterval`).
const MINIMAL_INTERVAL_MS: u64 = 1000;

const DEFAULT_WORKFLOW_TASK_TIMEOUT: Duration = Duration {
    seconds: 10,
    nanos: 0,
};
const MAX_WORKFLOW_TASK_TIMEOUT: Duration = Duration {
    seconds: 120,
    nanos: 0,
};

/// The inputs of the decision whether and when a failed run is retried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WorkflowRetry<'a> {
    /// The retry policy with its defaults filled in; `None` never retries.
    pub(crate) policy: Option<&'a RetryPolicy>,
    /// The attempt of this run, from 1.
    pub(crate) attempt: i32,
    /// The time at which the execution timeout ends the chain, in milliseconds since the Unix
    /// epoch.
    pub(crate) execution_expires_at_ms: Option<u64>,
}

impl WorkflowRetry<'_> {
    /// Returns the delay in milliseconds before the run that follows this failure.
    ///
    /// A delay that the failure asks for replaces the policy's delay. Unlike an activity's, it
    /// stays within the maximum interval.
    ///
    /// # Errors
    ///
    /// The reason why there is no next run, which is the retry state of the closing event.
    pub(crate) fn next_run(
        &self,
        now_ms: u64,
        failure: Option<&Failure>,
    ) -> Result<u64, RetryState> {
        let Some(policy) = self.policy else {
            return Err(RetryState::RetryPolicyNotSet);
        };
        if !retry::is_retryable(failure, &policy.non_retryable_error_types) {
            return Err(RetryState::NonRetryableFailure);
        }
        NextAttempt {
            now_ms,
            attempt: self.attempt,
            maximum_attempts: policy.maximum_attempts,
            delay_nanos: retry::requested_delay_nanos(failure)
                .unwrap_or_else(|| retry::exponential_nanos(policy, self.attempt)),
            maximum_delay_nanos: nanos(policy.maximum_interval.as_ref()),
            expires_at_ms: self.execution_expires_at_ms,
        }
        .delay_ms()
    }
}

/// Returns the pause, in milliseconds, before the first workflow task of a run that continues
/// another.
///
/// `executed_at_ms` is the time at which the earlier run's first workflow task was due: its start
/// plus its own pause.
///
/// Source: `temporalio/temporal: service/history/workflow/mutable_state_impl.go`
/// (`ContinueAsNewMinBackoff`).
pub(crate) fn pause_before_next_run_ms(now_ms: u64, executed_at_ms: u64, asked_ms: u64) -> u64 {
    let lifetime_ms = now_ms.saturating_sub(executed_at_ms);
    if lifetime_ms.saturating_add(asked_ms) < MINIMAL_INTERVAL_MS {
        MINIMAL_INTERVAL_MS - lifetime_ms
    } else {
        asked_ms
    }
}

/// Returns the effective run timeout: at most the execution timeout, which it is if unset.
pub(crate) fn run_timeout(run: Option<&Duration>, execution: Option<&Duration>) -> Duration {
    let (run, execution) = (
        run.copied().unwrap_or_default(),
        execution.copied().unwrap_or_default(),
    );
    match (nanos(Some(&run)), nanos(Some(&execution))) {
        (_, 0) => run,
        (0, _) => execution,
        (of_run, of_execution) if of_run <= of_execution => run,
        _ => execution,
    }
}

/// Returns the effective workflow task timeout: 10 s if unset, at most 120 s, and at most the run
/// timeout.
pub(crate) fn workflow_task_timeout(task: Option<&Duration>, run_timeout: &Duration) -> Duration {
    let asked = task
        .copied()
        .filter(|task| nanos(Some(task)) != 0)
        .unwrap_or(DEFAULT_WORKFLOW_TASK_TIMEOUT);
    let mut timeout = shorter(asked, MAX_WORKFLOW_TASK_TIMEOUT);
    if nanos(Some(run_timeout)) != 0 {
        timeout = shorter(timeout, *run_timeout);
    }
    timeout
}

fn shorter(one: Duration, other: Duration) -> Duration {
    if nanos(Some(&one)) <= nanos(Some(&other)) {
        one
    } else {
        other
    }
}

#[cfg(test)]
mod tests {
    use temporalio_protos::temporal::api::failure::v1::{
        ApplicationFailureInfo, failure::FailureInfo,
    };

    use super::*;

    const fn seconds(seconds: i64) -> Duration {
        Duration { seconds, nanos: 0 }
    }

    #[test]
    fn a_requested_delay_stays_within_the_maximum_interval() {
        let mut policy = RetryPolicy {
            maximum_interval: Some(seconds(5)),
            ..RetryPolicy::default()
        };
        retry::ensure_defaults(&mut policy);
        let retry = WorkflowRetry {
            policy: Some(&policy),
            attempt: 1,
            execution_expires_at_ms: None,
        };
        let failure = Failure {
            failure_info: Some(FailureInfo::ApplicationFailureInfo(
                ApplicationFailureInfo {
                    next_retry_delay: Some(seconds(60)),
                    ..ApplicationFailureInfo::default()
                },
            )),
            ..Failure::default()
        };
        assert_eq!(retry.next_run(0, Some(&failure)), Ok(5000));
        assert_eq!(retry.next_run(0, None), Ok(1000));
    }

    #[test]
    fn a_run_without_a_policy_is_not_retried() {
        let retry = WorkflowRetry {
            policy: None,
            attempt: 1,
            execution_expires_at_ms: None,
        };
        assert_eq!(retry.next_run(0, None), Err(RetryState::RetryPolicyNotSet));
    }

    #[test]
    fn the_execution_timeout_ends_the_chain() {
        let mut policy = RetryPolicy::default();
        retry::ensure_defaults(&mut policy);
        let retry = WorkflowRetry {
            policy: Some(&policy),
            attempt: 1,
            execution_expires_at_ms: Some(1500),
        };
        assert_eq!(retry.next_run(500, None), Ok(1000));
        assert_eq!(retry.next_run(501, None), Err(RetryState::Timeout));
    }

    #[test]
    fn a_chain_cannot_spin_faster_than_once_a_second() {
        assert_eq!(pause_before_next_run_ms(5_000, 5_000, 0), 1000);
        assert_eq!(pause_before_next_run_ms(5_300, 5_000, 0), 700);
        assert_eq!(pause_before_next_run_ms(6_000, 5_000, 0), 0);
        assert_eq!(pause_before_next_run_ms(5_300, 5_000, 400), 700);
        assert_eq!(pause_before_next_run_ms(5_300, 5_000, 800), 800);
    }

    #[test]
    fn the_run_timeout_is_within_the_execution_timeout() {
        assert_eq!(run_timeout(None, None), seconds(0));
        assert_eq!(run_timeout(Some(&seconds(9)), None), seconds(9));
        assert_eq!(run_timeout(None, Some(&seconds(7))), seconds(7));
        assert_eq!(
            run_timeout(Some(&seconds(9)), Some(&seconds(7))),
            seconds(7)
        );
    }

    #[test]
    fn a_workflow_task_has_ten_seconds_by_default() {
        assert_eq!(workflow_task_timeout(None, &seconds(0)), seconds(10));
        assert_eq!(
            workflow_task_timeout(Some(&seconds(600)), &seconds(0)),
            seconds(120)
        );
        assert_eq!(workflow_task_timeout(None, &seconds(3)), seconds(3));
    }
}
