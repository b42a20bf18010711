//! UpdateWorkflowExecution, PollWorkflowExecutionUpdate, and ExecuteMultiOperation: an update that starts its workflow.

use tonic::Status;

use super::{Answer, Handled, start_workflow_execution};
use crate::{
    api::{
        enums::{UpdateWorkflowExecutionLifecycleStage as Stage, WorkflowIdConflictPolicy},
        rpc::{
            ExecuteMultiOperationRequest, PollWorkflowExecutionUpdateRequest, StartWorkflowExecutionRequest,
            StartWorkflowExecutionResponse, UpdateWorkflowExecutionRequest,
            execute_multi_operation_request::operation::Operation,
        },
        update::WaitPolicy,
    },
    identifiers::{RequestId, RunKey},
    service::Service,
    status,
    updates::{self, Call},
};

pub(super) fn update(
    service: &mut Service,
    id: RequestId,
    request: Box<UpdateWorkflowExecutionRequest>,
) -> Handled {
    let key = service.executions.lookup(request.workflow_execution.as_ref())?;
    updates::submit(service, id, key, &request.clone(), Call::Update(request))?;
    Ok(Answer::Later)
}

pub(super) fn poll(
    service: &mut Service,
    id: RequestId,
    request: &PollWorkflowExecutionUpdateRequest,
) -> Handled {
    let Some(update) = &request.update_ref else {
        return Err(Status::invalid_argument("UpdateRef is not set on request."));
    };
    let key = service.executions.lookup(update.workflow_execution.as_ref())?;
    let stage = request.wait_policy.as_ref().map_or(Stage::Unspecified, WaitPolicy::lifecycle_stage);
    updates::poll(service, id, key, &update.update_id, stage)?;
    Ok(Answer::Later)
}

/// Updates the running workflow where the policies allow it, else starts one and updates that.
///
/// Source: `temporalio/temporal: service/history/api/multioperation/api.go`.
pub(super) fn update_with_start(
    service: &mut Service,
    id: RequestId,
    request: ExecuteMultiOperationRequest,
) -> Handled {
    let mut operations = request.operations.into_iter().filter_map(|operation| operation.operation);
    let (Some(Operation::StartWorkflow(start)), Some(Operation::UpdateWorkflow(update))) =
        (operations.next(), operations.next())
    else {
        return Err(Status::invalid_argument("Operations have to be exactly [Start, Update]."));
    };
    let current = service.executions.current(&start.workflow_id);
    let (key, started) = if let Some(key) = current.filter(|key| is_updated(service, *key, &start, &update)) {
        (key, existing(service, key))
    } else {
        let started = start_workflow_execution::start(service, start.clone())
            .map_err(|refused| status::multi_operation([Some(refused), None]))?;
        let key = service.executions.current(&start.workflow_id);
        (key.ok_or_else(|| Status::internal("the run just started is not there"))?, started)
    };
    let call = Call::UpdateWithStart(Box::new((update.clone(), started)));
    updates::submit(service, id, key, &update, call)
        .map_err(|refused| status::multi_operation([None, Some(refused)]))?;
    Ok(Answer::Later)
}

/// Whether the last run of the workflow id takes the update: it has it already, it was started by this very
/// request, or the conflict policy lets it be used.
fn is_updated(
    service: &Service,
    key: RunKey,
    start: &StartWorkflowExecutionRequest,
    update: &UpdateWorkflowExecutionRequest,
) -> bool {
    let run = service.executions.run(key);
    let meta = update.request.as_ref().and_then(|update| update.meta.as_ref());
    let known = meta.and_then(|meta| run.updates.get(&meta.update_id));
    if let Some(known) = known
        && (run.is_running() || known.is_finished())
    {
        return true;
    }
    run.is_running()
        && (run.start_request_ids.contains(&start.request_id)
            || start.workflow_id_conflict_policy() == WorkflowIdConflictPolicy::UseExisting)
}

fn existing(service: &Service, key: RunKey) -> StartWorkflowExecutionResponse {
    let run = service.executions.run(key);
    StartWorkflowExecutionResponse {
        run_id: run.run_id.clone(),
        started: false,
        status: run.state.status.into(),
        ..StartWorkflowExecutionResponse::default()
    }
}
