//! Queries: they see a run after all events so far, and never change it.
//!
//! A query for a run with a pending workflow task goes along with that task, so that it sees what the task brings;
//! otherwise it goes to a worker directly, as a task of its own. Source: `temporalio/temporal:
//! service/history/api/queryworkflow/api.go`.

use std::collections::BTreeMap;

use tonic::Status;

use crate::{
    api::{
        enums::{QueryRejectCondition, QueryResultType, WorkflowExecutionStatus},
        query::{QueryRejected, WorkflowQuery, WorkflowQueryResult},
        rpc::{QueryWorkflowRequest, QueryWorkflowResponse},
    },
    identifiers::{RequestId, RunKey},
    matching,
    run::Run,
    service::Service,
    status,
};

/// From this attempt of a failing workflow task on, queries fail at once.
const FAIL_QUERY_ATTEMPT: i32 = 3;

/// A query that has no answer yet.
#[derive(Clone, Debug)]
pub(crate) struct PendingQuery {
    pub(crate) request: RequestId,
    pub(crate) run: RunKey,
    pub(crate) query: WorkflowQuery,
    /// Until when a direct query waits for the sticky worker.
    pub(crate) sticky_deadline_ms: Option<u64>,
}

/// The queries that have no answer yet, by ordinal.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    pending: BTreeMap<u64, PendingQuery>,
    last: u64,
}

impl Queries {
    pub(crate) fn get(&self, query: u64) -> Option<&PendingQuery> {
        self.pending.get(&query)
    }

    /// Forgets the query of a caller that went away; its task is stale from then on.
    pub(crate) fn cancel(&mut self, request: RequestId) -> Option<(u64, RunKey)> {
        let (query, run) = self
            .pending
            .iter()
            .find(|(_, pending)| pending.request == request)
            .map(|(id, it)| (*id, it.run))?;
        self.pending.remove(&query);
        Some((query, run))
    }
}

/// The key of a query that goes along with a workflow task.
pub(crate) fn attached_id(query: u64) -> String {
    format!("query-{query}")
}

/// Takes a query in. It is answered at once only where it is rejected.
///
/// # Errors
///
/// NOT_FOUND for a run that is not there; FAILED_PRECONDITION while there is nothing that could answer;
/// RESOURCE_EXHAUSTED while another query waits for the same workflow task.
pub(crate) fn submit(
    service: &mut Service,
    request_id: RequestId,
    request: QueryWorkflowRequest,
) -> Result<Option<QueryWorkflowResponse>, Status> {
    let key = service.executions.lookup(request.execution.as_ref())?;
    let run = service.executions.run(key);
    let condition = request.query_reject_condition();
    if is_rejected(run, condition) {
        return Ok(Some(QueryWorkflowResponse {
            query_rejected: Some(QueryRejected { status: run.state.status.into() }),
            ..QueryWorkflowResponse::default()
        }));
    }
    let is_direct = may_go_directly(run)?;
    if !is_direct && run.buffered_queries.len() >= service.config.limits.buffered_queries {
        return Err(Status::resource_exhausted(
            "consistent query buffer is full, this may be caused by too many queries and workflow not able to \
             process query fast enough",
        ));
    }
    service.queries.last += 1;
    let query = service.queries.last;
    let pending = PendingQuery {
        request: request_id,
        run: key,
        query: request.query.unwrap_or_default(),
        sticky_deadline_ms: None,
    };
    service.queries.pending.insert(query, pending);
    if is_direct {
        send_directly(service, query);
    } else {
        service.executions.run_mut(key).buffered_queries.insert(query);
    }
    Ok(None)
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

/// Whether a query need not wait for a workflow task.
///
/// # Errors
///
/// FAILED_PRECONDITION if there never was a workflow task, will be none soon, or if it keeps failing.
fn may_go_directly(run: &Run) -> Result<bool, Status> {
    let task = &run.state.workflow_task;
    let has_completed_any = task.last_completed_started_event_id != 0;
    if !run.is_running() {
        return if has_completed_any {
            Ok(true)
        } else {
            Err(status::workflow_not_ready("Workflow execution closed before WorkflowTaskStarted event"))
        };
    }
    if run.state.first_workflow_task_ms.is_some() {
        // The server lets the query wait if its deadline allows; here a call has none that counts.
        return Err(status::workflow_not_ready("Workflow task is not scheduled yet."));
    }
    if task.attempt >= FAIL_QUERY_ATTEMPT {
        return Err(status::workflow_not_ready(
            "Unable to query workflow due to Workflow Task in failed state.",
        ));
    }
    Ok(has_completed_any && !run.has_pending_workflow_task())
}

/// Offers a query to workers as a task of its own: to the sticky worker first, for as long as the run's tasks wait
/// for it.
pub(crate) fn send_directly(service: &mut Service, query: u64) {
    let now_ms = service.now_ms;
    let Some(pending) = service.queries.pending.get_mut(&query) else { return };
    let run = service.executions.run_mut(pending.run);
    run.buffered_queries.remove(&query);
    let queue = match &run.state.workflow_task.sticky {
        Some(sticky) if !service.matching.is_sticky_worker_unavailable(&sticky.name, now_ms) => {
            let deadline_ms = now_ms + sticky.schedule_to_start_ms;
            pending.sticky_deadline_ms = Some(deadline_ms);
            run.sticky_queries.insert((deadline_ms, query));
            sticky.name.clone()
        }
        _ => {
            run.state.workflow_task.sticky = None;
            run.task_queue_name().to_owned()
        }
    };
    service.timers.rearm(run);
    matching::offer_query(service, &queue, query);
}

/// No sticky worker took a query in time: it goes to the normal queue, and so do the run's workflow tasks.
pub(crate) fn give_up_sticky(service: &mut Service, key: RunKey) {
    let run = service.executions.run_mut(key);
    let Some((_, query)) = run.sticky_queries.pop_first() else { return };
    run.state.workflow_task.sticky = None;
    send_directly(service, query);
}

/// A worker took a direct query: no deadline counts any more.
pub(crate) fn taken(service: &mut Service, query: u64) {
    let Some(pending) = service.queries.pending.get_mut(&query) else { return };
    if let Some(deadline_ms) = pending.sticky_deadline_ms.take() {
        let run = service.executions.run_mut(pending.run);
        run.sticky_queries.remove(&(deadline_ms, query));
        service.timers.rearm(run);
    }
}

/// Answers a query with what a worker found.
pub(crate) fn answer(service: &mut Service, query: u64, result: WorkflowQueryResult) {
    let Some(pending) = service.queries.pending.remove(&query) else { return };
    service.executions.run_mut(pending.run).buffered_queries.remove(&query);
    let reply = match result.result_type() {
        QueryResultType::Answered => {
            let response =
                QueryWorkflowResponse { query_result: result.answer, ..QueryWorkflowResponse::default() };
            Ok(response.into())
        }
        QueryResultType::Failed => Err(status::query_failed(result.error_message, result.failure)),
        QueryResultType::Unspecified => Err(Status::invalid_argument("QueryResultType is not set.")),
    };
    service.reply(pending.request, reply);
}

/// Answers the queries that went along with a workflow task, before its commands change anything.
pub(crate) fn answer_attached(service: &mut Service, key: RunKey, mut results: Results) {
    for query in service.executions.run(key).buffered_queries.clone() {
        if let Some(result) = results.remove(&attached_id(query)) {
            answer(service, query, result);
        }
    }
}

/// Sends the queries that wait for a workflow task directly, if there is none to wait for.
pub(crate) fn release_buffered(service: &mut Service, key: RunKey) {
    let run = service.executions.run(key);
    if run.buffered_queries.is_empty() || (run.is_running() && run.has_pending_workflow_task()) {
        return;
    }
    for query in run.buffered_queries.clone() {
        send_directly(service, query);
    }
}

/// Results by the key that each query had on its workflow task.
#[allow(clippy::disallowed_types, reason = "the map of the message; it is looked up, never walked")]
pub(crate) type Results = std::collections::HashMap<String, WorkflowQueryResult>;
