//! RespondWorkflowTaskFailed and ResetStickyTaskQueue: a worker gives up a workflow task, or a run
//! in its cache.
//!
//! Source: `temporalio/temporal:
//! service/history/api/{respondworkflowtaskfailed,resetstickytaskqueue}/api.go`.

use crate::{
    api::{
        enums::WorkflowTaskFailedCause,
        rpc::{
            ResetStickyTaskQueueRequest, ResetStickyTaskQueueResponse,
            RespondWorkflowTaskFailedRequest, RespondWorkflowTaskFailedResponse,
        },
    },
    base::{failure, status},
    frontend::{answer::Handled, respond_workflow_task_completed::started_task},
    run::{
        close::{HISTORY_SERVICE, Termination},
        workflow_task::WorkflowTaskFailure,
    },
    state::service::Service,
};

/// Fails the task, and schedules another at once. A task that is too large to be sent terminates
/// the run instead.
pub(super) fn handle(service: &mut Service, request: RespondWorkflowTaskFailedRequest) -> Handled {
    let (key, _) = started_task(service, &request.task_token)?;
    let now_ms = service.now_ms;
    let cause = request.cause();
    if cause == WorkflowTaskFailedCause::GrpcMessageTooLarge {
        let termination = Termination {
            reason: "GrpcMessageTooLarge".to_owned(),
            identity: HISTORY_SERVICE.to_owned(),
            ..Termination::default()
        };
        service.terminate_run(key, termination);
        return Ok(RespondWorkflowTaskFailedResponse::default().into());
    }
    let limit = service.config.limits.payload_bytes;
    let failure = request
        .failure
        .map(|failure| failure::for_event(failure, limit).0);
    let run = service.executions.run_mut(key);
    #[allow(deprecated, reason = "the server still takes both")]
    let failed = WorkflowTaskFailure {
        stamp: request.worker_version,
        binary_checksum: request.binary_checksum,
        ..WorkflowTaskFailure::new(cause, failure, &request.identity)
    };
    run.fail_workflow_task(now_ms, failed);
    run.hasten_workflow_task(now_ms);
    service.close_transaction(key);
    Ok(RespondWorkflowTaskFailedResponse::default().into())
}

/// Has the next workflow task go to the normal queue, with the full history.
pub(super) fn reset_sticky(
    service: &mut Service,
    request: &ResetStickyTaskQueueRequest,
) -> Handled {
    let key = service.executions.lookup(request.execution.as_ref())?;
    let run = service.executions.run_mut(key);
    if !run.is_running() {
        return Err(status::not_found("workflow execution already completed"));
    }
    run.state.workflow_task.sticky = None;
    Ok(ResetStickyTaskQueueResponse::default().into())
}
