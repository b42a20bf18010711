//! The RPCs of features that a server in its default configuration has disabled: pauses of
//! workflows, workflow rules, and executions whose own time skips.
//!
//! Source: `temporalio/temporal: service/frontend/workflow_handler.go`, and of the defaults
//! `common/dynamicconfig/constants.go` (`frontend.WorkflowPauseEnabled`,
//! `frontend.workflowRulesAPIsEnabled`, `frontend.WorkflowTimeSkippingEnabled`).

use tonic::Status;

use crate::{
    api::{WorkflowExecution, rpc::UnpauseWorkflowExecutionRequest},
    base::status,
    frontend::answer::Handled,
    messages::request::Rpc,
    state::service::Service,
};

/// Refuses to pause a workflow.
pub(super) fn pause(service: &Service) -> Handled {
    let namespace = &service.config.namespace;
    Err(Status::unimplemented(format!(
        "workflow pause is not enabled for namespace: {namespace}"
    )))
}

/// Refuses to unpause a workflow, of which none is paused.
///
/// Source: `temporalio/temporal: service/history/api/unpauseworkflow/api.go`.
pub(super) fn unpause(service: &Service, request: UnpauseWorkflowExecutionRequest) -> Handled {
    let execution = WorkflowExecution {
        workflow_id: request.workflow_id,
        run_id: request.run_id,
    };
    let key = service.executions.lookup(Some(&execution))?;
    if !service.executions.run(key).is_running() {
        return Err(status::not_found("workflow execution already completed"));
    }
    Err(Status::failed_precondition("workflow is not paused."))
}

/// Refuses an RPC about workflow rules.
pub(super) fn rules(rpc: Rpc) -> Handled {
    let name = rpc.name();
    Err(Status::unimplemented(format!(
        "method {name} not supported"
    )))
}

/// Refuses to wait for an execution whose own time skips.
pub(super) fn time_skipping() -> Handled {
    Err(Status::unimplemented(
        "The Time-Skipping feature is not enabled for namespace.",
    ))
}
