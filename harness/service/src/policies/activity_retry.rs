//! The options of activities, as the server completes them, and the retries of failed attempts.
//!
//! These are pure functions: options in, deadlines out.
//!
//! Source: `temporalio/temporal: chasm/lib/activity/validator.go`,
//! `service/history/workflow/mutable_state_impl.go` (`RetryActivity`),
//! `service/history/api/command_attr_validator.go`.

use prost_types::Duration;
use temporalio_protos::temporal::api::{
    command::v1::ScheduleActivityTaskCommandAttributes,
    common::v1::RetryPolicy,
    enums::v1::{RetryState, TimeoutType},
    failure::v1::{Failure, failure::FailureInfo},
};
use tonic::Status;

use crate::{
    base::{
        checks,
        config::Limits,
        time::{nanos, validate_and_cap},
    },
    policies::retry::{self, NextAttempt},
};

/// The inputs of the decision whether and when an activity is retried.
#[derive(Clone, Copy, Debug)]
pub struct ActivityRetry<'a> {
    /// The retry policy with its defaults filled in; `None` never retries.
    pub policy: Option<&'a RetryPolicy>,
    /// The attempt that just ended, from 1.
    pub attempt: i32,
    /// True if the workflow has requested the activity's cancellation.
    pub cancel_requested: bool,
    /// The end of schedule-to-close, in milliseconds since the Unix epoch: no attempt starts after
    /// it. It counts from the first schedule, over all attempts.
    pub expires_at_ms: Option<u64>,
}

impl ActivityRetry<'_> {
    /// Returns the delay in milliseconds before the attempt that follows this failure.
    ///
    /// A delay that the failure asks for replaces the policy's delay, even above the policy's
    /// maximum interval.
    ///
    /// # Errors
    ///
    /// The reason why there is no next attempt, which is the retry state of the closing event.
    pub fn next_attempt(&self, now_ms: u64, failure: Option<&Failure>) -> Result<u64, RetryState> {
        let policy = self.permits(failure)?;
        let requested = retry::requested_delay_nanos(failure);
        NextAttempt {
            now_ms,
            attempt: self.attempt,
            maximum_attempts: policy.maximum_attempts,
            delay_nanos: requested
                .unwrap_or_else(|| retry::exponential_nanos(policy, self.attempt)),
            maximum_delay_nanos: requested
                .unwrap_or_else(|| nanos(policy.maximum_interval.as_ref())),
            expires_at_ms: self.expires_at_ms,
        }
        .delay_ms()
    }

    /// Returns the policy if the failure may be followed by another attempt, whenever that is.
    ///
    /// # Errors
    ///
    /// The reason why there is no next attempt.
    pub(crate) fn permits(&self, failure: Option<&Failure>) -> Result<&RetryPolicy, RetryState> {
        let Some(policy) = self.policy else {
            return Err(RetryState::RetryPolicyNotSet);
        };
        if self.cancel_requested {
            return Err(RetryState::CancelRequested);
        }
        // The server enforces these two timeouts itself; no attempt failed.
        if let Some(FailureInfo::TimeoutFailureInfo(info)) =
            failure.and_then(|f| f.failure_info.as_ref())
            && matches!(
                info.timeout_type(),
                TimeoutType::ScheduleToStart | TimeoutType::ScheduleToClose
            )
        {
            return Err(RetryState::Timeout);
        }
        if !retry::is_retryable(failure, &policy.non_retryable_error_types) {
            return Err(RetryState::NonRetryableFailure);
        }
        Ok(policy)
    }
}

/// Checks the command that schedules an activity, and completes its options as its event will show
/// them.
///
/// Schedule-to-close fills in the other two timeouts and bounds them. With start-to-close alone,
/// the run's timeout fills in the others. No timeout exceeds the run's, and heartbeat does not
/// exceed start-to-close.
///
/// # Errors
///
/// INVALID_ARGUMENT, naming the field; the workflow task then fails with
/// BAD_SCHEDULE_ACTIVITY_ATTRIBUTES.
pub(crate) fn normalize(
    command: &mut ScheduleActivityTaskCommandAttributes,
    run_timeout: Option<&Duration>,
    workflow_task_queue: &str,
    limits: &Limits,
) -> Result<(), Status> {
    checks::task_queue_of_user(&mut command.task_queue, "", workflow_task_queue, limits)?;
    if command.activity_id.is_empty() {
        return Err(Status::invalid_argument("activityId is not set"));
    }
    let activity_type = command
        .activity_type
        .as_ref()
        .map_or("", |activity_type| &activity_type.name);
    if activity_type.is_empty() {
        return Err(Status::invalid_argument("activityType is not set"));
    }
    check_length("activityId", &command.activity_id, limits)?;
    check_length("activityType", activity_type, limits)?;
    let policy = command.retry_policy.get_or_insert_default();
    retry::ensure_defaults(policy);
    retry::validate(policy)?;
    checks::priority(command.priority.as_ref()).map_err(|refused| {
        Status::invalid_argument(format!("invalid priorities: {}", refused.message()))
    })?;
    normalize_timeouts(command, run_timeout)
}

fn normalize_timeouts(
    command: &mut ScheduleActivityTaskCommandAttributes,
    run_timeout: Option<&Duration>,
) -> Result<(), Status> {
    // Each timeout must be a valid duration.
    for (name, timeout) in [
        (
            "ScheduleToCloseTimeout",
            &mut command.schedule_to_close_timeout,
        ),
        (
            "ScheduleToStartTimeout",
            &mut command.schedule_to_start_timeout,
        ),
        ("StartToCloseTimeout", &mut command.start_to_close_timeout),
        ("HeartbeatTimeout", &mut command.heartbeat_timeout),
    ] {
        validate_and_cap(timeout.as_mut())
            .map_err(|why| Status::invalid_argument(format!("invalid {name}: {why}")))?;
    }
    let run_timeout = run_timeout.copied().unwrap_or_default();
    let is_set = |timeout: &Option<Duration>| nanos(timeout.as_ref()) > 0;
    let schedule_to_start_set = is_set(&command.schedule_to_start_timeout);
    let start_to_close_set = is_set(&command.start_to_close_timeout);

    // Fill in the timeouts that are not set.
    if is_set(&command.schedule_to_close_timeout) {
        let bound = command.schedule_to_close_timeout;
        for (set, timeout) in [
            (
                schedule_to_start_set,
                &mut command.schedule_to_start_timeout,
            ),
            (start_to_close_set, &mut command.start_to_close_timeout),
        ] {
            *timeout = if set {
                Some(shorter(*timeout, bound))
            } else {
                bound
            };
        }
    } else if start_to_close_set {
        command.schedule_to_close_timeout = Some(run_timeout);
        if !schedule_to_start_set {
            command.schedule_to_start_timeout = Some(run_timeout);
        }
    } else {
        return Err(Status::invalid_argument(format!(
            "a valid StartToCloseTimeout or ScheduleToCloseTimeout must be set on the activity. \
             ActivityId={} ActivityType={}",
            command.activity_id,
            command
                .activity_type
                .as_ref()
                .map_or("", |activity_type| &activity_type.name),
        )));
    }

    // No timeout exceeds that of the run.
    if nanos(Some(&run_timeout)) > 0 {
        for timeout in [
            &mut command.schedule_to_close_timeout,
            &mut command.schedule_to_start_timeout,
            &mut command.start_to_close_timeout,
            &mut command.heartbeat_timeout,
        ] {
            if nanos(timeout.as_ref()) > nanos(Some(&run_timeout)) {
                *timeout = Some(run_timeout);
            }
        }
    }
    command.heartbeat_timeout = Some(shorter(
        command.heartbeat_timeout,
        command.start_to_close_timeout,
    ));
    Ok(())
}

fn shorter(one: Option<Duration>, other: Option<Duration>) -> Duration {
    let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
    if nanos(Some(&one)) <= nanos(Some(&other)) {
        one
    } else {
        other
    }
}

fn check_length(field: &str, value: &str, limits: &Limits) -> Result<(), Status> {
    if value.len() > limits.id_length {
        return Err(Status::invalid_argument(format!(
            "{field} exceeds length limit. Length={} Limit={}",
            value.len(),
            limits.id_length,
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
