//! Activity tasks that meet a poller.
//!
//! Source: `temporalio/temporal: service/history/api/recordactivitytaskstarted/api.go`.

use crate::{
    api::{common::WorkflowType, rpc::PollActivityTaskQueueResponse},
    base::{
        identifiers::{RunKey, derived_uuid},
        time::timestamp,
    },
    run::{Run, activities::StartedAttempt, token::TaskToken},
    state::{service::Service, task_queues::Poller},
};

/// Starts the attempt, and returns the answer to the poll; `None` if the task is stale.
pub(super) fn start(
    service: &mut Service,
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
    start_attempt(
        run,
        scheduled_event_id,
        stamp,
        &poller.identity,
        service.now_ms,
    );
    service.close_transaction(key);
    started_task(service, key, scheduled_event_id)
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
    start_attempt(run, scheduled_event_id, stamp, identity, service.now_ms);
    started_task(service, key, scheduled_event_id)
}

fn start_attempt(run: &mut Run, scheduled_event_id: i64, stamp: u32, identity: &str, now_ms: u64) {
    let ordinal = scheduled_event_id.unsigned_abs() << 32 | u64::from(stamp);
    let started = StartedAttempt {
        at_ms: now_ms,
        identity: identity.to_owned(),
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
