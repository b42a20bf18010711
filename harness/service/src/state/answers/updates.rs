//! The answers to the callers that wait for updates.
//!
//! The server answers a caller after a while with the stage reached so far, and the client asks
//! again. Here a wait never times out by itself. Only a caller whose own deadline comes before that
//! gets a timeout.
//!
//! Source: `temporalio/temporal:
//! service/history/api/{updateworkflow,pollupdate,multioperation}/api.go`.

use tonic::Status;

use crate::{
    api::{
        WorkflowExecution,
        common::Link,
        enums::{EventType, UpdateWorkflowExecutionLifecycleStage as Stage},
        rpc::{
            ExecuteMultiOperationResponse, PollWorkflowExecutionUpdateResponse,
            StartWorkflowExecutionResponse, UpdateWorkflowExecutionResponse,
            execute_multi_operation_response as multi,
        },
        update::{Outcome, UpdateRef, outcome},
    },
    base::{
        identifiers::{RequestId, RunKey},
        links,
        status::{self, Operation},
    },
    messages::request::Response,
    run::updates::UpdateAnswer,
    state::{
        service::Service,
        waiting::updates::{Call, Waiter},
        work::Work,
    },
};

/// The time after which the server answers with the stage reached so far
/// (`history.longPollExpirationInterval`).
const LONG_POLL_MS: u64 = 20_000;

/// Removes a caller that has gone away.
pub(crate) fn cancel(service: &mut Service, id: RequestId) {
    take(service, id);
}

/// Answers a caller that has waited long enough with the stage that its update has reached.
pub(crate) fn expire(service: &mut Service, id: RequestId) {
    if let Some((key, mut waiter)) = take(service, id) {
        waiter.stage = Stage::Unspecified;
        wait(service, key, waiter);
    }
}

/// Removes a caller, and returns it with the run of its update.
fn take(service: &mut Service, id: RequestId) -> Option<(RunKey, Waiter)> {
    let by_run = &mut service.update_waiters.by_run;
    let (key, place) = by_run.iter().find_map(|(key, waiters)| {
        let place = waiters.iter().position(|waiter| waiter.id == id)?;
        Some((*key, place))
    })?;
    let waiter = by_run.get_mut(&key)?.remove(place);
    rearm(service, key);
    Some((key, waiter))
}

/// Updates the run's timer after a change to the callers of its updates.
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

/// Answers the callers whose deadline has passed.
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

pub(crate) fn wait(service: &mut Service, key: RunKey, mut waiter: Waiter) {
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

/// Answers the callers whose update has reached the stage that they wait for.
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
            // The update has not come far enough.
            None if run.updates.get(&waiter.update_id).is_some() => waiting.push(waiter),
            // The update was lost with its workflow task.
            None => {
                let lost = Status::unavailable("workflow update was aborted");
                service.reply(waiter.id, Err(lost));
            }
            Some(UpdateAnswer::Moved) => {
                service.later(Work::MovedUpdate {
                    waiter: Box::new(waiter),
                    run: key,
                });
            }
            Some(UpdateAnswer::Closed) => give_up(service, waiter),
            Some(UpdateAnswer::Refused(status)) => {
                let refused = refusal(&waiter.call, status);
                service.reply(waiter.id, Err(refused));
            }
            Some(UpdateAnswer::Reached { stage, outcome }) => {
                let link = link(
                    &service.config.namespace,
                    run.execution(),
                    &waiter,
                    stage,
                    outcome.as_ref().as_ref(),
                );
                let response = response(run.execution(), &waiter, stage, *outcome, link);
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

/// Gives up an update whose run closed before it accepted the update, and which no run continues.
///
/// An update that came with a start is tried once more, since it can start a run for itself. After
/// that, its caller is asked to retry.
///
/// Source: `temporalio/temporal: service/history/api/multioperation/api.go` (`Invoke`).
fn give_up(service: &mut Service, mut waiter: Waiter) {
    let closed = status::not_found("workflow update was aborted by closing workflow");
    let refused = match &mut waiter.call {
        Call::UpdateWithStart(both) if !both.starts_run && !both.is_second_try => {
            both.is_second_try = true;
            return service.later(Work::UpdateWithStart {
                waiter: Box::new(waiter),
            });
        }
        Call::UpdateWithStart(both) if !both.starts_run => Status::aborted(closed.message()),
        _ => closed,
    };
    service.reply(waiter.id, Err(refusal(&waiter.call, refused)));
}

/// Returns the status for a caller whose update is refused.
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

/// Returns the link to the event of an accepted update; to the workflow if there is no success.
fn link(
    namespace: &str,
    run: WorkflowExecution,
    waiter: &Waiter,
    stage: Stage,
    outcome: Option<&Outcome>,
) -> Option<Link> {
    let update = match &waiter.call {
        Call::Update(request) => request.request.as_ref(),
        Call::UpdateWithStart(both) => both.update.request.as_ref(),
        Call::Poll => None,
    };
    let value = outcome.and_then(|outcome| outcome.value.as_ref());
    if let (Stage::Completed, Some(outcome::Value::Failure(_))) = (stage, value) {
        return Some(links::to_workflow(namespace, run, "Update rejected"));
    }
    let event_type = EventType::WorkflowExecutionUpdateAccepted;
    let request_id = &update?.request_id;
    let to_event = |run: &WorkflowExecution| {
        links::to_request(
            namespace,
            &run.workflow_id,
            &run.run_id,
            request_id,
            event_type,
        )
    };
    (stage >= Stage::Accepted).then(|| to_event(&run))
}

fn response(
    run: WorkflowExecution,
    waiter: &Waiter,
    stage: Stage,
    outcome: Option<Outcome>,
    link: Option<Link>,
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
        link,
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
