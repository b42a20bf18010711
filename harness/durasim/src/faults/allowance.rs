//! The losses that an activity attempt tolerates without its activity failing.
//!
//! A sound workflow may rely on its activities being retried, so a fault must leave room for a
//! retry: as long as a plan does not exhaust the retries, nothing that was injected reaches the
//! workflow. The retry policy limits the attempts. Schedule-to-close, which covers all attempts,
//! and the timeout of the run limit the time. An attempt that fails is retried after its backoff.
//! An attempt that falls silent is retried only once it has timed out, which takes up to its
//! start-to-close timeout.
//!
//! [The fault-free world](super::baseline) shows how many attempts the activity needs and how long
//! it takes. Where that is not known, the next attempt is given its whole start-to-close timeout,
//! or half of schedule-to-close where that is less. An activity whose cancellation is requested is
//! not retried any more. A schedule-to-start timeout is never retried, and workers do not learn of
//! it; for its sake a worker that dies is back [soon](super::catalogue::worker_crash).

use durasim_service::{activity_retry::ActivityRetry, time::instant_ms};
use temporalio_protos::temporal::api::{
    enums::v1::TimeoutType,
    failure::v1::{ApplicationFailureInfo, Failure, TimeoutFailureInfo, failure::FailureInfo},
    workflowservice::v1::PollActivityTaskQueueResponse,
};

use super::{baseline::Need, times::limit_ms};

/// The number of attempts of one activity that faults take at most: however high the odds, later
/// ones are left alone.
const MAX_INJECTED_ATTEMPTS: i32 = 3;

/// The most attempts of an activity whose retries are made to run out.
const MOST_ATTEMPTS: i32 = 100;

/// The attempts and the time that an attempt's activity has left. Times are virtual milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Allowance {
    started_ms: u64,
    start_to_close_ms: Option<u64>,
    heartbeat_ms: Option<u64>,
    schedule_to_close_ms: Option<u64>,
    /// The time by which the last attempt must have closed, if there is one.
    deadline_ms: Option<u64>,
    /// The time that the activity takes when nothing goes wrong, if that is known.
    needed_ms: Option<u64>,
    /// From a failure that is injected to the next attempt; `None` if there would be none.
    after_failure_ms: Option<u64>,
    /// From a timeout of the attempt to the next one; `None` if there would be none.
    after_timeout_ms: Option<u64>,
    /// True if the activity fails for good, and soon, if every attempt fails.
    runs_out: bool,
}

impl Allowance {
    /// Returns the allowance of the attempt of this task. Its activity has this need, and its run
    /// must be done with it by `run_deadline_ms`.
    pub(crate) fn of(
        task: &PollActivityTaskQueueResponse,
        run_deadline_ms: Option<u64>,
        need: Need,
    ) -> Self {
        let scheduled_ms = task.scheduled_time.as_ref().map_or(0, instant_ms);
        let schedule_to_close_ms = limit_ms(task.schedule_to_close_timeout.as_ref());
        let closes_ms = schedule_to_close_ms.map(|timeout| scheduled_ms.saturating_add(timeout));
        let retry = ActivityRetry {
            policy: task.retry_policy.as_ref().filter(|policy| {
                let left = policy.maximum_attempts - task.attempt;
                let is_enough =
                    policy.maximum_attempts <= 0 || i64::from(left) >= i64::from(need.attempts);
                is_enough && task.attempt <= MAX_INJECTED_ATTEMPTS
            }),
            attempt: task.attempt,
            cancel_requested: false,
            expires_at_ms: None,
        };
        let after = |failure: &Failure| retry.next_attempt(0, Some(failure)).ok();
        // Which of the two comes first may not be known, so both must be retryable.
        let after_timeout_ms = after(&timed_out(TimeoutType::Heartbeat))
            .and(after(&timed_out(TimeoutType::StartToClose)));
        Self {
            started_ms: task.started_time.as_ref().map_or(scheduled_ms, instant_ms),
            start_to_close_ms: limit_ms(task.start_to_close_timeout.as_ref()),
            heartbeat_ms: limit_ms(task.heartbeat_timeout.as_ref()),
            schedule_to_close_ms,
            deadline_ms: [closes_ms, run_deadline_ms].into_iter().flatten().min(),
            needed_ms: need.ms,
            after_failure_ms: after(&injected_failure(FailedBy::Failure)),
            after_timeout_ms,
            runs_out: task.attempt == 1 && retries_run_out(task, closes_ms),
        }
    }

    /// Returns `true` if the activity fails for good if every attempt fails, from the first on.
    pub(crate) fn runs_out(&self) -> bool {
        self.runs_out
    }

    /// Returns the allowance of the same attempt when its activity is not retried any more.
    pub(crate) fn without_retry(self) -> Self {
        Self {
            after_failure_ms: None,
            after_timeout_ms: None,
            ..self
        }
    }

    /// Returns `true` if the activity tolerates a retryable failure of this attempt now.
    pub(crate) fn tolerates_failure(&self, now_ms: u64) -> bool {
        self.after_failure_ms
            .is_some_and(|backoff_ms| self.has_time_from(now_ms.saturating_add(backoff_ms)))
    }

    /// Returns `true` if the activity tolerates that the service never hears of this attempt again.
    pub(crate) fn tolerates_silence(&self) -> bool {
        let (Some(backoff_ms), Some(timeout_ms)) =
            (self.after_timeout_ms, self.latest_timeout_ms())
        else {
            return false;
        };
        self.has_time_from(timeout_ms.saturating_add(backoff_ms))
    }

    /// Returns the time from the attempt's start to its retry's, if it sends no heartbeat from the
    /// start; `None` if it never times out.
    pub(crate) fn retry_after_ms(&self) -> Option<u64> {
        let timeouts = [self.start_to_close_ms, self.heartbeat_ms];
        let timeout_ms = timeouts.into_iter().flatten().min()?;
        Some(timeout_ms.saturating_add(self.after_timeout_ms.unwrap_or(0)))
    }

    /// Returns the time of the attempt's retry, if the service hears of the attempt at
    /// `last_heartbeat_ms` for the last time; `None` if the attempt never times out.
    pub(crate) fn retry_at_ms(&self, last_heartbeat_ms: Option<u64>) -> Option<u64> {
        let after =
            |from_ms: u64, timeout_ms: Option<u64>| Some(from_ms.saturating_add(timeout_ms?));
        let heard_ms = last_heartbeat_ms.unwrap_or(0).max(self.started_ms);
        let timeouts = [
            after(self.started_ms, self.start_to_close_ms),
            after(heard_ms, self.heartbeat_ms),
        ];
        let timeout_ms = timeouts.into_iter().flatten().min()?;
        Some(timeout_ms.saturating_add(self.after_timeout_ms.unwrap_or(0)))
    }

    /// Returns the latest time at which the service gives up on the attempt: heartbeats may keep it
    /// alive until start-to-close.
    fn latest_timeout_ms(&self) -> Option<u64> {
        let timeout_ms = self.start_to_close_ms.or(self.heartbeat_ms)?;
        Some(self.started_ms.saturating_add(timeout_ms))
    }

    /// Returns `true` if an attempt that starts at `start_ms` has the time that it may need.
    fn has_time_from(&self, start_ms: u64) -> bool {
        let Some(deadline_ms) = self.deadline_ms else {
            return true;
        };
        let half_ms = self.schedule_to_close_ms.map(|timeout| timeout / 2);
        let most_ms = [self.start_to_close_ms, half_ms]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or(0);
        start_ms.saturating_add(self.needed_ms.unwrap_or(most_ms)) <= deadline_ms
    }
}

/// Returns `true` if the activity of a first attempt fails for good, in a few attempts, if every
/// attempt fails at once. It must be done by `closes_ms`.
fn retries_run_out(task: &PollActivityTaskQueueResponse, closes_ms: Option<u64>) -> bool {
    let mut retry = ActivityRetry {
        policy: task.retry_policy.as_ref(),
        attempt: task.attempt,
        cancel_requested: false,
        expires_at_ms: closes_ms,
    };
    let is_limited = retry.policy.is_none_or(|it| it.maximum_attempts > 0);
    if !is_limited && closes_ms.is_none() {
        return false;
    }
    let failure = injected_failure(FailedBy::Failure);
    let mut now_ms = task.started_time.as_ref().map_or(0, instant_ms);
    while retry.attempt <= MOST_ATTEMPTS {
        let Ok(after_ms) = retry.next_attempt(now_ms, Some(&failure)) else {
            return true;
        };
        now_ms = now_ms.saturating_add(after_ms);
        retry.attempt += 1;
    }
    false
}

fn timed_out(timeout_type: TimeoutType) -> Failure {
    let info = TimeoutFailureInfo {
        timeout_type: timeout_type.into(),
        ..Default::default()
    };
    Failure {
        failure_info: Some(FailureInfo::TimeoutFailureInfo(info)),
        ..Default::default()
    }
}

/// The fault that fails an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FailedBy {
    /// `activity_failure`: another attempt follows.
    Failure,
    /// `retries_exhausted`: every attempt fails.
    Exhaustion,
}

/// Returns the failure with which a fault fails an attempt: an application failure of a type that
/// no retry policy names.
pub(crate) fn injected_failure(by: FailedBy) -> Failure {
    let info = ApplicationFailureInfo {
        r#type: "InjectedFault".to_owned(),
        ..Default::default()
    };
    Failure {
        message: match by {
            FailedBy::Failure => "the attempt failed before its code ran (fault activity_failure)",
            FailedBy::Exhaustion => "every attempt failed (fault retries_exhausted)",
        }
        .to_owned(),
        source: "durasim".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(info)),
        ..Default::default()
    }
}

#[cfg(test)]
mod tests;
