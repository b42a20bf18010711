//! Retries of local activities: whether and when another attempt follows a failed one.
//!
//! The rules are Core's (`temporalio-sdk-core: src/worker/activities/local_activities.rs`,
//! `src/retry_logic.rs`). Their timeouts are kept by
//! [`LocalActivities`](crate::activity::LocalActivities).

use std::{collections::BTreeMap, num::NonZero, time::Duration};

use temporalio_protos::{
    coresdk::activity_result::activity_resolution::Status,
    temporal::api::{
        common::v1::RetryPolicy,
        enums::v1::TimeoutType,
        failure::v1::{ApplicationFailureInfo, Failure, TimeoutFailureInfo, failure::FailureInfo},
    },
};

use crate::{
    LocalActivityOutcome, LocalActivityResolution, LocalActivityTask,
    execution::LocalResolution,
    machines::{LocalResult, ScheduledLocalActivity},
    time,
};

/// The longest backoff for which the worker waits, unless the workflow sets another. A longer one
/// becomes a timer.
const DEFAULT_LOCAL_RETRY_THRESHOLD: Duration = Duration::from_mins(1);

#[derive(Debug)]
struct Running {
    scheduled: ScheduledLocalActivity,
    attempt: u32,
    first_task_has_ended: bool,
    attempts_in_task: u32,
}

/// The local activities of a run that run or back off.
#[derive(Debug, Default)]
pub(super) struct RunningLocalActivities {
    by_seq: BTreeMap<u32, Running>,
}

/// The consequence of the end of an attempt.
pub(super) enum AfterAttempt {
    /// Another attempt follows.
    Retry(Box<LocalActivityTask>),
    /// The local activity is over: the workflow learns its result.
    Resolved(Box<LocalResolution>),
    /// Nobody waits for the local activity.
    Untracked,
}

impl RunningLocalActivities {
    /// Returns the first attempt of a local activity.
    pub(super) fn start(&mut self, scheduled: ScheduledLocalActivity) -> LocalActivityTask {
        let attempt = scheduled.schedule.attempt.max(1);
        let task = attempt_of(&scheduled, attempt, Duration::ZERO);
        let running = Running {
            attempt,
            scheduled,
            first_task_has_ended: false,
            attempts_in_task: 0,
        };
        self.by_seq.insert(task.seq, running);
        task
    }

    /// Returns the consequence of the end of an attempt.
    pub(super) fn on_attempt(
        &mut self,
        seq: u32,
        resolution: LocalActivityResolution,
    ) -> AfterAttempt {
        let Some(mut running) = self.by_seq.remove(&seq) else {
            return AfterAttempt::Untracked;
        };

        // Find the result of the attempt, and the backoff if another may follow.
        let attempt = running.attempt;
        let policy = running.scheduled.schedule.retry_policy.as_ref();
        let (result, backoff) = match resolution.outcome {
            LocalActivityOutcome::TimedOut(TimeoutType::StartToClose) => (
                timed_out(TimeoutType::StartToClose),
                backoff(policy, attempt, None),
            ),
            LocalActivityOutcome::TimedOut(kind) => (timed_out(kind), None),
            LocalActivityOutcome::CancelledBetweenAttempts => {
                return AfterAttempt::Resolved(Box::new(LocalResolution {
                    seq,
                    result: LocalResult::empty_cancel(),
                    runtime: Duration::ZERO,
                    // It was in no attempt.
                    attempt: 0,
                    backoff: None,
                }));
            }
            LocalActivityOutcome::Resolved(resolution) => match resolution.status {
                Some(Status::Completed(success)) => (LocalResult::Completed(success.result), None),
                Some(Status::Cancelled(cancelled)) => {
                    (LocalResult::Cancelled(cancelled.failure), None)
                }
                Some(Status::Failed(failed)) => {
                    let failure = failed.failure.unwrap_or_default();
                    let backoff = backoff(policy, attempt, failure.maybe_application_failure());
                    (LocalResult::Failed(failure), backoff)
                }
                // Only this worker makes a workflow back off, never the code of an attempt.
                Some(Status::Backoff(_)) | None => return AfterAttempt::Untracked,
            },
        };

        // Wait here for a short backoff; leave a long one to a timer of the workflow's.
        let schedule = &running.scheduled.schedule;
        let threshold =
            time::duration(schedule.local_retry_threshold).unwrap_or(DEFAULT_LOCAL_RETRY_THRESHOLD);
        if let Some(backoff) = backoff
            && backoff <= threshold
        {
            running.attempt += 1;
            running.attempts_in_task += 1;
            let task = attempt_of(&running.scheduled, running.attempt, backoff);
            self.by_seq.insert(seq, running);
            return AfterAttempt::Retry(Box::new(task));
        }
        AfterAttempt::Resolved(Box::new(LocalResolution {
            seq,
            result,
            runtime: resolution.runtime,
            attempt,
            backoff: backoff.and_then(|backoff| backoff.try_into().ok()),
        }))
    }

    /// Returns the number of attempts that were repeated in workflow tasks after the first, which
    /// completions report.
    pub(super) fn nonfirst_attempts(&self) -> u32 {
        self.by_seq
            .values()
            .filter(|r| r.first_task_has_ended)
            .map(|r| r.attempts_in_task)
            .sum()
    }

    /// Notes that the workflow task in which the local activities run is over.
    pub(super) fn task_ended(&mut self) {
        for running in self.by_seq.values_mut() {
            running.first_task_has_ended = true;
            running.attempts_in_task = 0;
        }
    }
}

fn attempt_of(
    scheduled: &ScheduledLocalActivity,
    attempt: u32,
    after: Duration,
) -> LocalActivityTask {
    LocalActivityTask {
        seq: scheduled.schedule.seq,
        attempt,
        after,
        schedule: scheduled.schedule.clone(),
    }
}

fn timed_out(kind: TimeoutType) -> LocalResult {
    LocalResult::TimedOut(Failure {
        message: "Activity timed out".to_owned(),
        failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: kind as i32,
            last_heartbeat_details: None,
        })),
        ..Default::default()
    })
}

/// Returns the time to wait for the next attempt, if there is to be one.
///
/// Unlike the server, Core ignores the case of non-retryable types, and does not cap the first
/// backoff.
fn backoff(
    policy: Option<&RetryPolicy>,
    attempt: u32,
    failure: Option<&ApplicationFailureInfo>,
) -> Option<Duration> {
    let defaults = RetryPolicy::default();
    let policy = policy.unwrap_or(&defaults);
    let attempt = NonZero::new(attempt).unwrap_or(NonZero::<u32>::MIN).get();
    let maximum_attempts = u32::try_from(policy.maximum_attempts).unwrap_or(0);

    // The policy or the failure may forbid another attempt.
    if maximum_attempts > 0 && attempt >= maximum_attempts {
        return None;
    }
    if failure.is_some_and(|failure| failure.non_retryable) {
        return None;
    }
    let failure_type = failure
        .map(|failure| failure.r#type.to_lowercase())
        .unwrap_or_default();
    if policy
        .non_retryable_error_types
        .iter()
        .any(|listed| listed.to_lowercase() == failure_type)
    {
        return None;
    }

    // The failure may set the backoff itself.
    if let Some(delay) = failure.and_then(|failure| time::duration(failure.next_retry_delay)) {
        return Some(delay);
    }

    // Otherwise it grows with the number of attempts.
    let initial = time::duration(policy.initial_interval).unwrap_or(Duration::from_secs(1));
    if attempt == 1 {
        return Some(initial);
    }
    let coefficient = if policy.backoff_coefficient >= 1.0 {
        policy.backoff_coefficient
    } else {
        2.0
    };
    let maximum = time::duration(policy.maximum_interval).map_or_else(
        || initial.saturating_mul(100),
        |maximum| maximum.max(initial),
    );
    let delay = i32::try_from(attempt - 1).ok().and_then(|retries| {
        Duration::try_from_secs_f64(coefficient.powi(retries) * initial.as_secs_f64()).ok()
    });
    Some(delay.map_or(maximum, |delay| delay.min(maximum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: i64) -> prost_types::Duration {
        prost_types::Duration { seconds, nanos: 0 }
    }

    #[test]
    fn the_backoff_doubles_up_to_a_hundred_times_the_first() {
        let delays: Vec<u64> = [1, 2, 3, 7, 8, 60]
            .iter()
            .map(|n| backoff(None, *n, None).unwrap().as_secs())
            .collect();
        assert_eq!(delays, [1, 2, 4, 64, 100, 100]);
    }

    #[test]
    fn no_attempt_follows_the_last_one_that_the_policy_allows() {
        let policy = RetryPolicy {
            maximum_attempts: 3,
            ..Default::default()
        };
        assert!(backoff(Some(&policy), 2, None).is_some());
        assert_eq!(backoff(Some(&policy), 3, None), None);
    }

    #[test]
    fn a_failure_of_a_listed_type_is_not_retried_whatever_its_case() {
        let policy = RetryPolicy {
            non_retryable_error_types: vec!["NoMoney".to_owned()],
            ..Default::default()
        };
        let failure = ApplicationFailureInfo {
            r#type: "nomoney".to_owned(),
            ..Default::default()
        };
        assert_eq!(backoff(Some(&policy), 1, Some(&failure)), None);
    }

    #[test]
    fn a_failure_may_set_the_backoff_itself() {
        let policy = RetryPolicy {
            maximum_interval: Some(seconds(5)),
            ..Default::default()
        };
        let failure = ApplicationFailureInfo {
            next_retry_delay: Some(seconds(30)),
            ..Default::default()
        };
        assert_eq!(
            backoff(Some(&policy), 1, Some(&failure)),
            Some(Duration::from_secs(30))
        );
    }
}
