//! Queries: they see a run after all events so far, and never change it.
//!
//! If the run has a pending workflow task, a query goes along with the task, and sees what the task
//! brings. Otherwise it goes to a worker directly, as a task of its own.
//!
//! Source: `temporalio/temporal: service/history/api/queryworkflow/api.go`.

use tonic::Status;

use crate::{
    api::{
        common::WorkflowType,
        enums::{
            QueryRejectCondition, QueryResultType, VersioningBehavior, WorkflowExecutionStatus,
        },
        query::{QueryRejected, WorkflowQueryResult},
        rpc::{PollWorkflowTaskQueueResponse, QueryWorkflowRequest, QueryWorkflowResponse},
    },
    base::{
        checks,
        identifiers::{RequestId, RunKey},
        status,
    },
    messages::polled_workflow_task::PolledWorkflowTask,
    run::{
        Run,
        token::{HistoryToken, TaskToken},
    },
    state::{
        service::Service,
        task_queues::{QueueKind, Task},
        waiting::queries::{PendingQuery, Sent},
    },
};

/// The attempt of a failing workflow task from which queries fail at once.
const FAIL_QUERY_ATTEMPT: i32 = 3;
/// The time for which a worker that polled may poll again
/// (`matching.queryPollerUnavailableWindow`).
const POLLER_UNAVAILABLE_MS: u64 = 20_000;

/// The time for which a poller is remembered (`matching.PollerHistoryTTL`).
const POLLER_KNOWN_MS: u64 = 5 * 60 * 1000;

/// Returns the key of a query that goes along with a workflow task.
pub(crate) fn attached_id(query: u64) -> String {
    format!("query-{query}")
}

/// Accepts a query. Only a query that is rejected is answered at once.
///
/// # Errors
///
/// NOT_FOUND if the run does not exist, FAILED_PRECONDITION if no worker could answer,
/// RESOURCE_EXHAUSTED if another query waits for the same workflow task, DEADLINE_EXCEEDED if the
/// deadline has passed.
pub(crate) fn submit(
    service: &mut Service,
    request_id: RequestId,
    deadline_ms: Option<u64>,
    request: QueryWorkflowRequest,
) -> Result<Option<QueryWorkflowResponse>, Status> {
    if deadline_ms.is_some_and(|deadline_ms| deadline_ms <= service.now_ms) {
        return Err(status::deadline_exceeded());
    }
    // Refuse the query, if it cannot be answered.
    let key = service.executions.lookup(request.execution.as_ref())?;
    let run = service.executions.run(key);
    let condition = request.query_reject_condition();
    if is_rejected(run, condition) {
        return Ok(Some(QueryWorkflowResponse {
            query_rejected: Some(QueryRejected {
                status: run.state.status.into(),
            }),
            ..QueryWorkflowResponse::default()
        }));
    }
    let is_patient = service.config.patient_queries;
    let is_direct = may_go_directly(run, deadline_ms, is_patient)?;
    let is_full = run.buffered_queries.len() >= service.config.limits.buffered_queries;
    if !is_direct && is_full && !is_patient {
        return Err(Status::resource_exhausted(
            "consistent query buffer is full, this may be caused by too many queries and workflow \
             not able to process query fast enough",
        ));
    }
    // Accept the query, and send it on its way.
    service.queries.last += 1;
    let query = service.queries.last;
    let pending = PendingQuery {
        request: request_id,
        run: key,
        query: request.query.unwrap_or_default(),
        deadline_ms,
        sent: None,
        armed_ms: None,
    };
    service.queries.pending.insert(query, pending);
    if is_direct {
        send_directly(service, query);
    } else {
        wait_for_task(service, query);
    }
    Ok(None)
}

/// Lets a query wait for the workflow task of its run.
fn wait_for_task(service: &mut Service, query: u64) {
    let Some(pending) = service.queries.pending.get_mut(&query) else {
        return;
    };
    pending.sent = None;
    service
        .executions
        .run_mut(pending.run)
        .buffered_queries
        .insert(query);
    rearm(service, query);
}

/// Updates the run's timers after a change to one of its queries.
fn rearm(service: &mut Service, query: u64) {
    let Some(pending) = service.queries.pending.get_mut(&query) else {
        return;
    };
    let due_ms = pending.due_ms();
    let run = service.executions.run_mut(pending.run);
    if let Some(armed_ms) = std::mem::replace(&mut pending.armed_ms, due_ms) {
        run.query_timers.remove(&(armed_ms, query));
    }
    if let Some(due_ms) = due_ms {
        run.query_timers.insert((due_ms, query));
    }
    service.timers.rearm(run);
}

/// Removes a query. Later answers to it are stale.
fn forget(service: &mut Service, query: u64) -> Option<PendingQuery> {
    let pending = service.queries.pending.remove(&query)?;
    let run = service.executions.run_mut(pending.run);
    run.buffered_queries.remove(&query);
    if let Some(armed_ms) = pending.armed_ms {
        run.query_timers.remove(&(armed_ms, query));
    }
    service.timers.rearm(run);
    Some(pending)
}

/// Removes the query of a caller that has gone away.
pub(crate) fn cancel(service: &mut Service, request: RequestId) {
    if let Some(query) = service.queries.of(request) {
        forget(service, query);
    }
}

fn is_rejected(run: &Run, condition: QueryRejectCondition) -> bool {
    match condition {
        QueryRejectCondition::NotOpen => !run.is_running(),
        QueryRejectCondition::NotCompletedCleanly => {
            !run.is_running() && run.state.status != WorkflowExecutionStatus::Completed
        }
        QueryRejectCondition::None | QueryRejectCondition::Unspecified => false,
    }
}

/// Returns `true` if a query need not wait for a workflow task.
///
/// # Errors
///
/// FAILED_PRECONDITION if there never was a workflow task, if the first one comes after the
/// deadline, or if the workflow task keeps failing.
fn may_go_directly(run: &Run, deadline_ms: Option<u64>, is_patient: bool) -> Result<bool, Status> {
    let task = &run.state.workflow_task;
    let has_completed_any = task.last_completed_started_event_id != 0;
    if !run.is_running() && !has_completed_any {
        return Err(status::workflow_not_ready(
            "Workflow execution closed before WorkflowTaskStarted event",
        ));
    }
    let first_ms = run
        .state
        .first_workflow_task_ms
        .filter(|_| run.awaits_first_workflow_task());
    if first_ms.is_some_and(|first_ms| deadline_ms.is_none_or(|deadline_ms| first_ms > deadline_ms))
    {
        return Err(status::workflow_not_ready(
            "Workflow task is not scheduled yet.",
        ));
    }
    // This holds for closed runs too: their code fails on the history that the query is about.
    if task.attempt >= FAIL_QUERY_ATTEMPT && !is_patient {
        return Err(status::workflow_not_ready(
            "Unable to query workflow due to Workflow Task in failed state.",
        ));
    }
    Ok(has_completed_any && (!run.is_running() || !run.has_pending_workflow_task()))
}

/// Offers a query to workers as a task of its own. It goes to the sticky worker first, which has as
/// much time as for a workflow task.
pub(crate) fn send_directly(service: &mut Service, query: u64) {
    let now_ms = service.now_ms;
    let Some(pending) = service.queries.pending.get(&query) else {
        return;
    };
    let run = service.executions.run(pending.run);
    let may_stay = service.may_stay_sticky(run);
    if let Some(refused) = drained(service, pending.run) {
        return refuse(service, query, refused);
    }
    let Some(pending) = service.queries.pending.get_mut(&query) else {
        return;
    };
    let run = service.executions.run_mut(pending.run);
    run.buffered_queries.remove(&query);
    let (queue, sticky_deadline_ms) = match &run.state.workflow_task.sticky {
        Some(sticky)
            if may_stay
                && !service
                    .task_queues
                    .is_sticky_worker_unavailable(&sticky.name, now_ms) =>
        {
            (
                sticky.name.clone(),
                Some(now_ms + sticky.schedule_to_start_ms),
            )
        }
        _ => {
            run.state.workflow_task.sticky = None;
            (run.task_queue_name().to_owned(), None)
        }
    };
    let ordinal = pending.sent.as_ref().map_or(0, |sent| sent.ordinal + 1);
    pending.sent = Some(Sent {
        queue: queue.clone(),
        ordinal,
        sticky_deadline_ms,
        is_taken: false,
        looked_for_poller: false,
    });
    rearm(service, query);
    offer(service, &queue, query, ordinal);
}

/// Returns why a query of a pinned run finds no worker: its version is drained, and nobody polls.
///
/// Source: `temporalio/temporal: service/matching/task_queue_partition_manager.go`
/// (`checkQueryBlackholed`).
fn drained(service: &mut Service, run: RunKey) -> Option<Status> {
    let (now_ms, run) = (service.now_ms, service.executions.run(run));
    let is_pinned = run.state.effective_behavior() == VersioningBehavior::Pinned;
    let version = run.state.effective_version().filter(|_| is_pinned)?;
    let name = run.task_queue_name();
    let queues = &service.task_queues;
    let is_polled = queues.has_been_polled_within(name, now_ms, POLLER_KNOWN_MS);
    if is_polled || !service.deployments.is_drained(now_ms, version) {
        return None;
    }
    let build_id = &version.build_id;
    Some(Status::failed_precondition(format!(
        "You are trying to query a closed Workflow that is PINNED to Worker Deployment Version \
         {build_id}, but {build_id} is drained and has no pollers to answer the query. \
         Immediately: You can re-deploy Workers in this Deployment Version to take those queries, \
         or you can workflow update-options to change your workflow to AUTO_UPGRADE. For the \
         future: In your infrastructure, consider waiting longer after the last queried timestamp \
         as reported in Describe Deployment before you sunset Workers. Or mark this workflow as \
         AUTO_UPGRADE."
    )))
}

/// Puts a query in front of all tasks of its run's priority, since it asks about the state before
/// them.
fn offer(service: &mut Service, queue: &str, query: u64, ordinal: u32) {
    let task = Task::Query { query, ordinal };
    let key = service.task_queues.key(QueueKind::Workflow, queue);
    // No other task of the queue could meet a poller, or it would have.
    let place = service.poller_for(service.task_queues.queue(key), &task);
    let level = service.level(&task);
    let waiting = service.task_queues.queue_mut(key);
    let Some(poller) = place.and_then(|place| waiting.pollers.remove(place)) else {
        waiting.backlog.push_front(service.now_ms, level, task);
        return;
    };
    let started = start_task(service, queue, query, ordinal);
    let waiting = service.task_queues.queue_mut(key);
    match started {
        Some(task) => {
            waiting.last_poll_ms = Some(service.now_ms);
            service.reply(poller.id, Ok(task.into()));
        }
        None => waiting.pollers.push_front(poller),
    }
}

/// Returns the task for a poll that meets a query, unless the caller has gone away or the query was
/// sent elsewhere since. A worker with the run in its cache needs no history; any other worker gets
/// all of it.
pub(crate) fn start_task(
    service: &mut Service,
    queue: &str,
    query: u64,
    ordinal: u32,
) -> Option<PolledWorkflowTask> {
    service.queries.sent(query, ordinal)?;
    if service.config.patient_queries && follow_task(service, query) {
        return None;
    }
    taken(service, query);
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
        // A query starts no workflow task, and by the 0 Core tells it from one
        // (`service/matching/matching_engine.go`).
        started_event_id: 0,
        attempt: 1,
        next_page_token: next.map(HistoryToken::encode).unwrap_or_default(),
        query: Some(pending.query.clone()),
        workflow_execution_task_queue: Some(run.normal_task_queue()),
        ..PollWorkflowTaskQueueResponse::default()
    };
    Some(PolledWorkflowTask::new(message, events))
}

/// Lets a direct query that no worker has taken wait for a workflow task that was scheduled since.
/// Returns `true` if there is such a task.
pub(crate) fn follow_task(service: &mut Service, query: u64) -> bool {
    let Some(pending) = service.queries.get(query) else {
        return false;
    };
    let is_there = service
        .executions
        .run(pending.run)
        .has_pending_workflow_task();
    if is_there {
        wait_for_task(service, query);
    }
    is_there
}

/// Handles the next due time of the run's queries.
///
/// There are three cases. The caller's deadline has passed. Or the sticky worker has not answered
/// in time: the query goes to the normal queue, as the run's workflow tasks do from then on. Or no
/// worker polls for the query.
pub(crate) fn fall_due(service: &mut Service, key: RunKey) {
    let now_ms = service.now_ms;
    let Some((_, query)) = service.executions.run(key).query_timers.first().copied() else {
        return;
    };
    let Some(pending) = service.queries.pending.get_mut(&query) else {
        return;
    };
    if pending
        .deadline_ms
        .is_some_and(|deadline_ms| deadline_ms <= now_ms)
    {
        return refuse(service, query, status::deadline_exceeded());
    }
    let Some(sent) = &pending.sent else {
        return;
    };
    if sent.sticky_deadline_ms.is_some() {
        service.executions.run_mut(key).state.workflow_task.sticky = None;
        return send_directly(service, query);
    }
    look_for_poller(service, query);
}

/// Refuses a query that no worker polls for.
fn look_for_poller(service: &mut Service, query: u64) {
    let now_ms = service.now_ms;
    let pending = service.queries.pending.get_mut(&query);
    let Some(sent) = pending.and_then(|pending| pending.sent.as_mut()) else {
        return;
    };
    sent.looked_for_poller = true;
    let queue = sent.queue.clone();
    if service
        .task_queues
        .has_been_polled_within(&queue, now_ms, POLLER_UNAVAILABLE_MS)
    {
        return rearm(service, query);
    }
    let absent = "no poller seen for task queue recently, worker may be down";
    refuse(service, query, Status::failed_precondition(absent));
}

/// Refuses the query of a caller that is about to give up, if no worker polls for it.
pub(crate) fn expire(service: &mut Service, request: RequestId) {
    let Some(query) = service.queries.of(request) else {
        return;
    };
    let sent = service.queries.get(query).and_then(|it| it.sent.as_ref());
    if sent.is_some_and(|sent| !sent.is_taken) {
        look_for_poller(service, query);
    }
}

fn refuse(service: &mut Service, query: u64, status: Status) {
    if let Some(pending) = forget(service, query) {
        service.reply(pending.request, Err(status));
    }
}

/// Records that a worker took a direct query. A sticky worker that never answers is still given up.
pub(crate) fn taken(service: &mut Service, query: u64) {
    if let Some(sent) = service
        .queries
        .pending
        .get_mut(&query)
        .and_then(|pending| pending.sent.as_mut())
    {
        sent.is_taken = true;
        rearm(service, query);
    }
}

/// Answers a query with a worker's result.
pub(crate) fn answer(service: &mut Service, query: u64, result: WorkflowQueryResult) {
    let Some(pending) = forget(service, query) else {
        return;
    };
    let reply = match result.result_type() {
        QueryResultType::Answered => {
            let response = QueryWorkflowResponse {
                query_result: result.answer,
                ..QueryWorkflowResponse::default()
            };
            Ok(response.into())
        }
        QueryResultType::Failed => Err(status::query_failed(result.error_message, result.failure)),
        QueryResultType::Unspecified => {
            Err(Status::invalid_argument("QueryResultType is not set."))
        }
    };
    service.reply(pending.request, reply);
}

/// Answers the queries that went along with a workflow task.
pub(crate) fn answer_attached(service: &mut Service, key: RunKey, mut results: Results) {
    for query in service.executions.run(key).buffered_queries.clone() {
        if let Some(result) = results.remove(&attached_id(query)) {
            let too_large = checks::blob_size(result.answer.as_ref(), &service.config.limits);
            match too_large {
                Ok(()) => answer(service, query, result),
                Err(too_large) => refuse(service, query, too_large),
            }
        }
    }
}

/// Sends the buffered queries directly, if there is no workflow task for them to wait for.
pub(crate) fn release_buffered(service: &mut Service, key: RunKey) {
    let run = service.executions.run(key);
    if run.buffered_queries.is_empty() || (run.is_running() && run.has_pending_workflow_task()) {
        return;
    }
    for query in run.buffered_queries.clone() {
        send_directly(service, query);
    }
}

/// The results of queries, by the key that each query had on its workflow task.
#[allow(
    clippy::disallowed_types,
    reason = "the map of the message; it is looked up, never walked"
)]
pub(crate) type Results = std::collections::HashMap<String, WorkflowQueryResult>;
