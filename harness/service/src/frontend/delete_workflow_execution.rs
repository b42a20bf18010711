//! DeleteWorkflowExecution: a run, open or closed, is found no more.
//!
//! Source: `temporalio/temporal: service/history/api/deleteworkflow/api.go`.

use crate::{
    api::rpc::{DeleteWorkflowExecutionRequest, DeleteWorkflowExecutionResponse},
    base::identifiers::RunKey,
    frontend::answer::Handled,
    run::close::{HISTORY_SERVICE, Termination},
    state::service::Service,
};

pub(super) fn handle(service: &mut Service, request: &DeleteWorkflowExecutionRequest) -> Handled {
    let key = service
        .executions
        .lookup(request.workflow_execution.as_ref())?;
    delete(service, key);
    Ok(DeleteWorkflowExecutionResponse {}.into())
}

/// Deletes a run. An open one is terminated first.
pub(super) fn delete(service: &mut Service, key: RunKey) {
    if service.executions.run(key).is_running() {
        let termination = Termination {
            reason: "Delete workflow execution".to_owned(),
            identity: HISTORY_SERVICE.to_owned(),
            ..Termination::default()
        };
        service.terminate_run(key, termination);
    }
    service.executions.delete(key);
}
