//! A query meets a poller.
//!
//! Source: `temporalio/temporal: service/matching/matching_engine.go` (`PollWorkflowTaskQueue`).

use super::PolledWorkflowTask;
use crate::{
    api::{common::WorkflowType, rpc::PollWorkflowTaskQueueResponse},
    query,
    rpc::history_page::HistoryToken,
    service::Service,
    token::TaskToken,
};

/// Answers the poll with the query, unless its caller went away or it was sent elsewhere since. A
/// worker with the run in its cache needs no history; any other gets all of it.
pub(super) fn start(
    service: &mut Service,
    queue: &str,
    query: u64,
    ordinal: u32,
) -> Option<PolledWorkflowTask> {
    service.queries.sent(query, ordinal)?;
    if service.config.patient_queries && query::follow_task(service, query) {
        return None;
    }
    query::taken(service, query);
    let pending = service.queries.get(query)?;
    let run = service.executions.run(pending.run);
    let state = &run.state.workflow_task;
    let is_sticky = state
        .sticky
        .as_ref()
        .is_some_and(|sticky| sticky.name == queue);
    let (events, next) = if is_sticky {
        (Vec::new(), None)
    } else {
        let token = HistoryToken {
            with_transient: false,
            ..HistoryToken::for_workflow_task(run, 1)
        };
        token.page(run, service.config.limits.history_page_events, "")
    };
    let message = PollWorkflowTaskQueueResponse {
        task_token: TaskToken::Query { query, ordinal }.encode(),
        workflow_execution: Some(run.execution()),
        workflow_type: Some(WorkflowType {
            name: run.workflow_type().to_owned(),
        }),
        previous_started_event_id: state.last_completed_started_event_id,
        started_event_id: state.last_completed_started_event_id,
        attempt: 1,
        next_page_token: next.map(HistoryToken::encode).unwrap_or_default(),
        query: Some(pending.query.clone()),
        workflow_execution_task_queue: Some(run.normal_task_queue()),
        ..PollWorkflowTaskQueueResponse::default()
    };
    Some(PolledWorkflowTask::new(message, events))
}
