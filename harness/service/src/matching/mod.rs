//! Matching: tasks meet pollers, first come first served.
//!
//! This is the server's matching service, with one partition for each task queue. A sticky queue is
//! a workflow task queue that only one worker polls. A task is *started* at the moment at which it
//! meets a poller. A task that is stale by then is dropped.
//!
//! Source: `temporalio/temporal: service/matching/matching_engine.go`.

mod start_activity_execution;
pub(crate) mod start_activity_task;
pub(crate) mod start_nexus_task;
pub(crate) mod start_workflow_task;

use tonic::Status;

use crate::{
    base::identifiers::{ActivityKey, RunKey},
    messages::request::Response,
    run::{
        nexus_operations::{NexusCall, NexusCaller, system::SYSTEM_ENDPOINT},
        workflow_task::WorkflowTask,
    },
    state::{
        abroad::{Content, GuestRequest, Parcel},
        answers::{nexus_operation_executions, queries},
        service::Service,
        task_queues::{Poller, QueueKey, QueueKind, Task},
        work::Work,
    },
};

/// Queues a workflow task: on the sticky queue of its run, if the queue's worker seems alive.
///
/// Source: `temporalio/temporal: service/history/transfer_queue_active_task_executor.go`
/// (`processWorkflowTask`).
pub(crate) fn offer_workflow_task(service: &mut Service, key: RunKey, scheduled_event_id: i64) {
    let run = service.executions.run(key);
    let task = run.state.workflow_task.current.as_ref();
    if task.is_some_and(WorkflowTask::is_started) {
        // The worker that started the workflow has got the task with the answer.
        return;
    }
    let queues = &service.task_queues;
    let sticky = run.state.workflow_task.sticky.as_ref().filter(|sticky| {
        let is_abandoned = queues.is_sticky_worker_unavailable(&sticky.name, service.now_ms);
        !is_abandoned && service.may_stay_sticky(run)
    });
    let is_versioned = sticky.is_none() && run.state.versioning.is_some();
    let name = sticky.map_or_else(|| run.task_queue_name(), |sticky| &sticky.name);
    let name = name.to_owned();
    let queue = service.task_queues.key(QueueKind::Workflow, &name);
    note_versions(service, queue, is_versioned);
    offer(
        service,
        queue,
        Task::Workflow {
            run: key,
            scheduled_event_id,
        },
    );
}

/// Queues the workflow task that waits for a worker anew: the priority of its run has changed.
///
/// Source: `temporalio/temporal: service/history/workflow/mutable_state_impl.go`
/// (`ApplyWorkflowExecutionOptionsUpdatedEvent`, `reschedulePendingWorkflowTask`).
pub(crate) fn reschedule_workflow_task(service: &mut Service, key: RunKey) {
    let run = service.executions.run(key);
    let Some(task) = run.state.workflow_task.current.as_ref() else {
        return;
    };
    let scheduled_event_id = task.scheduled_event_id;
    if task.is_started() {
        return;
    }
    let sticky = run.state.workflow_task.sticky.as_ref();
    let sticky = sticky.map(|sticky| &*sticky.name);
    let names: Vec<_> = sticky.into_iter().chain([run.task_queue_name()]).collect();
    service.task_queues.withdraw_workflow_task(&names, key);
    offer_workflow_task(service, key, scheduled_event_id);
}

/// Queues an attempt of an activity, unless the activity has closed.
pub(crate) fn offer_activity_task(
    service: &mut Service,
    key: RunKey,
    scheduled_event_id: i64,
    stamp: u32,
) {
    let run = service.executions.run(key);
    let is_versioned = run.state.versioning.is_some();
    let Some(activity) = run.activities.get(scheduled_event_id) else {
        return;
    };
    if activity.started.is_some() {
        // The worker that scheduled the activity has got the task with the answer.
        return;
    }
    let queue = &activity.task_queue;
    let queue = service.task_queues.key(QueueKind::Activity, queue);
    note_versions(service, queue, is_versioned);
    offer(
        service,
        queue,
        Task::Activity {
            run: key,
            scheduled_event_id,
            stamp,
        },
    );
}

/// Queues the attempt of a standalone activity.
pub(crate) fn offer_activity_execution(service: &mut Service, key: ActivityKey) {
    let activity = service.activity_executions.get(key);
    let (queue, stamp) = (activity.task_queue(), activity.stamp);
    let queue = service.task_queues.key(QueueKind::Activity, queue);
    let activity = key;
    offer(service, queue, Task::ActivityExecution { activity, stamp });
}

/// Queues a request to the handler of a Nexus operation, if the request is still wanted and there
/// is time for it.
pub(crate) fn offer_nexus_request(service: &mut Service, caller: NexusCaller, call: NexusCall) {
    if !send_nexus_request(service, caller, call) {
        return;
    }
    let (operation, endpoint) = match caller {
        NexusCaller::Run {
            run,
            scheduled_event_id,
        } => {
            let run = service.executions.run(run);
            let scheduled = run.nexus_operation_scheduled(scheduled_event_id);
            let operation = run.nexus_operations.get(scheduled_event_id);
            (operation, &scheduled.endpoint)
        }
        NexusCaller::Execution(key) => {
            let operation = service.nexus_operation_executions.get(key);
            (Some(&operation.pending), &operation.scheduled.endpoint)
        }
    };
    let requests = operation.and_then(|it| it.requests(call));
    let attempt = requests.map_or(0, |requests| requests.attempt);
    if let (
        SYSTEM_ENDPOINT,
        NexusCaller::Run {
            run,
            scheduled_event_id,
        },
    ) = (endpoint.as_str(), caller)
    {
        return service.later(Work::SystemOperation {
            run,
            scheduled_event_id,
        });
    }
    let Some(endpoint) = service.nexus_endpoints.get(endpoint) else {
        return;
    };
    let task_queue = &endpoint.task_queue;
    if endpoint.namespace != service.config.namespace {
        let request = GuestRequest {
            home: service.config.namespace.as_str().into(),
            caller,
            call,
            attempt,
        };
        service.parcels.push(Parcel {
            namespace: endpoint.namespace.as_str().into(),
            content: Content::Request {
                task_queue: task_queue.clone(),
                request,
            },
        });
        return;
    }
    let queue = service.task_queues.key(QueueKind::Nexus, task_queue);
    offer(
        service,
        queue,
        Task::Nexus {
            caller,
            call,
            attempt,
        },
    );
}

/// Marks a request as sent. Returns `false` if it is not wanted any more, or if there is no time.
fn send_nexus_request(service: &mut Service, caller: NexusCaller, call: NexusCall) -> bool {
    let now_ms = service.now_ms;
    match caller {
        NexusCaller::Run {
            run,
            scheduled_event_id,
        } => {
            let of_run = service.executions.run_mut(run);
            let is_sent = of_run.send_nexus_request(now_ms, scheduled_event_id, call);
            service.close_transaction(run);
            is_sent
        }
        NexusCaller::Execution(key) => {
            let operation = service.nexus_operation_executions.get_mut(key);
            let is_sent = operation.send_request(now_ms, call);
            nexus_operation_executions::close_transaction(service, key);
            is_sent
        }
    }
}

/// Queues a request of a run in another namespace.
pub(crate) fn offer_guest_request(service: &mut Service, task_queue: &str, request: GuestRequest) {
    let queue = service.task_queues.key(QueueKind::Nexus, task_queue);
    offer(service, queue, Task::GuestRequest(request));
}

/// Marks a queue that has tasks of versioned runs.
fn note_versions(service: &mut Service, queue: QueueKey, is_versioned: bool) {
    if is_versioned {
        let waiting = service.task_queues.queue_mut(queue);
        waiting.versions.get_or_insert_default();
    }
}

fn offer(service: &mut Service, queue: QueueKey, task: Task) {
    let level = service.level(&task);
    let waiting = service.task_queues.queue_mut(queue);
    waiting.backlog.push_back(service.now_ms, level, task);
    dispatch(service, queue);
}

/// Accepts a poll, which is answered when it meets a task. The poll of a versioned worker registers
/// its version.
///
/// # Errors
///
/// RESOURCE_EXHAUSTED if there are too many versions.
pub(crate) fn poll(service: &mut Service, queue: QueueKey, poller: Poller) -> Result<(), Status> {
    if poller.version().is_some() && !poller.is_sticky {
        register(service, queue, &poller)?;
    }
    let waiting = service.task_queues.queue_mut(queue);
    if service
        .workers
        .has_shut_down(&poller.worker, service.now_ms)
    {
        let kind = waiting.kind;
        service.reply(poller.id, Ok(kind.no_task()));
        return Ok(());
    }
    waiting.last_poll_ms = Some(service.now_ms);
    waiting.pollers.push_back(poller);
    dispatch(service, queue);
    Ok(())
}

/// Registers the version of a worker that polls, unless it is known.
fn register(service: &mut Service, key: QueueKey, poller: &Poller) -> Result<(), Status> {
    let Some(version) = poller.version() else {
        return Ok(());
    };
    let now_ms = service.now_ms;
    let waiting = service.task_queues.queue_mut(key);
    let (kind, name) = (waiting.kind.task_type(), waiting.name.clone());
    let polls = waiting.versions.get_or_insert_default();
    polls.record(version, &poller.identity, now_ms);
    if service.deployments.has_version(kind, &name, version) {
        return Ok(());
    }
    let has_pollers = service.task_queues.have_pollers(now_ms);
    service
        .deployments
        .register(now_ms, version, kind, &name, &has_pollers)
}

/// Matches the tasks and pollers of all task queues that have versions, after a change of the
/// routing.
pub(crate) fn dispatch_versions(service: &mut Service) {
    for (kind, name) in service.deployments.versioned_queues() {
        let kind = QueueKind::of_task_type(kind);
        let queue = service.task_queues.key(kind, &name);
        dispatch(service, queue);
    }
}

/// Hands out what may go now that the rate of a queue has changed, or that time has passed.
pub(crate) fn resume(service: &mut Service, queue: QueueKey) {
    // Without a task and a poller, the queue is due no more.
    service.task_queues.may_hand_out(queue, service.now_ms);
    dispatch(service, queue);
}

/// Ends the polls of a worker that shuts down, and those that it may still send.
///
/// Source: `temporalio/temporal: service/matching/matching_engine.go`
/// (`CancelOutstandingWorkerPolls`).
pub(crate) fn end_polls_of(service: &mut Service, worker: &str) {
    if worker.is_empty() {
        return;
    }
    service.workers.shut_down(worker, service.now_ms);
    for (kind, poller) in service.task_queues.take_polls_of(worker) {
        service.reply(poller.id, Ok(kind.no_task()));
    }
}

/// Removes the worker of a sticky queue, which has gone away. Its polls end, and later tasks avoid
/// the queue.
pub(crate) fn unload_sticky_queue(service: &mut Service, name: &str) {
    let Some(queue) = service.task_queues.find_mut(QueueKind::Workflow, name) else {
        return;
    };
    queue.last_poll_ms = None;
    let kind = queue.kind;
    for poller in std::mem::take(&mut queue.pollers) {
        service.reply(poller.id, Ok(kind.no_task()));
    }
}

/// Matches the tasks and pollers of a queue while there are both.
fn dispatch(service: &mut Service, queue: QueueKey) {
    while let Some((task, poller)) = service.next_match(queue) {
        let waiting = service.task_queues.queue_mut(queue);
        let (name, now_ms) = (waiting.name.clone(), service.now_ms);
        if let Task::GuestRequest(request) = task {
            // The run's own namespace starts the task.
            service.parcels.push(Parcel {
                namespace: request.home.clone(),
                content: Content::Poll {
                    host: service.config.namespace.as_str().into(),
                    queue,
                    poller,
                    request,
                },
            });
            continue;
        }
        let started = start(service, &name, &poller, &task);
        let waiting = service.task_queues.queue_mut(queue);
        match started {
            Some(response) => {
                waiting.last_poll_ms = Some(now_ms);
                if let Some(limit) = &mut waiting.limit {
                    limit.spend(now_ms);
                }
                if let (Some(polls), Some(version)) = (&mut waiting.versions, poller.version()) {
                    polls.record(version, &poller.identity, now_ms);
                }
                service.reply(poller.id, Ok(response));
            }
            None => waiting.pollers.push_front(poller),
        }
    }
}

/// Starts a task for a poller, unless the task is stale.
fn start(service: &mut Service, queue: &str, poller: &Poller, task: &Task) -> Option<Response> {
    if service.is_gone(task) {
        return None;
    }
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
            stamp,
        } => {
            let id = *scheduled_event_id;
            start_activity_task::start(service, queue, poller, *run, id, *stamp).map(Response::from)
        }
        Task::Nexus {
            caller,
            call,
            attempt,
        } => start_nexus_task::start(service, *caller, *call, *attempt).map(Response::from),
        Task::ActivityExecution { activity, stamp } => {
            start_activity_execution::start(service, poller, *activity, *stamp).map(Response::from)
        }
        Task::GuestRequest(_) => None,
    }
}
