//! Updates of the options of an activity, field by field.
//!
//! Source: `temporalio/temporal: common/activityoptions/merge.go`,
//! `service/history/api/updateactivityoptions/api.go`.

use temporalio_protos::temporal::api::{
    activity::v1::ActivityOptions,
    command::v1::ScheduleActivityTaskCommandAttributes,
    common::v1::{ActivityType, RetryPolicy},
};
use tonic::Status;

use crate::{
    base::config::Limits,
    policies::{activity_retry, field_mask::Fields, retry},
};

/// Returns the options with the named fields of an update. Error types are never updated.
///
/// # Errors
///
/// INVALID_ARGUMENT if a field is named whose message the update lacks, or if the new options are
/// not valid.
pub(crate) fn update(
    activity_id: &str,
    activity_type: Option<&ActivityType>,
    current: &ActivityOptions,
    update: &ActivityOptions,
    fields: &Fields,
    limits: &Limits,
) -> Result<ActivityOptions, Status> {
    let mut options = merge(current, update, fields)?;
    if fields.has_within("retryPolicy") {
        retry::validate(options.retry_policy.get_or_insert_default())?;
    }
    let mut attributes = ScheduleActivityTaskCommandAttributes {
        activity_id: activity_id.to_owned(),
        activity_type: activity_type.cloned(),
        task_queue: options.task_queue,
        schedule_to_close_timeout: options.schedule_to_close_timeout,
        schedule_to_start_timeout: options.schedule_to_start_timeout,
        start_to_close_timeout: options.start_to_close_timeout,
        heartbeat_timeout: options.heartbeat_timeout,
        ..ScheduleActivityTaskCommandAttributes::default()
    };
    activity_retry::normalize(&mut attributes, None, "", limits)?;
    options.task_queue = attributes.task_queue;
    options.schedule_to_close_timeout = attributes.schedule_to_close_timeout;
    options.schedule_to_start_timeout = attributes.schedule_to_start_timeout;
    options.start_to_close_timeout = attributes.start_to_close_timeout;
    options.heartbeat_timeout = attributes.heartbeat_timeout;
    Ok(options)
}

fn merge(
    current: &ActivityOptions,
    update: &ActivityOptions,
    fields: &Fields,
) -> Result<ActivityOptions, Status> {
    let missing = |name: &str| Status::invalid_argument(format!("{name} is not provided"));
    let mut options = current.clone();
    if fields.has("taskQueue.name") {
        let queue = update.task_queue.as_ref();
        let queue = queue.ok_or_else(|| missing("TaskQueue"))?;
        let merged = options.task_queue.get_or_insert_default();
        merged.name.clone_from(&queue.name);
    }
    macro_rules! replace {
        ($($path:literal => $field:ident),+) => {
            $(if fields.has($path) {
                options.$field = update.$field.clone();
            })+
        };
    }
    replace! {
        "scheduleToCloseTimeout" => schedule_to_close_timeout,
        "scheduleToStartTimeout" => schedule_to_start_timeout,
        "startToCloseTimeout" => start_to_close_timeout,
        "heartbeatTimeout" => heartbeat_timeout,
        "startDelay" => start_delay,
        "priority" => priority
    }
    macro_rules! replace_within {
        ($message:ident, $name:literal, $($path:literal => $field:ident),+) => {
            $(if fields.has($path) {
                let new = update.$message.as_ref().ok_or_else(|| missing($name))?;
                let merged = options.$message.get_or_insert_default();
                merged.$field = new.$field.clone();
            })+
        };
    }
    replace_within! {
        priority, "Priority",
        "priority.priorityKey" => priority_key,
        "priority.fairnessKey" => fairness_key,
        "priority.fairnessWeight" => fairness_weight
    }
    if fields.has("retryPolicy") {
        let new = update.retry_policy.clone();
        let new = new.ok_or_else(|| missing("RetryPolicy"))?;
        let error_types = options
            .retry_policy
            .take()
            .map(|policy| policy.non_retryable_error_types);
        options.retry_policy = Some(RetryPolicy {
            non_retryable_error_types: error_types.unwrap_or_default(),
            ..new
        });
    }
    replace_within! {
        retry_policy, "RetryPolicy",
        "retryPolicy.initialInterval" => initial_interval,
        "retryPolicy.backoffCoefficient" => backoff_coefficient,
        "retryPolicy.maximumInterval" => maximum_interval,
        "retryPolicy.maximumAttempts" => maximum_attempts
    }
    Ok(options)
}
