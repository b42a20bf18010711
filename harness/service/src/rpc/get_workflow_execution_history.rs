//! GetWorkflowExecutionHistory and GetWorkflowExecutionHistoryReverse.
//!
//! Source: `temporalio/temporal: service/history/api/getworkflowexecutionhistory{,reverse}/api.go`.
//! A long poll never ends by itself: it is answered when there is an event to show.

use std::sync::Arc;

use tonic::Status;

use super::{Answer, Handled, history_page::HistoryToken};
use crate::{
    api::{
        Attributes, HistoryEvent,
        enums::{EventType, HistoryEventFilterType, TimeoutType},
        history::{History, WorkflowExecutionContinuedAsNewEventAttributes},
        rpc::{
            GetWorkflowExecutionHistoryRequest, GetWorkflowExecutionHistoryResponse,
            GetWorkflowExecutionHistoryReverseRequest, GetWorkflowExecutionHistoryReverseResponse,
        },
    },
    identifiers::{RequestId, RunKey},
    run::{Run, activities::timeout_failure},
    service::Service,
};

/// A long poll that waits for events of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryWaiter {
    pub(crate) id: RequestId,
    token: HistoryToken,
    page_size: usize,
    close_event_only: bool,
    /// Whether events of a pending workflow task that history does not hold are told too.
    with_pending: bool,
}

pub(super) fn handle(
    service: &mut Service,
    id: RequestId,
    request: &GetWorkflowExecutionHistoryRequest,
) -> Handled {
    let token = if request.next_page_token.is_empty() {
        let run = service
            .executions
            .run(service.executions.lookup(request.execution.as_ref())?);
        HistoryToken {
            run: run.key,
            first_event_id: 1,
            end_event_id: run.history.next_event_id(),
            with_transient: false,
            is_waiting: request.wait_new_event,
        }
    } else {
        let named = request
            .execution
            .as_ref()
            .map_or("", |execution| &execution.run_id);
        token_of_run(service, &request.next_page_token, named)?
    };
    let close_event_only =
        request.history_event_filter_type() == HistoryEventFilterType::CloseEvent;
    let page_size = usize::try_from(request.maximum_page_size).unwrap_or(0);
    let waiter = HistoryWaiter {
        id,
        token: HistoryToken {
            is_waiting: token.is_waiting && request.wait_new_event,
            ..token
        },
        page_size: if page_size == 0 {
            service.config.limits.history_page_events
        } else {
            page_size
        },
        close_event_only,
        // Whoever has the task has its events; a worker that asks for a query's sake would take
        // them for told.
        with_pending: token.with_transient || !service.config.patient_queries,
    };
    if let Some(response) = answer(service.executions.run(token.run), &waiter) {
        return Ok(response.into());
    }
    service
        .history_waiters
        .entry(token.run)
        .or_default()
        .push(waiter);
    Ok(Answer::Later)
}

/// # Errors
///
/// INVALID_ARGUMENT for a token that is not ours, or of another run than the request names.
fn token_of_run(service: &Service, token: &[u8], run_id: &str) -> Result<HistoryToken, Status> {
    let token = HistoryToken::decode(token)?;
    let run = service
        .executions
        .find(token.run)
        .ok_or_else(|| Status::invalid_argument("Invalid NextPageToken."))?;
    if !run_id.is_empty() && run_id != run.run_id {
        return Err(Status::invalid_argument(
            "RunId in the request does not match the NextPageToken.",
        ));
    }
    Ok(token)
}

/// The response, unless it has to wait.
fn answer(run: &Run, waiter: &HistoryWaiter) -> Option<GetWorkflowExecutionHistoryResponse> {
    if waiter.close_event_only {
        return close_event(run, waiter);
    }
    let mut token = waiter.token;
    if token.first_event_id >= token.end_event_id {
        // Past what there was when the last page was asked for: see what has come since.
        token.end_event_id = run.history.next_event_id();
        if token.first_event_id >= token.end_event_id && token.is_waiting && run.is_running() {
            return None;
        }
    }
    token.with_transient = false;
    let (mut events, mut next) = token.page(run, waiter.page_size, "");
    if next.is_none() && token.first_event_id < token.end_event_id {
        token.end_event_id =
            add_what_came_since(run, &mut events, token.end_event_id, waiter.with_pending);
    }
    if next.is_none() && token.is_waiting && run.is_running() {
        next = Some(HistoryToken {
            first_event_id: token.end_event_id,
            ..token
        });
    }
    Some(response(events, next))
}

/// Adds to the last page what came while the pages before it were read, and the events of a pending
/// workflow task that history does not hold, if they are asked for; gives the end of the history
/// back.
fn add_what_came_since(
    run: &Run,
    events: &mut Vec<Arc<HistoryEvent>>,
    end_event_id: i64,
    with_pending: bool,
) -> i64 {
    let new = usize::try_from(end_event_id - 1).unwrap_or(usize::MAX);
    events.extend(run.history.events().iter().skip(new).cloned());
    let next_event_id = run.history.next_event_id();
    if run.is_running() && with_pending {
        let pending = run.transient_workflow_task_events("");
        let is_next = pending
            .first()
            .is_some_and(|event| event.event_id == next_event_id);
        events.extend(pending.into_iter().filter(|_| is_next).map(Arc::new));
    }
    next_event_id
}

fn close_event(run: &Run, waiter: &HistoryWaiter) -> Option<GetWorkflowExecutionHistoryResponse> {
    if run.is_running() {
        return (!waiter.token.is_waiting).then(|| response(Vec::new(), None));
    }
    let last = run
        .history
        .events()
        .last()
        .map(|event| as_continued(event).map_or_else(|| event.clone(), Arc::new));
    Some(response(last.into_iter().collect(), None))
}

/// How a client that does not say that it follows runs (header `supported-features`, which the Rust
/// SDK does not send) is told that a retry or a cron schedule goes on: as if the run had continued
/// as new.
///
/// Source: `temporalio/temporal: service/history/api/get_history_util.go` (`FixFollowEvents`).
fn as_continued(closing: &HistoryEvent) -> Option<HistoryEvent> {
    #[allow(deprecated, reason = "the server fills in the failure of the run")]
    let continued = match closing.attributes.as_ref()? {
        Attributes::WorkflowExecutionCompletedEventAttributes(completed) => {
            WorkflowExecutionContinuedAsNewEventAttributes {
                new_execution_run_id: completed.new_execution_run_id.clone(),
                last_completion_result: completed.result.clone(),
                ..WorkflowExecutionContinuedAsNewEventAttributes::default()
            }
        }
        Attributes::WorkflowExecutionFailedEventAttributes(failed) => {
            WorkflowExecutionContinuedAsNewEventAttributes {
                new_execution_run_id: failed.new_execution_run_id.clone(),
                failure: failed.failure.clone(),
                ..WorkflowExecutionContinuedAsNewEventAttributes::default()
            }
        }
        Attributes::WorkflowExecutionTimedOutEventAttributes(timed_out) => {
            WorkflowExecutionContinuedAsNewEventAttributes {
                new_execution_run_id: timed_out.new_execution_run_id.clone(),
                failure: Some(timeout_failure(
                    "workflow timeout",
                    TimeoutType::StartToClose,
                )),
                ..WorkflowExecutionContinuedAsNewEventAttributes::default()
            }
        }
        _ => return None,
    };
    let is_continued = !continued.new_execution_run_id.is_empty();
    is_continued.then(|| HistoryEvent {
        event_id: closing.event_id,
        event_time: closing.event_time,
        event_type: EventType::WorkflowExecutionContinuedAsNew.into(),
        version: closing.version,
        task_id: closing.task_id,
        attributes: Some(continued.into()),
        ..HistoryEvent::default()
    })
}

fn response(
    events: Vec<Arc<HistoryEvent>>,
    next: Option<HistoryToken>,
) -> GetWorkflowExecutionHistoryResponse {
    GetWorkflowExecutionHistoryResponse {
        history: Some(History {
            events: events.into_iter().map(Arc::unwrap_or_clone).collect(),
        }),
        next_page_token: next.map(HistoryToken::encode).unwrap_or_default(),
        ..GetWorkflowExecutionHistoryResponse::default()
    }
}

/// Answers the long polls that wait for what a transaction on this run brought.
pub(crate) fn answer_waiters(service: &mut Service, key: RunKey) {
    let Some(waiters) = service.history_waiters.get_mut(&key) else {
        return;
    };
    let run = service.executions.run(key);
    let mut answered = Vec::new();
    waiters.retain(|waiter| match answer(run, waiter) {
        Some(response) => {
            answered.push((waiter.id, response));
            false
        }
        None => true,
    });
    if waiters.is_empty() {
        service.history_waiters.remove(&key);
    }
    for (id, response) in answered {
        service.reply(id, Ok(response.into()));
    }
}

/// The last events first. Its token says where the next page ends.
pub(super) fn handle_reverse(
    service: &mut Service,
    request: &GetWorkflowExecutionHistoryReverseRequest,
) -> Handled {
    let named = request
        .execution
        .as_ref()
        .map_or("", |execution| &execution.run_id);
    let (key, end_event_id) = if request.next_page_token.is_empty() {
        let key = service.executions.lookup(request.execution.as_ref())?;
        (key, service.executions.run(key).history.next_event_id())
    } else {
        let token = token_of_run(service, &request.next_page_token, named)?;
        (token.run, token.end_event_id)
    };
    let all = service.executions.run(key).history.events();
    let end = usize::try_from(end_event_id - 1)
        .unwrap_or(0)
        .min(all.len());
    let page_size = usize::try_from(request.maximum_page_size)
        .unwrap_or(0)
        .max(1);
    let start = end.saturating_sub(page_size);
    let next = (start > 0).then(|| HistoryToken {
        run: key,
        first_event_id: 1,
        end_event_id: i64::try_from(start).unwrap_or(0) + 1,
        with_transient: false,
        is_waiting: false,
    });
    Ok(GetWorkflowExecutionHistoryReverseResponse {
        history: Some(History {
            events: all[start..end]
                .iter()
                .rev()
                .map(|event| (**event).clone())
                .collect(),
        }),
        next_page_token: next.map(HistoryToken::encode).unwrap_or_default(),
    }
    .into())
}
