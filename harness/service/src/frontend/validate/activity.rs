//! Requests about activities of workflows, from operators, and about standalone activities.

use prost::Message;
use prost_types::Duration;
use temporalio_protos::temporal::api::{
    command::v1::ScheduleActivityTaskCommandAttributes,
    common::v1::{Priority, WorkflowExecution},
    enums::v1::{ActivityIdConflictPolicy, ActivityIdReusePolicy},
    workflowservice::v1::StartActivityExecutionRequest,
};
use tonic::Status;

use crate::{
    base::{
        checks::{self, invalid},
        config::Limits,
        time::validate_and_cap,
    },
    frontend::validate,
    policies::{activity_retry, callbacks},
};

/// Checks a request about the activities of a workflow.
pub(super) fn of_workflow(
    workflow: Option<&WorkflowExecution>,
    names_activity: bool,
) -> Result<(), Status> {
    if workflow.is_none_or(|workflow| workflow.workflow_id.is_empty()) {
        return invalid("WorkflowId is not set on request.");
    }
    validate::execution(workflow)?;
    if !names_activity {
        return invalid("Either Activity.Id or Activity.Type should be set on request.");
    }
    Ok(())
}

pub(super) fn priority(priority: Option<&Priority>) -> Result<(), Status> {
    checks::priority(priority)
}

/// The fields that name an activity execution and its caller.
pub(super) struct Named<'a> {
    pub(super) activity_id: &'a str,
    pub(super) run_id: &'a str,
    pub(super) request_id: &'a str,
    pub(super) identity: &'a str,
}

macro_rules! named {
    ($request:expr) => {
        crate::frontend::validate::activity::Named {
            activity_id: &$request.activity_id,
            run_id: &$request.run_id,
            request_id: &$request.request_id,
            identity: &$request.identity,
        }
    };
}
pub(super) use named;

/// Checks a request about an activity execution.
///
/// Source: `temporalio/temporal: chasm/lib/activity/validator.go`.
pub(super) fn of_execution(named: &Named<'_>, limits: &Limits) -> Result<(), Status> {
    length("request ID", named.request_id, limits)?;
    length("identity", named.identity, limits)?;
    self::execution(named.activity_id, named.run_id, limits)
}

/// Checks the ids of an activity execution.
pub(super) fn execution(activity_id: &str, run_id: &str, limits: &Limits) -> Result<(), Status> {
    if activity_id.is_empty() {
        return invalid("activity ID is required");
    }
    length("activity ID", activity_id, limits)?;
    if !run_id.is_empty() && uuid::Uuid::try_parse(run_id).is_err() {
        return invalid("invalid run id: must be a valid UUID");
    }
    Ok(())
}

fn length(name: &str, value: &str, limits: &Limits) -> Result<(), Status> {
    let (length, limit) = (value.len(), limits.id_length);
    if length > limit {
        return invalid(format!(
            "{name} exceeds length limit. Length={length} Limit={limit}"
        ));
    }
    Ok(())
}

/// Checks a request to start a standalone activity, and completes its options as those of an
/// activity of a workflow are completed.
pub(super) fn start(
    request: &mut StartActivityExecutionRequest,
    limits: &Limits,
) -> Result<(), Status> {
    validate_and_cap(request.start_delay.as_mut())
        .or_else(|why| invalid(format!("invalid StartDelay: {why}")))?;
    let mut attributes = ScheduleActivityTaskCommandAttributes {
        activity_id: request.activity_id.clone(),
        activity_type: request.activity_type.clone(),
        task_queue: request.task_queue.take(),
        schedule_to_close_timeout: request.schedule_to_close_timeout,
        schedule_to_start_timeout: request.schedule_to_start_timeout,
        start_to_close_timeout: request.start_to_close_timeout,
        heartbeat_timeout: request.heartbeat_timeout,
        retry_policy: request.retry_policy.take(),
        priority: request.priority.clone(),
        ..ScheduleActivityTaskCommandAttributes::default()
    };
    activity_retry::normalize(&mut attributes, None, "", limits)?;
    request.task_queue = attributes.task_queue;
    request.schedule_to_close_timeout = attributes.schedule_to_close_timeout;
    request.schedule_to_start_timeout = attributes.schedule_to_start_timeout;
    request.start_to_close_timeout = attributes.start_to_close_timeout;
    request.heartbeat_timeout = attributes.heartbeat_timeout;
    request.retry_policy = attributes.retry_policy;

    length("request ID", &request.request_id, limits)?;
    length("identity", &request.identity, limits)?;
    id_policies(request)?;
    let input = request.input.as_ref().map_or(0, Message::encoded_len);
    if input > limits.payload_bytes {
        return invalid("input exceeds length limit");
    }
    callbacks::check(&mut request.completion_callbacks)?;
    let Some(options) = &request.on_conflict_options else {
        return Ok(());
    };
    let attaches_nothing = request.completion_callbacks.is_empty() && request.links.is_empty();
    if options.attach_completion_callbacks && !options.attach_request_id {
        return invalid(
            "on_conflict_options: attach_completion_callbacks requires attach_request_id to be set",
        );
    }
    if options.attach_request_id && attaches_nothing {
        return invalid(
            "on_conflict_options: attach_request_id requires at least one completion callback or \
             link",
        );
    }
    Ok(())
}

fn id_policies(request: &mut StartActivityExecutionRequest) -> Result<(), Status> {
    let reuse = request.id_reuse_policy;
    if ActivityIdReusePolicy::try_from(reuse).is_err() {
        return invalid(format!("unsupported ID reuse policy: {reuse}"));
    }
    let conflict = request.id_conflict_policy;
    if ActivityIdConflictPolicy::try_from(conflict).is_err() {
        return invalid(format!("unsupported ID conflict policy: {conflict}"));
    }
    if request.id_reuse_policy() == ActivityIdReusePolicy::Unspecified {
        request.set_id_reuse_policy(ActivityIdReusePolicy::AllowDuplicate);
    }
    if request.id_conflict_policy() == ActivityIdConflictPolicy::Unspecified {
        request.set_id_conflict_policy(ActivityIdConflictPolicy::Fail);
    }
    Ok(())
}

/// Checks a reason, which may be as large as a payload.
pub(super) fn reason(reason: &str, limits: &Limits) -> Result<(), Status> {
    if reason.len() > limits.payload_bytes {
        return invalid("reason exceeds length limit");
    }
    Ok(())
}

pub(super) fn jitter(jitter: Option<&mut Duration>) -> Result<(), Status> {
    validate_and_cap(jitter).or_else(|why| invalid(format!("invalid jitter: {why}")))
}
