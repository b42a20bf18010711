//! Matching: tasks meet pollers, first come first served.
//!
//! This is the server's matching service, with one partition for each task queue. A sticky queue is
//! a workflow task queue that only one worker polls. A task is *started* at the moment at which it
//! meets a poller. A task that is stale by then is dropped.
//!
//! Source: `temporalio/temporal: service/matching/matching_engine.go`.

mod start_activity_task;
mod start_nexus_task;
pub(crate) mod start_workflow_task;

use crate::{
    api::enums::TaskQueueKind,
    base::identifiers::RunKey,
    messages::{polled_workflow_task::PolledWorkflowTask, request::Response},
    run::nexus_operations::NexusCall,
    state::{
        answers::queries,
        service::Service,
        task_queues::{Poller, QueueKind, Task},
    },
};

/// Queues a workflow task: on the sticky queue of its run, if the queue's worker seems alive.
///
/// Source: `temporalio/temporal: service/history/transfer_queue_active_task_executor.go`
/// (`processWorkflowTask`).
pub(crate) fn offer_workflow_task(service: &mut Service, key: RunKey, scheduled_event_id: i64) {
    let run = service.executions.run(key);
    let queue = run.current_task_queue();
    let is_abandoned = queue.kind() == TaskQueueKind::Sticky
        && service
            .task_queues
            .is_sticky_worker_unavailable(&queue.name, service.now_ms);
    let name = if is_abandoned {
        queue.normal_name
    } else {
        queue.name
    };
    offer(
        service,
        QueueKind::Workflow,
        &name,
        Task::Workflow {
            run: key,
            scheduled_event_id,
        },
    );
}

/// Queues an attempt of an activity, unless the activity has closed.
pub(crate) fn offer_activity_task(
    service: &mut Service,
    key: RunKey,
    scheduled_event_id: i64,
    attempt: i32,
) {
    let Some(activity) = service
        .executions
        .run(key)
        .activities
        .get(scheduled_event_id)
    else {
        return;
    };
    let name = activity.task_queue.clone();
    offer(
        service,
        QueueKind::Activity,
        &name,
        Task::Activity {
            run: key,
            scheduled_event_id,
            attempt,
        },
    );
}

/// Queues a request to the handler of a Nexus operation, if the request is still wanted and there
/// is time for it.
pub(crate) fn offer_nexus_request(
    service: &mut Service,
    key: RunKey,
    scheduled_event_id: i64,
    call: NexusCall,
) {
    let now_ms = service.now_ms;
    let run = service.executions.run_mut(key);
    let is_sent = run.send_nexus_request(now_ms, scheduled_event_id, call);
    service.close_transaction(key);
    if !is_sent {
        return;
    }
    let run = service.executions.run(key);
    let requests = run
        .nexus_operations
        .get(scheduled_event_id)
        .and_then(|it| it.requests(call));
    let attempt = requests.map_or(0, |requests| requests.attempt);
    let endpoint = &run.nexus_operation_scheduled(scheduled_event_id).endpoint;
    let Some(endpoint) = service.nexus_endpoints.get(endpoint) else {
        return;
    };
    let name = endpoint.task_queue.clone();
    offer(
        service,
        QueueKind::Nexus,
        &name,
        Task::Nexus {
            run: key,
            scheduled_event_id,
            call,
            attempt,
        },
    );
}

fn offer(service: &mut Service, kind: QueueKind, name: &str, task: Task) {
    service
        .task_queues
        .queue_mut(kind, name)
        .backlog
        .push_back(task);
    dispatch(service, kind, name);
}

/// Accepts a poll, which is answered when it meets a task.
pub(crate) fn poll(service: &mut Service, kind: QueueKind, name: &str, poller: Poller) {
    let now_ms = service.now_ms;
    let queue = service.task_queues.queue_mut(kind, name);
    queue.last_poll_ms = Some(now_ms);
    queue.pollers.push_back(poller);
    dispatch(service, kind, name);
}

/// Removes the worker of a sticky queue, which has gone away. Its polls end, and later tasks avoid
/// the queue.
pub(crate) fn unload_sticky_queue(service: &mut Service, name: &str) {
    let Some(queue) = service.task_queues.get_mut(QueueKind::Workflow, name) else {
        return;
    };
    queue.last_poll_ms = None;
    for poller in std::mem::take(&mut queue.pollers) {
        service.reply(poller.id, Ok(PolledWorkflowTask::default().into()));
    }
}

/// Matches the tasks and pollers of a queue while there are both.
fn dispatch(service: &mut Service, kind: QueueKind, name: &str) {
    loop {
        let queue = service.task_queues.queue_mut(kind, name);
        if queue.pollers.is_empty() {
            return;
        }
        let Some(task) = queue.backlog.pop_front() else {
            return;
        };
        let Some(poller) = queue.pollers.pop_front() else {
            return;
        };
        let now_ms = service.now_ms;
        match start(service, name, &poller, &task) {
            Some(response) => {
                service.task_queues.queue_mut(kind, name).last_poll_ms = Some(now_ms);
                service.reply(poller.id, Ok(response));
            }
            None => service
                .task_queues
                .queue_mut(kind, name)
                .pollers
                .push_front(poller),
        }
    }
}

/// Starts a task for a poller, unless the task is stale.
fn start(service: &mut Service, queue: &str, poller: &Poller, task: &Task) -> Option<Response> {
    match task {
        Task::Workflow {
            run,
            scheduled_event_id,
        } => start_workflow_task::start(service, queue, poller, *run, *scheduled_event_id)
            .map(Response::from),
        Task::Query { query, ordinal } => {
            queries::start_task(service, queue, *query, *ordinal).map(Response::from)
        }
        Task::Activity {
            run,
            scheduled_event_id,
            attempt,
        } => start_activity_task::start(service, poller, *run, *scheduled_event_id, *attempt)
            .map(Response::from),
        Task::Nexus {
            run,
            scheduled_event_id,
            call,
            attempt,
        } => start_nexus_task::start(service, *run, *scheduled_event_id, *call, *attempt)
            .map(Response::from),
    }
}
