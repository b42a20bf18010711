//! Updates that are submitted, and polls for submitted ones.

use tonic::Status;

use crate::{
    api::{
        enums::UpdateWorkflowExecutionLifecycleStage as Stage, rpc::UpdateWorkflowExecutionRequest,
        update::WaitPolicy,
    },
    base::{
        identifiers::{RequestId, RunKey, derived_uuid},
        status,
    },
    run::{Run, updates::callbacks::Attached, workflow_task::WorkflowTaskKind},
    state::{
        answers::updates,
        service::Service,
        waiting::updates::{Call, Waiter},
    },
};

/// The attempt of a failing workflow task from which updates fail at once.
const FAIL_UPDATE_ATTEMPT: i32 = 3;

/// Submits an update, or attaches to the update of the same id. The caller is answered when the
/// update has reached the stage that it waits for.
///
/// # Errors
///
/// The reason why the update is refused, with the call.
pub(crate) fn submit(
    service: &mut Service,
    id: RequestId,
    deadline_ms: Option<u64>,
    key: RunKey,
    call: Call,
) -> Result<(), (Call, Status)> {
    let request = match &call {
        Call::Update(request) => request.as_ref(),
        Call::UpdateWithStart(both) => &both.update,
        Call::Poll => return Err((call, Status::internal("a poll asks for no update"))),
    };
    let stage = request
        .wait_policy
        .as_ref()
        .map_or(Stage::Completed, WaitPolicy::lifecycle_stage);
    match admit(service, id, key, request) {
        Ok(update_id) => {
            updates::wait(
                service,
                key,
                Waiter {
                    id,
                    deadline_ms,
                    update_id,
                    stage,
                    call,
                },
            );
            Ok(())
        }
        Err(refused) => Err((call, refused)),
    }
}

/// Admits an update unless the run has it, and returns its id.
fn admit(
    service: &mut Service,
    id: RequestId,
    key: RunKey,
    request: &UpdateWorkflowExecutionRequest,
) -> Result<String, Status> {
    let now_ms = service.now_ms;
    let run = service.executions.run_mut(key);
    if !request.first_execution_run_id.is_empty()
        && run.started().first_execution_run_id != request.first_execution_run_id
    {
        return Err(status::not_found("workflow execution not found"));
    }
    let mut update = request.request.clone().unwrap_or_default();
    let meta = update.meta.get_or_insert_default();
    if meta.update_id.is_empty() {
        // The server draws this id at random.
        meta.update_id = derived_uuid(&run.run_id, id.0);
    }
    let update_id = meta.update_id.clone();
    let is_known = run.updates.get(&update_id).is_some();
    if !run.is_running() {
        let closed = || status::not_found("workflow execution already completed");
        return is_known.then_some(update_id).ok_or_else(closed);
    }
    takes_updates(run)?;
    if is_known {
        if run.attach_update_callbacks(now_ms, &update_id, &update) == Attached::Recorded {
            service.close_transaction(key);
        }
    } else {
        run.updates.admit(update_id.clone(), update)?;
        if !run.has_pending_workflow_task() {
            run.keeps_speculative = true;
            run.schedule_workflow_task(now_ms, WorkflowTaskKind::Speculative);
            service.close_transaction(key);
        }
    }
    Ok(update_id)
}

/// Checks that an open workflow takes updates now, even those that it knows.
fn takes_updates(run: &Run) -> Result<(), Status> {
    if run.state.workflow_task.attempt >= FAIL_UPDATE_ATTEMPT {
        return Err(status::workflow_not_ready(
            "Unable to perform workflow execution update due to Workflow Task in failed state.",
        ));
    }
    if run.state.workflow_task.close_attempted && run.has_started_workflow_task() {
        return Err(Status::resource_exhausted(
            "workflow operation can not be applied because workflow is closing",
        ));
    }
    Ok(())
}

/// Waits for an earlier update.
///
/// # Errors
///
/// NOT_FOUND if there is no such update.
pub(crate) fn poll(
    service: &mut Service,
    id: RequestId,
    deadline_ms: Option<u64>,
    key: RunKey,
    update_id: &str,
    stage: Stage,
) -> Result<(), Status> {
    if service.executions.run(key).updates.get(update_id).is_none() {
        return Err(status::not_found(format!("update {update_id:?} not found")));
    }
    let update_id = update_id.to_owned();
    updates::wait(
        service,
        key,
        Waiter {
            id,
            deadline_ms,
            update_id,
            stage,
            call: Call::Poll,
        },
    );
    Ok(())
}
