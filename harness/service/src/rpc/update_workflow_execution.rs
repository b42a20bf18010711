//! UpdateWorkflowExecution, PollWorkflowExecutionUpdate, and ExecuteMultiOperation: an update that
//! starts its workflow.

use tonic::Status;

use super::{Answer, Handled, start_workflow_execution};
use crate::{
    api::{
        enums::{UpdateWorkflowExecutionLifecycleStage as Stage, WorkflowIdConflictPolicy},
        rpc::{
            ExecuteMultiOperationRequest, PollWorkflowExecutionUpdateRequest,
            StartWorkflowExecutionResponse, UpdateWorkflowExecutionRequest,
            execute_multi_operation_request::operation::Operation as Requested,
        },
        update::WaitPolicy,
    },
    identifiers::{RequestId, RunKey},
    run::updates::Progress,
    service::Service,
    status::{self, Operation},
    updates::{self, Call, UpdateWithStart},
};

pub(super) fn update(
    service: &mut Service,
    id: RequestId,
    deadline_ms: Option<u64>,
    request: Box<UpdateWorkflowExecutionRequest>,
) -> Handled {
    let key = service
        .executions
        .lookup(request.workflow_execution.as_ref())?;
    updates::submit(service, id, deadline_ms, key, Call::Update(request))
        .map_err(|(_, refused)| refused)?;
    Ok(Answer::Later)
}

pub(super) fn poll(
    service: &mut Service,
    id: RequestId,
    deadline_ms: Option<u64>,
    request: &PollWorkflowExecutionUpdateRequest,
) -> Handled {
    let Some(update) = &request.update_ref else {
        return Err(Status::invalid_argument("UpdateRef is not set on request."));
    };
    let key = service
        .executions
        .lookup(update.workflow_execution.as_ref())?;
    let stage = request
        .wait_policy
        .as_ref()
        .map_or(Stage::Unspecified, WaitPolicy::lifecycle_stage);
    updates::poll(service, id, deadline_ms, key, &update.update_id, stage)?;
    Ok(Answer::Later)
}

/// Updates the running workflow where the policies allow it, else starts one and updates that.
///
/// Source: `temporalio/temporal: service/history/api/multioperation/api.go`.
pub(super) fn update_with_start(
    service: &mut Service,
    id: RequestId,
    deadline_ms: Option<u64>,
    request: ExecuteMultiOperationRequest,
) -> Handled {
    let mut operations = request
        .operations
        .into_iter()
        .filter_map(|operation| operation.operation);
    let (Some(Requested::StartWorkflow(start)), Some(Requested::UpdateWorkflow(update))) =
        (operations.next(), operations.next())
    else {
        return Err(Status::invalid_argument(
            "Operations have to be exactly [Start, Update].",
        ));
    };
    start_and_update(
        service,
        id,
        deadline_ms,
        UpdateWithStart::new(start, update),
    )
}

/// Updates a workflow, and starts it first where that must be.
///
/// # Errors
///
/// The status of both operations, if either is refused.
pub(crate) fn start_and_update(
    service: &mut Service,
    id: RequestId,
    deadline_ms: Option<u64>,
    mut both: UpdateWithStart,
) -> Handled {
    let workflow_id = &both.start.workflow_id;
    let current = service.executions.current(workflow_id);
    let key = if let Some(key) = current.filter(|key| is_updated(service, *key, &both)) {
        both.started = existing(service, key);
        key
    } else {
        both.starts_run = true;
        both.started =
            start_workflow_execution::start(service, both.start.clone()).map_err(|refused| {
                status::multi_operation([Operation::Refused(refused), Operation::Aborted])
            })?;
        let key = service.executions.current(&both.start.workflow_id);
        key.ok_or_else(|| Status::internal("the run just started is not there"))?
    };
    updates::submit(
        service,
        id,
        deadline_ms,
        key,
        Call::UpdateWithStart(Box::new(both)),
    )
    .map_err(|(call, refused)| updates::refusal(&call, refused))?;
    Ok(Answer::Later)
}

/// Whether the last run of the workflow id takes the update: it has it already, it was started by
/// this very request, or the conflict policy lets it be used.
fn is_updated(service: &Service, key: RunKey, both: &UpdateWithStart) -> bool {
    let run = service.executions.run(key);
    let meta = both
        .update
        .request
        .as_ref()
        .and_then(|update| update.meta.as_ref());
    let known = meta.and_then(|meta| run.updates.get(&meta.update_id));
    if !run.is_running() {
        return known.is_some_and(|known| matches!(known.progress, Progress::Completed { .. }));
    }
    let is_same_start =
        !run.start_request_id.is_empty() && run.start_request_id == both.start.request_id;
    known.is_some()
        || is_same_start
        || both.start.workflow_id_conflict_policy() == WorkflowIdConflictPolicy::UseExisting
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
