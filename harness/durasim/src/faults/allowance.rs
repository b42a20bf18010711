//! What an activity attempt can still lose without its activity failing.
//!
//! A sound workflow may rely on its activities being retried, and so a fault must leave room for a
//! retry: under any plan that leaves retries unexhausted, nothing that was injected reaches the
//! workflow. Attempts are counted by the retry policy; time is counted by schedule-to-close, which
//! runs over all attempts, and by the timeout of the run. An attempt that fails is retried after
//! its backoff; one that falls silent is retried only once it has timed out, which takes up to its
//! start-to-close timeout.
//!
//! How many attempts the activity needs and how long it takes is known from [the fault-free
//! world](super::usual). Where it is not, the next attempt is given its whole start-to-close
//! timeout, or half of schedule-to-close where that is less. An activity that is to be cancelled is
//! not retried any more. Schedule-to-start is never retried, and workers are not told of it; so
//! that it stays out of play, a worker that dies is back [soon](super::worker_crash).

use super::{activity_failure::injected_failure, usual::Need};
use durasim_service::activity_retry::ActivityRetry;
use std::time::{Duration, SystemTime};
use temporalio_protos::temporal::api::{
    enums::v1::TimeoutType,
    failure::v1::{Failure, TimeoutFailureInfo, failure::FailureInfo},
    workflowservice::v1::PollActivityTaskQueueResponse,
};

/// How many attempts of one activity faults take at most: however high the odds, later ones are
/// left alone.
const MAX_STRUCK_ATTEMPTS: i32 = 3;

/// The attempts and the time that an attempt's activity has left. Times are virtual milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(clippy::struct_field_names, reason = "names carry their unit last")]
pub(crate) struct Allowance {
    started_ms: u64,
    start_to_close_ms: Option<u64>,
    heartbeat_ms: Option<u64>,
    schedule_to_close_ms: Option<u64>,
    /// When the last attempt must have closed, if ever.
    deadline_ms: Option<u64>,
    /// How long the activity takes when nothing goes wrong, if that is known.
    usual_ms: Option<u64>,
    /// From a failure that is injected to the next attempt; `None` if there would be none.
    after_failure_ms: Option<u64>,
    /// From a timeout of the attempt to the next one; `None` if there would be none.
    after_timeout_ms: Option<u64>,
}

impl Allowance {
    /// What the attempt of this task has left, of an activity that needs this much, in a run that
    /// must not need it any more after `run_deadline_ms`.
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
                is_enough && task.attempt <= MAX_STRUCK_ATTEMPTS
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
            usual_ms: need.ms,
            after_failure_ms: after(&injected_failure()),
            after_timeout_ms,
        }
    }

    /// The same of an activity that is not retried any more.
    pub(crate) fn without_retry(self) -> Self {
        Self {
            after_failure_ms: None,
            after_timeout_ms: None,
            ..self
        }
    }

    /// Whether the activity bears it that this attempt fails now, retryably.
    pub(crate) fn tolerates_failure(&self, now_ms: u64) -> bool {
        self.after_failure_ms
            .is_some_and(|backoff_ms| self.has_time_from(now_ms.saturating_add(backoff_ms)))
    }

    /// Whether the activity bears it that the service never hears of this attempt again.
    pub(crate) fn tolerates_silence(&self) -> bool {
        let (Some(backoff_ms), Some(timeout_ms)) =
            (self.after_timeout_ms, self.latest_timeout_ms())
        else {
            return false;
        };
        self.has_time_from(timeout_ms.saturating_add(backoff_ms))
    }

    /// How long after the attempt's start its retry starts, if it sends no heartbeat from the
    /// start; `None` if it never times out.
    pub(crate) fn retry_after_ms(&self) -> Option<u64> {
        let timeouts = [self.start_to_close_ms, self.heartbeat_ms];
        let timeout_ms = timeouts.into_iter().flatten().min()?;
        Some(timeout_ms.saturating_add(self.after_timeout_ms.unwrap_or(0)))
    }

    /// When the service gives up on the attempt at the latest: heartbeats may keep it alive until
    /// start-to-close.
    fn latest_timeout_ms(&self) -> Option<u64> {
        let timeout_ms = self.start_to_close_ms.or(self.heartbeat_ms)?;
        Some(self.started_ms.saturating_add(timeout_ms))
    }

    /// Whether an attempt that starts at `start_ms` has the time it may need.
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
        start_ms.saturating_add(self.usual_ms.unwrap_or(most_ms)) <= deadline_ms
    }
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

/// The milliseconds since the Unix epoch of a timestamp.
pub(crate) fn instant_ms<T: Clone + TryInto<SystemTime>>(at: &T) -> u64 {
    let at = at.clone().try_into().unwrap_or(SystemTime::UNIX_EPOCH);
    at.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, milliseconds)
}

/// The milliseconds of a timeout; `None` for 0, which means that there is none.
pub(crate) fn limit_ms<D: Clone + TryInto<Duration>>(timeout: Option<&D>) -> Option<u64> {
    let timeout = timeout?.clone().try_into().unwrap_or_default();
    (!timeout.is_zero()).then(|| milliseconds(timeout))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
