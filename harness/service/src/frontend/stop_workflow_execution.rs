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

/// The run to stop: with the first run of a chain given, the last run of the workflow id, if it is
/// of that chain.
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

/// Canceling what is closed, or what was asked to cancel before, succeeds and does nothing.
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
