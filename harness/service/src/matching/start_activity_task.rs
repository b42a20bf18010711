//! Activity tasks that meet a poller.
//!
//! Source: `temporalio/temporal: service/history/api/recordactivitytaskstarted/api.go`.

use crate::{
    api::{
        common::WorkflowType,
        enums::{TaskQueueType, VersioningBehavior},
        rpc::PollActivityTaskQueueResponse,
    },
    base::{
        identifiers::{RequestId, RunKey, derived_uuid},
        time::timestamp,
        versions::Version,
    },
    run::{Run, activities::StartedAttempt, token::TaskToken},
    state::{service::Service, task_queues::Poller},
};

/// Starts the attempt, and returns the answer to the poll; `None` if the task is stale.
///
/// If the poller's version shows that the run is about to move there, the run starts to move
/// instead: a workflow task comes first, and the activity is offered again after it.
pub(super) fn start(
    service: &mut Service,
    queue: &str,
    poller: &Poller,
    key: RunKey,
    scheduled_event_id: i64,
    stamp: u32,
) -> Option<PollActivityTaskQueueResponse> {
    let run = service.executions.run_mut(key);
    let activity = run.activities.get(scheduled_event_id)?;
    if !run.is_running() || activity.started.is_some() || activity.stamp != stamp {
        return None;
    }
    let is_versioned = run.state.versioning.is_some() || poller.version().is_some();
    if is_versioned && !may_start_versioned(service, queue, poller, key) {
        return None;
    }
    let run = service.executions.run_mut(key);
    start_attempt(run, scheduled_event_id, stamp, poller, service.now_ms);
    service.close_transaction(key);
    started_task(service, key, scheduled_event_id)
}

/// Returns `true` if a worker of the poller's version may have an activity of a run now. Otherwise
/// the run is moving to another version, or begins to.
fn may_start_versioned(service: &mut Service, queue: &str, poller: &Poller, key: RunKey) -> bool {
    let run = service.executions.run(key);
    let versioning = run.state.versioning.as_ref();
    if versioning.is_some_and(|versioning| versioning.transition.is_some()) {
        return false;
    }
    let version = poller.version();
    let is_pinned = run.state.effective_behavior() == VersioningBehavior::Pinned;
    if version == run.state.effective_version() || is_pinned {
        return true;
    }
    // The run moves only if its workflow tasks go there too. Otherwise the activity has versions of
    // its own.
    let kind = TaskQueueType::Workflow;
    let routing = service.deployments.routing(kind, run.task_queue_name());
    let of_workflow = routing.map(|routing| routing.target(&run.workflow_id, false));
    let of_workflow = of_workflow.cloned().unwrap_or_default();
    let route = service.route(run, TaskQueueType::Activity, queue);
    let name = |version: Option<&Version>| version.map(|it| it.deployment_name.clone());
    let is_behind = name(version) == name(of_workflow.version.as_ref())
        && route.revision > of_workflow.revision;
    if version != of_workflow.version.as_ref() && !is_behind {
        return true;
    }
    let now_ms = service.now_ms;
    let run = service.executions.run_mut(key);
    run.start_transition(version.cloned(), route.revision);
    run.hasten_workflow_task(now_ms);
    service.close_transaction(key);
    false
}

/// Starts the first attempt of an activity for the worker that has just scheduled it, within the
/// transaction of its workflow task. Returns `None` if the activity has closed since, or its run.
///
/// Source: `temporalio/temporal:
/// service/history/api/respondworkflowtaskcompleted/workflow_task_completed_handler.go`
/// (`handlePostCommandEagerExecuteActivity`).
pub(crate) fn start_eagerly(
    service: &mut Service,
    key: RunKey,
    activity_id: &str,
    identity: &str,
) -> Option<PollActivityTaskQueueResponse> {
    let run = service.executions.run_mut(key);
    let activity = run.activities.by_id(activity_id)?;
    let (scheduled_event_id, stamp) = (activity.scheduled_event_id, activity.stamp);
    if !run.is_running() || activity.started.is_some() {
        return None;
    }
    let poller = Poller {
        id: RequestId(0),
        identity: identity.into(),
        is_sticky: false,
        worker: "".into(),
        worker_version: None,
    };
    start_attempt(run, scheduled_event_id, stamp, &poller, service.now_ms);
    started_task(service, key, scheduled_event_id)
}

fn start_attempt(run: &mut Run, scheduled_event_id: i64, stamp: u32, poller: &Poller, now_ms: u64) {
    let ordinal = scheduled_event_id.unsigned_abs() << 32 | u64::from(stamp);
    let version = poller
        .worker_version
        .as_ref()
        .and_then(|it| it.version.as_ref());
    let started = StartedAttempt {
        at_ms: now_ms,
        identity: poller.identity.to_string(),
        version: version.cloned().map(Box::new),
        request_id: derived_uuid(&run.run_id, ordinal),
    };
    run.start_activity(scheduled_event_id, started);
}

/// Returns the task of an attempt that has just started.
fn started_task(
    service: &Service,
    key: RunKey,
    scheduled_event_id: i64,
) -> Option<PollActivityTaskQueueResponse> {
    let run = service.executions.run(key);
    let activity = run.activities.get(scheduled_event_id)?;
    let scheduled = run.activity_scheduled(scheduled_event_id);
    Some(PollActivityTaskQueueResponse {
        task_token: TaskToken::ActivityTask {
            run: key,
            scheduled_event_id,
            attempt: activity.attempt,
        }
        .encode(),
        workflow_namespace: service.config.namespace.clone(),
        workflow_type: Some(WorkflowType {
            name: run.workflow_type().to_owned(),
        }),
        workflow_execution: Some(run.execution()),
        activity_type: scheduled.activity_type.clone(),
        activity_id: scheduled.activity_id.clone(),
        header: scheduled.header.clone(),
        input: scheduled.input.clone(),
        heartbeat_details: activity.heartbeat_details.clone(),
        scheduled_time: Some(timestamp(activity.first_scheduled_ms)),
        current_attempt_scheduled_time: Some(timestamp(activity.scheduled_ms)),
        started_time: Some(timestamp(service.now_ms)),
        attempt: activity.attempt,
        schedule_to_close_timeout: scheduled.schedule_to_close_timeout,
        start_to_close_timeout: scheduled.start_to_close_timeout,
        heartbeat_timeout: scheduled.heartbeat_timeout,
        retry_policy: activity.retry_policy(scheduled).cloned(),
        priority: run.activity_priority(scheduled_event_id),
        ..PollActivityTaskQueueResponse::default()
    })
}
