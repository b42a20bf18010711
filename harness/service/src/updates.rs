//! The callers that wait for updates: what they asked, and when they are answered.
//!
//! `temporalio/temporal: service/history/api/{updateworkflow,pollupdate,multioperation}/api.go`. A
//! wait never times out by itself; the server answers it after a while with the stage reached so
//! far, and clients ask again. A caller that waits for less than that is told when its time is
//! over.

use std::collections::BTreeMap;

use tonic::Status;

use crate::{
    api::{
        WorkflowExecution,
        enums::UpdateWorkflowExecutionLifecycleStage as Stage,
        rpc::{
            ExecuteMultiOperationResponse, PollWorkflowExecutionUpdateResponse,
            StartWorkflowExecutionRequest, StartWorkflowExecutionResponse,
            UpdateWorkflowExecutionRequest, UpdateWorkflowExecutionResponse,
            execute_multi_operation_response as multi,
        },
        update::{Outcome, UpdateRef, WaitPolicy},
    },
    identifiers::{RequestId, RunKey, derived_uuid},
    request::Response,
    rpc::start_and_update,
    run::{Run, updates::Answer, workflow_task::WorkflowTaskKind},
    service::Service,
    status::{self, Operation},
    transfer::Transfer,
};

/// From this attempt of a failing workflow task on, updates fail at once.
const FAIL_UPDATE_ATTEMPT: i32 = 3;

/// After this time the server answers with the stage reached so far
/// (`history.longPollExpirationInterval`).
const LONG_POLL_MS: u64 = 20_000;

/// Somebody who waits for an update.
#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub(crate) id: RequestId,
    /// When it waits no longer, if that is before the server would answer it anyway.
    deadline_ms: Option<u64>,
    update_id: String,
    stage: Stage,
    call: Call,
}

/// What was called.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Update(Box<UpdateWorkflowExecutionRequest>),
    UpdateWithStart(Box<UpdateWithStart>),
    Poll,
}

/// An update, and the start of its workflow that came with it.
#[derive(Clone, Debug)]
pub(crate) struct UpdateWithStart {
    pub(crate) start: StartWorkflowExecutionRequest,
    pub(crate) update: UpdateWorkflowExecutionRequest,
    /// The answer to the start.
    pub(crate) started: StartWorkflowExecutionResponse,
    /// Whether it started the run that it updates.
    pub(crate) starts_run: bool,
    /// Whether the run that it tried to update first closed before it had accepted the update.
    is_second_try: bool,
}

impl UpdateWithStart {
    pub(crate) fn new(
        start: StartWorkflowExecutionRequest,
        update: UpdateWorkflowExecutionRequest,
    ) -> Self {
        Self {
            start,
            update,
            started: StartWorkflowExecutionResponse::default(),
            starts_run: false,
            is_second_try: false,
        }
    }
}

/// The callers that wait, by the run whose update it is.
#[derive(Debug, Default)]
pub(crate) struct UpdateWaiters {
    by_run: BTreeMap<RunKey, Vec<Waiter>>,
}

/// The caller of an update went away.
pub(crate) fn cancel(service: &mut Service, id: RequestId) {
    let by_run = &mut service.update_waiters.by_run;
    let of_caller = by_run
        .iter()
        .find(|(_, waiters)| waiters.iter().any(|waiter| waiter.id == id));
    if let Some(key) = of_caller.map(|(key, _)| *key) {
        by_run
            .entry(key)
            .or_default()
            .retain(|waiter| waiter.id != id);
        rearm(service, key);
    }
}

/// Brings the timer of a run in line with how long the callers of its updates wait.
fn rearm(service: &mut Service, key: RunKey) {
    let waiters = service.update_waiters.by_run.get(&key);
    let run = service.executions.run_mut(key);
    run.update_deadline_ms = waiters
        .into_iter()
        .flatten()
        .filter_map(|waiter| waiter.deadline_ms)
        .min();
    service.timers.rearm(run);
}

/// A caller of an update of this run waits no longer.
pub(crate) fn fall_due(service: &mut Service, key: RunKey) {
    let now_ms = service.now_ms;
    let waiters = service.update_waiters.by_run.entry(key).or_default();
    let mut given_up = Vec::new();
    waiters.retain(|waiter| {
        let is_over = waiter
            .deadline_ms
            .is_some_and(|deadline_ms| deadline_ms <= now_ms);
        given_up.extend(is_over.then_some(waiter.id));
        !is_over
    });
    rearm(service, key);
    for id in given_up {
        service.reply(id, Err(status::deadline_exceeded()));
    }
}

/// Takes an update in, or attaches to the one of the same id; the caller is answered when it has
/// come far enough.
///
/// # Errors
///
/// Why it cannot be taken in, with the call.
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
            wait(
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

/// Takes an update in unless the run has it, and gives its id.
fn admit(
    service: &mut Service,
    id: RequestId,
    key: RunKey,
    request: &UpdateWorkflowExecutionRequest,
) -> Result<String, Status> {
    let id_seed = service.config.id_seed;
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
        // The server draws one at random.
        meta.update_id = derived_uuid(id_seed, &run.run_id, id.0);
    }
    let update_id = meta.update_id.clone();
    let is_known = run.updates.get(&update_id).is_some();
    if !run.is_running() {
        let closed = || status::not_found("workflow execution already completed");
        return is_known.then_some(update_id).ok_or_else(closed);
    }
    takes_updates(run)?;
    if !is_known {
        run.updates.admit(update_id.clone(), update)?;
        if !run.has_pending_workflow_task() {
            run.keeps_speculative = true;
            run.schedule_workflow_task(now_ms, WorkflowTaskKind::Speculative);
            service.close_transaction(key);
        }
    }
    Ok(update_id)
}

/// Whether a running workflow takes updates now, those that it knows included.
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

/// Waits for an update that was asked for before.
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
    wait(
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

fn wait(service: &mut Service, key: RunKey, mut waiter: Waiter) {
    let answered_ms = service.now_ms.saturating_add(LONG_POLL_MS);
    waiter.deadline_ms = waiter
        .deadline_ms
        .filter(|deadline_ms| *deadline_ms < answered_ms);
    service
        .update_waiters
        .by_run
        .entry(key)
        .or_default()
        .push(waiter);
    answer(service, key);
}

/// Answers whoever waits for an update of this run that has come far enough.
pub(crate) fn answer(service: &mut Service, key: RunKey) {
    if service.executions.run(key).updates.is_empty() {
        return;
    }
    let waiters = service
        .update_waiters
        .by_run
        .remove(&key)
        .unwrap_or_default();
    let had_waiters = !waiters.is_empty();
    let mut waiting = Vec::new();
    for waiter in waiters {
        let run = service.executions.run(key);
        match run.update_answer(&waiter.update_id, waiter.stage) {
            None if run.updates.get(&waiter.update_id).is_some() => waiting.push(waiter),
            None => {
                let lost = Status::unavailable("workflow update was aborted");
                service.reply(waiter.id, Err(lost));
            }
            Some(Answer::Moved) => {
                service.later(Transfer::MovedUpdate {
                    waiter: Box::new(waiter),
                    run: key,
                });
            }
            Some(Answer::Closed) => give_up(service, waiter),
            Some(Answer::Refused(status)) => {
                let refused = refusal(&waiter.call, status);
                service.reply(waiter.id, Err(refused));
            }
            Some(Answer::Reached { stage, outcome }) => {
                let response = response(run.execution(), &waiter, stage, *outcome);
                service.reply(waiter.id, Ok(response));
            }
        }
    }
    if !waiting.is_empty() {
        service.update_waiters.by_run.insert(key, waiting);
    }
    if had_waiters {
        rearm(service, key);
    }
    service.executions.run_mut(key).updates.forget();
}

/// The run of an update closed before it had accepted it, and no other continues it. An update that
/// came with a start is tried once more, for it can start a run for itself; its caller is told to
/// try again after that.
///
/// Source: `temporalio/temporal: service/history/api/multioperation/api.go` (`Invoke`).
fn give_up(service: &mut Service, mut waiter: Waiter) {
    let closed = status::not_found("workflow update was aborted by closing workflow");
    let refused = match &mut waiter.call {
        Call::UpdateWithStart(both) if !both.starts_run && !both.is_second_try => {
            both.is_second_try = true;
            return service.later(Transfer::UpdateWithStart {
                waiter: Box::new(waiter),
            });
        }
        Call::UpdateWithStart(both) if !both.starts_run => Status::aborted(closed.message()),
        _ => closed,
    };
    service.reply(waiter.id, Err(refusal(&waiter.call, refused)));
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
            submit(service, id, deadline_ms, target, Call::Update(request))
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

/// Starts and updates once more.
pub(crate) fn start_again(service: &mut Service, waiter: Waiter) {
    let Call::UpdateWithStart(both) = waiter.call else {
        return;
    };
    if let Err(refused) = start_and_update(service, waiter.id, waiter.deadline_ms, *both) {
        service.reply(waiter.id, Err(refused));
    }
}

/// What the caller hears when its update is refused.
pub(crate) fn refusal(call: &Call, status: Status) -> Status {
    match call {
        Call::UpdateWithStart(both) => {
            let start = if both.starts_run {
                Operation::Succeeded
            } else {
                Operation::Aborted
            };
            status::multi_operation([start, Operation::Refused(status)])
        }
        Call::Update(_) | Call::Poll => status,
    }
}

fn response(
    run: WorkflowExecution,
    waiter: &Waiter,
    stage: Stage,
    outcome: Option<Outcome>,
) -> Response {
    let update_ref = Some(UpdateRef {
        workflow_execution: Some(run),
        update_id: waiter.update_id.clone(),
    });
    let stage = stage.into();
    if matches!(waiter.call, Call::Poll) {
        return PollWorkflowExecutionUpdateResponse {
            outcome,
            stage,
            update_ref,
        }
        .into();
    }
    let updated = UpdateWorkflowExecutionResponse {
        update_ref,
        outcome,
        stage,
        link: None,
    };
    match &waiter.call {
        Call::UpdateWithStart(both) => with_start(both.started.clone(), updated).into(),
        Call::Update(_) | Call::Poll => updated.into(),
    }
}

fn with_start(
    started: StartWorkflowExecutionResponse,
    updated: UpdateWorkflowExecutionResponse,
) -> ExecuteMultiOperationResponse {
    let responses = [
        multi::response::Response::StartWorkflow(started),
        multi::response::Response::UpdateWorkflow(updated),
    ];
    ExecuteMultiOperationResponse {
        responses: responses
            .into_iter()
            .map(|response| multi::Response {
                response: Some(response),
            })
            .collect(),
    }
}
