//! Requests of workers.

use temporalio_protos::temporal::api::{
    common::v1::WorkerVersionCapabilities,
    deployment::v1::WorkerDeploymentOptions,
    enums::v1::TaskQueueKind,
    failure::v1::{Failure, failure::FailureInfo},
    taskqueue::v1::TaskQueue,
    workflowservice::v1::RespondWorkflowTaskCompletedRequest,
};
use tonic::Status;

use crate::base::{
    checks::{invalid, task_queue},
    config::{Limits, ServiceConfig},
    time, versions,
};

pub(super) fn poll(
    queue: &mut Option<TaskQueue>,
    poller: &str,
    capabilities: Option<&WorkerVersionCapabilities>,
    options: Option<&WorkerDeploymentOptions>,
    limits: &Limits,
) -> Result<(), Status> {
    identity(poller, limits)?;
    let is_unnamed = queue
        .as_ref()
        .is_some_and(|queue| queue.kind() == TaskQueueKind::Sticky && queue.normal_name.is_empty());
    versions::check_poll(capabilities, options, is_unnamed, limits)?;
    task_queue(queue, "", limits)
}

/// Checks that a completed task comes in one message: to send it in pages must be switched on for a
/// namespace, and here it never is.
///
/// Source: `temporalio/temporal: service/history/api/respondworkflowtaskcompleted/api.go`
/// (`applyTaskCompletionPagination`).
pub(super) fn one_page(
    request: &RespondWorkflowTaskCompletedRequest,
    config: &ServiceConfig,
) -> Result<(), Status> {
    if request.intermediate_page || request.page_number > 0 {
        return Err(Status::failed_precondition(format!(
            "workflow task completion pagination is disabled for this namespace {}",
            config.namespace
        )));
    }
    Ok(())
}

pub(super) fn identity(identity: &str, limits: &Limits) -> Result<(), Status> {
    if identity.len() > limits.id_length {
        return invalid("Identity length exceeds limit.");
    }
    Ok(())
}

/// Checks that a worker fails an activity with an application failure or with no failure.
pub(super) fn failure(failure: Option<&Failure>) -> Result<(), Status> {
    match failure {
        Some(Failure {
            failure_info: Some(FailureInfo::ApplicationFailureInfo(_)),
            ..
        })
        | None => next_retry_delays(failure),
        Some(_) => invalid("Failure must have ApplicationFailureInfo."),
    }
}

/// Checks that the delays in a failure and its causes are valid durations.
pub(super) fn next_retry_delays(failure: Option<&Failure>) -> Result<(), Status> {
    let mut next = failure;
    while let Some(failure) = next {
        if let Some(FailureInfo::ApplicationFailureInfo(info)) = &failure.failure_info
            && let Some(delay) = &info.next_retry_delay
        {
            time::check_valid(delay).or_else(|why| {
                let (seconds, nanos) = (delay.seconds, delay.nanos);
                let duration = format!("duration (seconds:{seconds} nanos:{nanos})");
                invalid(format!(
                    "NextRetryDelay is not a valid duration: proto: {duration} {why}"
                ))
            })?;
        }
        next = failure.cause.as_deref();
    }
    Ok(())
}

/// Checks a request that names an activity by its id: one of a workflow, or a standalone one.
pub(super) fn activity_by_id(run_id: &str, activity_id: &str) -> Result<(), Status> {
    if activity_id.is_empty() {
        return invalid("ActivityId is not set on request.");
    }
    if !run_id.is_empty() && uuid::Uuid::try_parse(run_id).is_err() {
        return invalid("RunId is not valid UUID.");
    }
    Ok(())
}
