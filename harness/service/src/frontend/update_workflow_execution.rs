//! UpdateWorkflowExecution, PollWorkflowExecutionUpdate and ExecuteMultiOperation, which is an
//! update that starts its workflow.

use tonic::Status;

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
    base::{
        identifiers::{RequestId, RunKey},
        status::{self, Operation},
    },
    frontend::{
        answer::{Answer, Handled},
        start_workflow_execution, updates,
    },
    run::updates::Progress,
    state::{
        answers,
        service::Service,
        waiting::updates::{Call, UpdateWithStart, Waiter},
    },
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

/// Updates the open workflow if the policies allow it, or else starts one and updates it.
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

/// Updates a workflow, and starts it first if necessary.
///
/// # Errors
///
/// The statuses of both operations, if either is refused.
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
    .map_err(|(call, refused)| answers::updates::refusal(&call, refused))?;
    Ok(Answer::Later)
}

/// Sends an update that its run did not accept to the run that continues it, as the server does for
/// the caller.
pub(crate) fn resubmit(service: &mut Service, key: RunKey, waiter: Waiter) {
    let run = service.executions.run(key);
    let current = service.executions.current(&run.workflow_id).unwrap_or(key);
    let (id, deadline_ms) = (waiter.id, waiter.deadline_ms);
    let refused = match waiter.call {
        Call::Update(request) => {
            let names_a_run = request
                .workflow_execution
                .as_ref()
                .is_some_and(|run| !run.run_id.is_empty());
            let target = if names_a_run { key } else { current };
            updates::submit(service, id, deadline_ms, target, Call::Update(request))
                .map_err(|(_, refused)| refused)
        }
        Call::UpdateWithStart(both) => {
            start_and_update(service, id, deadline_ms, *both).map(|_| ())
        }
        Call::Poll => Err(status::not_found(format!(
            "update {:?} not found",
            waiter.update_id
        ))),
    };
    if let Err(refused) = refused {
        service.reply(id, Err(refused));
    }
}

/// Starts and updates a workflow once more.
pub(crate) fn start_again(service: &mut Service, waiter: Waiter) {
    let Call::UpdateWithStart(both) = waiter.call else {
        return;
    };
    if let Err(refused) = start_and_update(service, waiter.id, waiter.deadline_ms, *both) {
        service.reply(waiter.id, Err(refused));
    }
}

/// Returns `true` if the last run of the workflow id takes the update: if the run has it already,
/// was started by the same request, or may be used by the conflict policy.
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
