//! RequestCancelWorkflowExecution and TerminateWorkflowExecution.
//!
//! Source: `temporalio/temporal:
//! service/history/api/{requestcancelworkflow,terminateworkflow}/api.go`.

use tonic::Status;

use crate::{
    api::{
        WorkflowExecution,
        rpc::{
            RequestCancelWorkflowExecutionRequest, RequestCancelWorkflowExecutionResponse,
            TerminateWorkflowExecutionRequest, TerminateWorkflowExecutionResponse,
        },
    },
    base::{identifiers::RunKey, status},
    frontend::answer::Handled,
    run::close::{CancelRequest, Termination},
    state::service::Service,
};

/// Returns the run to stop. If the request names the first run of a chain, it is the last run of
/// the workflow id, which must be of that chain.
fn lookup(
    service: &Service,
    execution: Option<&WorkflowExecution>,
    first_execution_run_id: &str,
) -> Result<RunKey, Status> {
    if first_execution_run_id.is_empty() {
        return service.executions.lookup(execution);
    }
    let current = execution.map(|execution| WorkflowExecution {
        workflow_id: execution.workflow_id.clone(),
        run_id: String::new(),
    });
    let key = service.executions.lookup(current.as_ref())?;
    let run = service.executions.run(key);
    if run.is_running() && run.started().first_execution_run_id != first_execution_run_id {
        return Err(status::not_found("workflow execution not found"));
    }
    Ok(key)
}

/// Requests the cancellation of a run. For a closed run, or a repeated request, this succeeds and
/// does nothing.
pub(super) fn request_cancel(
    service: &mut Service,
    request: RequestCancelWorkflowExecutionRequest,
) -> Handled {
    let key = lookup(
        service,
        request.workflow_execution.as_ref(),
        &request.first_execution_run_id,
    )?;
    let cancel = CancelRequest {
        reason: request.reason,
        identity: request.identity,
        links: request.links,
        ..CancelRequest::default()
    };
    service.request_cancel_of_run(key, cancel);
    Ok(RequestCancelWorkflowExecutionResponse::default().into())
}

pub(super) fn terminate(
    service: &mut Service,
    request: TerminateWorkflowExecutionRequest,
) -> Handled {
    let key = lookup(
        service,
        request.workflow_execution.as_ref(),
        &request.first_execution_run_id,
    )?;
    if !service.executions.run(key).is_running() {
        return Err(status::not_found("workflow execution already completed"));
    }
    let termination = Termination {
        reason: request.reason,
        details: request.details,
        identity: request.identity,
        links: request.links,
        typed_reason: None,
    };
    service.terminate_run(key, termination);
    Ok(TerminateWorkflowExecutionResponse::default().into())
}
