//! GetWorkflowExecutionHistory and GetWorkflowExecutionHistoryReverse.
//!
//! A long poll never times out by itself: it is answered when there is an event to show.
//!
//! Source: `temporalio/temporal: service/history/api/getworkflowexecutionhistory{,reverse}/api.go`.

use tonic::Status;

use crate::{
    api::{
        WorkflowExecution,
        enums::HistoryEventFilterType,
        history::History,
        rpc::{
            GetWorkflowExecutionHistoryRequest, GetWorkflowExecutionHistoryReverseRequest,
            GetWorkflowExecutionHistoryReverseResponse,
        },
    },
    base::identifiers::RequestId,
    frontend::answer::{Answer, Handled},
    run::token::HistoryToken,
    state::{answers::history_polls, service::Service, waiting::history_polls::HistoryPoll},
};

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
        token_of_run(
            service,
            &request.next_page_token,
            request.execution.as_ref(),
        )?
    };
    let close_event_only =
        request.history_event_filter_type() == HistoryEventFilterType::CloseEvent;
    let page_size = usize::try_from(request.maximum_page_size).unwrap_or(0);
    let waiter = HistoryPoll {
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
        // The worker that has the task gets its events with the task. A worker that reads history
        // for a query would take them as delivered.
        with_pending: token.with_transient || !service.config.patient_queries,
    };
    if let Some(response) = history_polls::answer(service.executions.run(token.run), &waiter) {
        return Ok(response.into());
    }
    service
        .history_polls
        .entry(token.run)
        .or_default()
        .push(waiter);
    Ok(Answer::Later)
}

/// Decodes a page token.
///
/// # Errors
///
/// INVALID_ARGUMENT for an unknown token, or one of another run than the request names; NOT_FOUND
/// if the run was deleted since.
fn token_of_run(
    service: &Service,
    token: &[u8],
    execution: Option<&WorkflowExecution>,
) -> Result<HistoryToken, Status> {
    let token = HistoryToken::decode(token)?;
    let Some(run) = service.executions.find(token.run) else {
        service.executions.lookup(execution)?;
        return Err(Status::invalid_argument("Invalid NextPageToken."));
    };
    let named = execution.map_or("", |execution| &execution.run_id);
    if !named.is_empty() && named != run.run_id {
        return Err(Status::invalid_argument(
            "RunId in the request does not match the NextPageToken.",
        ));
    }
    Ok(token)
}

/// Returns a page from the end of the history. Its token names the end of the next page.
pub(super) fn handle_reverse(
    service: &mut Service,
    request: &GetWorkflowExecutionHistoryReverseRequest,
) -> Handled {
    let (key, end_event_id) = if request.next_page_token.is_empty() {
        let key = service.executions.lookup(request.execution.as_ref())?;
        (key, service.executions.run(key).history.next_event_id())
    } else {
        let token = token_of_run(
            service,
            &request.next_page_token,
            request.execution.as_ref(),
        )?;
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
                .map(|event| (&**event).into())
                .collect(),
        }),
        next_page_token: next.map(HistoryToken::encode).unwrap_or_default(),
    }
    .into())
}
