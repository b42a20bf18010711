//! The answers to the long polls for events of a run.

use std::sync::Arc;

use crate::{
    api::{
        Attributes, HistoryEvent,
        enums::{EventType, TimeoutType},
        history::{History, WorkflowExecutionContinuedAsNewEventAttributes},
        rpc::GetWorkflowExecutionHistoryResponse,
    },
    base::{
        failure::{self},
        identifiers::{RequestId, RunKey},
    },
    run::{Run, token::HistoryToken},
    state::{service::Service, waiting::history_polls::HistoryPoll},
};

/// Returns the response; `None` if the poll has to wait.
pub(crate) fn answer(
    run: &Run,
    waiter: &HistoryPoll,
) -> Option<GetWorkflowExecutionHistoryResponse> {
    if waiter.close_event_only {
        return close_event(run, waiter);
    }
    let mut token = waiter.token;
    if token.first_event_id >= token.end_event_id {
        // The page begins after the end of the history at the time of the last page: include the
        // events since.
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

/// Completes the last page with the events that came while earlier pages were read. If requested,
/// the events of a pending workflow task follow. Returns the end of the history.
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

fn close_event(run: &Run, waiter: &HistoryPoll) -> Option<GetWorkflowExecutionHistoryResponse> {
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

/// Converts the closing event of a run that a retry or a cron schedule continues: for clients that
/// do not follow runs, the run continues as new. A client that follows runs says so in the header
/// `supported-features`, which the Rust SDK does not send.
///
/// Source: `temporalio/temporal: service/history/api/get_history_util.go` (`FixFollowEvents`).
fn as_continued(closing: &HistoryEvent) -> Option<HistoryEvent> {
    #[allow(deprecated, reason = "the server fills in the failure of the run")]
    let continued = match closing.attributes.as_ref()? {
        Attributes::WorkflowExecutionCompletedEventAttributes(completed)
            if !completed.new_execution_run_id.is_empty() =>
        {
            WorkflowExecutionContinuedAsNewEventAttributes {
                new_execution_run_id: completed.new_execution_run_id.clone(),
                last_completion_result: completed.result.clone(),
                ..WorkflowExecutionContinuedAsNewEventAttributes::default()
            }
        }
        Attributes::WorkflowExecutionFailedEventAttributes(failed)
            if !failed.new_execution_run_id.is_empty() =>
        {
            WorkflowExecutionContinuedAsNewEventAttributes {
                new_execution_run_id: failed.new_execution_run_id.clone(),
                failure: failed.failure.clone(),
                ..WorkflowExecutionContinuedAsNewEventAttributes::default()
            }
        }
        Attributes::WorkflowExecutionTimedOutEventAttributes(timed_out)
            if !timed_out.new_execution_run_id.is_empty() =>
        {
            WorkflowExecutionContinuedAsNewEventAttributes {
                new_execution_run_id: timed_out.new_execution_run_id.clone(),
                failure: Some(failure::timeout(
                    "workflow timeout",
                    TimeoutType::StartToClose,
                )),
                ..WorkflowExecutionContinuedAsNewEventAttributes::default()
            }
        }
        _ => return None,
    };
    Some(HistoryEvent {
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
            events: events.iter().map(|event| (&**event).into()).collect(),
        }),
        next_page_token: next.map(HistoryToken::encode).unwrap_or_default(),
        ..GetWorkflowExecutionHistoryResponse::default()
    }
}

/// Answers a long poll that has waited long enough, with no events and a token to go on from.
///
/// Source: `temporalio/temporal: service/history/api/getworkflowexecutionhistory/api.go`.
pub(crate) fn expire(service: &mut Service, id: RequestId) {
    for waiters in service.history_polls.values_mut() {
        if let Some(place) = waiters.iter().position(|waiter| waiter.id == id) {
            let token = waiters.remove(place).token;
            let next = HistoryToken {
                first_event_id: token.first_event_id.max(token.end_event_id),
                ..token
            };
            return service.reply(id, Ok(response(Vec::new(), Some(next)).into()));
        }
    }
}

/// Answers the long polls that wait for the events of this transaction.
pub(crate) fn answer_waiting(service: &mut Service, key: RunKey) {
    let Some(waiters) = service.history_polls.get_mut(&key) else {
        return;
    };
    let run = service.executions.run(key);
    // Most often they wait for the end of the run.
    let waits = |it: &HistoryPoll| it.close_event_only && it.token.is_waiting;
    if run.is_running() && waiters.iter().all(waits) {
        return;
    }
    let mut answered = Vec::new();
    waiters.retain(|waiter| match answer(run, waiter) {
        Some(response) => {
            answered.push((waiter.id, response));
            false
        }
        None => true,
    });
    if waiters.is_empty() {
        service.history_polls.remove(&key);
    }
    for (id, response) in answered {
        service.reply(id, Ok(response.into()));
    }
}
