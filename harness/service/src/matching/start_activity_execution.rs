//! Tasks of standalone activities that meet a poller.
//!
//! Source: `temporalio/temporal: chasm/lib/activity/activity.go` (`HandleStarted`).

use crate::{
    activity_execution::Status,
    api::rpc::PollActivityTaskQueueResponse,
    base::{identifiers::ActivityKey, time::timestamp},
    run::token::TaskToken,
    state::{
        answers::activity_executions::close_transaction, service::Service, task_queues::Poller,
    },
};

/// Starts the attempt, and returns the answer to the poll; `None` if the task is stale.
pub(super) fn start(
    service: &mut Service,
    poller: &Poller,
    key: ActivityKey,
    stamp: u32,
) -> Option<PollActivityTaskQueueResponse> {
    let now_ms = service.now_ms;
    let activity = service.activity_executions.get_mut(key);
    if activity.status != Status::Scheduled || activity.stamp != stamp {
        return None;
    }
    activity.start(now_ms, &poller.identity);
    close_transaction(service, key);

    let activity = service.activity_executions.get(key);
    let request = &*activity.request;
    Some(PollActivityTaskQueueResponse {
        task_token: TaskToken::ActivityExecution {
            activity: key,
            attempt: activity.attempt,
            stamp,
        }
        .encode(),
        workflow_namespace: service.config.namespace.clone(),
        activity_type: request.activity_type.clone(),
        activity_id: request.activity_id.clone(),
        activity_run_id: activity.run_id.clone(),
        header: request.header.clone(),
        input: request.input.clone(),
        heartbeat_details: activity.heartbeat_details.clone(),
        scheduled_time: Some(timestamp(activity.scheduled_ms)),
        current_attempt_scheduled_time: Some(timestamp(activity.dispatch_ms)),
        started_time: Some(timestamp(now_ms)),
        attempt: activity.attempt,
        schedule_to_close_timeout: request.schedule_to_close_timeout,
        start_to_close_timeout: request.start_to_close_timeout,
        heartbeat_timeout: request.heartbeat_timeout,
        retry_policy: request.retry_policy.clone(),
        priority: request.priority.clone(),
        ..PollActivityTaskQueueResponse::default()
    })
}
