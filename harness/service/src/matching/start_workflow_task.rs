//! Workflow tasks that meet a poller.
//!
//! Source: `temporalio/temporal: service/history/api/recordworkflowtaskstarted/api.go`.

use crate::{
    api::{
        common::WorkflowType,
        enums::{TaskQueueType, VersioningBehavior},
        query::WorkflowQuery,
        rpc::PollWorkflowTaskQueueResponse,
    },
    base::{
        config::Limits,
        identifiers::{RequestId, RunKey, derived_uuid},
        time::timestamp,
    },
    messages::polled_workflow_task::PolledWorkflowTask,
    run::{
        Run,
        token::{HistoryToken, TaskToken},
        workflow_task::{Starter, WorkflowTaskKind},
    },
    state::{answers::queries, service::Service, task_queues::Poller, waiting::queries::Queries},
};

/// Starts the task, and returns the answer to the poll; `None` if the task is stale.
pub(super) fn start(
    service: &mut Service,
    queue: &str,
    poller: &Poller,
    key: RunKey,
    scheduled_event_id: i64,
) -> Option<PolledWorkflowTask> {
    let now_ms = service.now_ms;
    let run = service.executions.run_mut(key);
    let task = run.state.workflow_task.current.as_ref()?;
    if !run.is_running() || task.is_started() || task.scheduled_event_id != scheduled_event_id {
        return None;
    }
    let is_speculative = task.kind == WorkflowTaskKind::Speculative;
    if is_speculative && !run.updates.has_outgoing() {
        return None;
    }
    match &run.state.workflow_task.sticky {
        // The task moved to the normal queue because the sticky worker seems to be gone. The worker
        // that polled needs all events.
        Some(sticky) if sticky.name != queue => run.state.workflow_task.sticky = None,
        // The task remained on the queue of a worker that the run has left since.
        None if poller.is_sticky => return None,
        _ => {}
    }
    let is_versioned = run.state.versioning.is_some() || poller.version().is_some();
    let route = is_versioned.then(|| {
        let run = service.executions.run(key);
        service.route(run, TaskQueueType::Workflow, run.task_queue_name())
    });
    let run = service.executions.run_mut(key);
    let moves = poller.version() != run.state.effective_version();
    if moves && run.state.effective_behavior() == VersioningBehavior::Pinned {
        // The run was pinned to another version after the worker had polled for it.
        return None;
    }
    let request_id = started_request_id(run);
    if let Some(route) = &route {
        run.note_target(route.target.clone());
    }
    let worker = Starter {
        identity: &poller.identity,
        stamp: poller
            .worker_version
            .as_ref()
            .and_then(|it| it.stamp.as_ref()),
    };
    run.start_workflow_task(now_ms, &service.config.limits, worker, request_id);
    run.keeps_speculative = is_speculative;
    // A speculative task may leave no trace; the run moves when it completes.
    if let Some(route) = route.filter(|_| moves && !is_speculative) {
        run.start_transition(poller.version().cloned(), route.revision);
    }
    service.close_transaction(key);
    let run = service.executions.run_mut(key);
    if !run.is_running() {
        // The start of the task exceeded the limit of events.
        return None;
    }
    let is_sticky = run.state.workflow_task.sticky.is_some();
    let limits = &service.config.limits;
    let response =
        workflow_task_response(run, &service.queries, limits, &poller.identity, is_sticky);
    let messages = run.updates.send(response.started_event_id, false);
    Some(response.with_messages(messages))
}

/// Starts the first workflow task of a run for the worker that has just started the run. Returns
/// `None` if the task is not there.
///
/// Source: `temporalio/temporal: service/history/api/startworkflow/api.go` (`generateResponse`).
pub(crate) fn start_eagerly(
    service: &mut Service,
    key: RunKey,
    identity: &str,
) -> Option<PollWorkflowTaskQueueResponse> {
    let run = service.executions.run(key);
    let task = run.state.workflow_task.current.as_ref()?;
    let (queue, scheduled_event_id) = (run.task_queue_name().to_owned(), task.scheduled_event_id);
    let poller = Poller {
        id: RequestId(0),
        identity: identity.into(),
        worker: "".into(),
        is_sticky: false,
        worker_version: None,
    };
    let task = start(service, &queue, &poller, key, scheduled_event_id)?;
    Some(task.into_message())
}

/// Returns the eager first workflow task once more, for a start that is repeated, if the task is
/// still that of the first answer.
pub(crate) fn eager_task_again(
    service: &Service,
    key: RunKey,
    identity: &str,
) -> Option<PollWorkflowTaskQueueResponse> {
    let run = service.executions.run(key);
    let task = run.state.workflow_task.started()?;
    if task.started_event_id != 3 || task.attempt > 1 {
        return None;
    }
    let limits = &service.config.limits;
    let task = workflow_task_response(run, &service.queries, limits, identity, false);
    Some(task.into_message())
}

/// Returns the request id of a start, for which the server's matching service creates a random
/// UUID.
fn started_request_id(run: &Run) -> String {
    let attempt = u64::from(run.state.workflow_task.attempt.unsigned_abs());
    derived_uuid(
        &run.run_id,
        run.history.next_event_id().unsigned_abs() << 16 | attempt,
    )
}

/// Returns the started workflow task of a run as its worker gets it.
///
/// If the worker has the run in its cache, the task has the events since the last task. Otherwise
/// it has all events, up to a page.
pub(crate) fn workflow_task_response(
    run: &Run,
    queries: &Queries,
    limits: &Limits,
    identity: &str,
    is_sticky: bool,
) -> PolledWorkflowTask {
    let state = &run.state.workflow_task;
    let Some(task) = state.started() else {
        unreachable!("only a started task is sent")
    };
    let first_event_id = if is_sticky {
        state.last_completed_started_event_id + 1
    } else {
        1
    };
    let token = HistoryToken::for_workflow_task(run, first_event_id);
    let (events, next) = token.page(run, limits.history_page_events, identity);
    let message = PollWorkflowTaskQueueResponse {
        task_token: TaskToken::WorkflowTask {
            run: run.key,
            scheduled_event_id: task.scheduled_event_id,
            start_ordinal: task.start_ordinal,
            attempt: task.attempt,
        }
        .encode(),
        workflow_execution: Some(run.execution()),
        workflow_type: Some(WorkflowType {
            name: run.workflow_type().to_owned(),
        }),
        previous_started_event_id: state.last_completed_started_event_id,
        started_event_id: task.started_event_id,
        attempt: task.attempt,
        next_page_token: next.map(HistoryToken::encode).unwrap_or_default(),
        workflow_execution_task_queue: Some(run.normal_task_queue()),
        scheduled_time: Some(timestamp(task.scheduled_ms)),
        started_time: Some(timestamp(task.started_ms)),
        queries: attached_queries(run, queries),
        ..PollWorkflowTaskQueueResponse::default()
    };
    PolledWorkflowTask::new(message, events)
}

/// Returns the queries that wait for the task.
#[allow(
    clippy::disallowed_types,
    reason = "the map of the message; whoever reads it looks queries up by key"
)]
fn attached_queries(
    run: &Run,
    queries: &Queries,
) -> std::collections::HashMap<String, WorkflowQuery> {
    run.buffered_queries
        .iter()
        .filter_map(|query| {
            Some((
                queries::attached_id(*query),
                queries.get(*query)?.query.clone(),
            ))
        })
        .collect()
}
