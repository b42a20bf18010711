//! GetWorkflowExecutionHistory and GetWorkflowExecutionHistoryReverse.
//!
//! Source: `temporalio/temporal: service/history/api/getworkflowexecutionhistory{,reverse}/api.go`. A long poll
//! never ends by itself: it is answered when there is an event to show.

use std::sync::Arc;

use tonic::Status;

use super::{Answer, Handled, history_page::HistoryToken};
use crate::{
    api::{
        HistoryEvent,
        enums::HistoryEventFilterType,
        history::History,
        rpc::{
            GetWorkflowExecutionHistoryRequest, GetWorkflowExecutionHistoryResponse,
            GetWorkflowExecutionHistoryReverseRequest, GetWorkflowExecutionHistoryReverseResponse,
        },
    },
    identifiers::{RequestId, RunKey},
    run::Run,
    service::Service,
};

/// A long poll that waits for events of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryWaiter {
    pub(crate) id: RequestId,
    token: HistoryToken,
    page_size: usize,
    close_event_only: bool,
}

pub(super) fn handle(
    service: &mut Service,
    id: RequestId,
    request: &GetWorkflowExecutionHistoryRequest,
) -> Handled {
    let token = if request.next_page_token.is_empty() {
        let run = service.executions.run(service.executions.lookup(request.execution.as_ref())?);
        HistoryToken {
            run: run.key,
            first_event_id: 1,
            end_event_id: run.history.next_event_id(),
            with_transient: false,
            is_waiting: request.wait_new_event,
        }
    } else {
        let named = request.execution.as_ref().map_or("", |execution| &execution.run_id);
        token_of_run(service, &request.next_page_token, named)?
    };
    let close_event_only = request.history_event_filter_type() == HistoryEventFilterType::CloseEvent;
    let page_size = usize::try_from(request.maximum_page_size).unwrap_or(0);
    let waiter = HistoryWaiter {
        id,
        token: HistoryToken { is_waiting: token.is_waiting && request.wait_new_event, ..token },
        page_size: if page_size == 0 { service.config.limits.history_page_events } else { page_size },
        close_event_only,
    };
    if let Some(response) = answer(service.executions.run(token.run), &waiter) {
        return Ok(response.into());
    }
    service.history_waiters.entry(token.run).or_default().push(waiter);
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
        return Err(Status::invalid_argument("RunID in the request does not match the NextPageToken."));
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
    let (events, next) = token.page(run, waiter.page_size, "");
    let end_event_id = token.end_event_id;
    let waits_on = token.is_waiting && (run.is_running() || end_event_id < run.history.next_event_id());
    let next = next.or_else(|| waits_on.then_some(HistoryToken { first_event_id: end_event_id, ..token }));
    Some(response(events, next))
}

fn close_event(run: &Run, waiter: &HistoryWaiter) -> Option<GetWorkflowExecutionHistoryResponse> {
    if run.is_running() {
        return (!waiter.token.is_waiting).then(|| response(Vec::new(), None));
    }
    Some(response(run.history.events().last().cloned().into_iter().collect(), None))
}

fn response(
    events: Vec<Arc<HistoryEvent>>,
    next: Option<HistoryToken>,
) -> GetWorkflowExecutionHistoryResponse {
    GetWorkflowExecutionHistoryResponse {
        history: Some(History { events: events.into_iter().map(Arc::unwrap_or_clone).collect() }),
        next_page_token: next.map(HistoryToken::encode).unwrap_or_default(),
        ..GetWorkflowExecutionHistoryResponse::default()
    }
}

/// Answers the long polls that wait for what a transaction on this run brought.
pub(crate) fn answer_waiters(service: &mut Service, key: RunKey) {
    let Some(waiters) = service.history_waiters.get_mut(&key) else { return };
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
    let named = request.execution.as_ref().map_or("", |execution| &execution.run_id);
    let (key, end_event_id) = if request.next_page_token.is_empty() {
        let key = service.executions.lookup(request.execution.as_ref())?;
        (key, service.executions.run(key).history.next_event_id())
    } else {
        let token = token_of_run(service, &request.next_page_token, named)?;
        (token.run, token.end_event_id)
    };
    let all = service.executions.run(key).history.events();
    let end = usize::try_from(end_event_id - 1).unwrap_or(0).min(all.len());
    let page_size = usize::try_from(request.maximum_page_size).unwrap_or(0).max(1);
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
            events: all[start..end].iter().rev().map(|event| (**event).clone()).collect(),
        }),
        next_page_token: next.map(HistoryToken::encode).unwrap_or_default(),
    }
    .into())
}
