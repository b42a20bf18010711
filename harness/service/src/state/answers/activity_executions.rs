//! The answers to callers that wait for standalone activities, and the end of a change to one.

use crate::{
    activity_execution::{ActivityExecution, Outcome},
    api::{
        activity::{ActivityExecutionInfo, CallbackInfo, callback_info},
        callback,
        rpc::{
            DescribeActivityExecutionRequest, DescribeActivityExecutionResponse,
            PollActivityExecutionResponse,
        },
    },
    base::{
        identifiers::{ActivityKey, RequestId},
        time::{duration, timestamp},
    },
    messages::request::Response,
    run::callbacks::CompletionCallback,
    state::{
        activity_executions::{ActivityPoll, ActivityWait},
        service::Service,
        work::Work,
    },
};

/// Ends a change to an activity: arms its timer, and answers the callers that wait for it.
pub(crate) fn close_transaction(service: &mut Service, key: ActivityKey) {
    let activity = service.activity_executions.get_mut(key);
    activity.transitions += 1;
    let calls_back = activity.is_closed() && !activity.callbacks.is_empty();
    service.activity_executions.rearm(key);
    let retention = service.config.retention;
    service.activity_executions.retain(key, retention);
    if calls_back {
        service.later(Work::ActivityCallbacks { activity: key });
    }
    let polls = service.activity_executions.polls.remove(&key);
    for poll in polls.into_iter().flatten() {
        wait(service, key, poll);
    }
}

/// Answers a caller at once, or lets it wait.
pub(crate) fn wait(service: &mut Service, key: ActivityKey, poll: ActivityPoll) {
    let activity = service.activity_executions.get(key);
    if let Some(response) = answer(activity, &poll.wait, service.now_ms) {
        return service.reply(poll.id, Ok(response));
    }
    let polls = &mut service.activity_executions.polls;
    polls.entry(key).or_default().push(poll);
}

fn answer(activity: &ActivityExecution, wait: &ActivityWait, now_ms: u64) -> Option<Response> {
    match wait {
        ActivityWait::Outcome => {
            let outcome = activity.outcome.as_ref()?.message();
            let response = PollActivityExecutionResponse {
                run_id: activity.run_id.clone(),
                outcome: Some(outcome),
            };
            Some(response.into())
        }
        ActivityWait::Change {
            transitions,
            request,
        } => (activity.transitions > *transitions)
            .then(|| describe(activity, request, now_ms).into()),
    }
}

/// Answers a long poll that has waited long enough: it may ask again.
pub(crate) fn expire(service: &mut Service, id: RequestId) {
    let response: Response = match service.activity_executions.cancel_poll(id) {
        None => return,
        Some(ActivityWait::Outcome) => PollActivityExecutionResponse::default().into(),
        Some(ActivityWait::Change { .. }) => DescribeActivityExecutionResponse::default().into(),
    };
    service.reply(id, Ok(response));
}

/// Returns the description of an activity.
pub(crate) fn describe(
    activity: &ActivityExecution,
    request: &DescribeActivityExecutionRequest,
    now_ms: u64,
) -> DescribeActivityExecutionResponse {
    let mut info = info(activity, now_ms);
    if request.include_heartbeat_details {
        info.heartbeat_details
            .clone_from(&activity.heartbeat_details);
    }
    if request.include_last_failure {
        info.last_failure.clone_from(&activity.last_failure);
    }
    let with_input = activity.request.input.clone();
    let outcome = activity.outcome.as_ref();
    let outcome = outcome.filter(|_| request.include_outcome);
    DescribeActivityExecutionResponse {
        run_id: activity.run_id.clone(),
        info: Some(info),
        input: with_input.filter(|_| request.include_input),
        outcome: outcome.map(Outcome::message),
        long_poll_token: token(activity),
        callbacks: activity.callbacks.iter().map(callback_info).collect(),
    }
}

fn callback_info(registered: &CompletionCallback) -> CallbackInfo {
    let closed = callback_info::trigger::Variant::ActivityClosed(callback_info::ActivityClosed {});
    CallbackInfo {
        trigger: Some(callback_info::Trigger {
            variant: Some(closed),
        }),
        info: Some(callback::CallbackInfo {
            callback: Some(registered.callback.clone()),
            registration_time: Some(timestamp(registered.registered_ms)),
            state: registered.state.into(),
            attempt: registered.called_ms.map_or(0, |_| 1),
            last_attempt_complete_time: registered.called_ms.map(timestamp),
            last_attempt_failure: registered.last_failure.clone(),
            ..callback::CallbackInfo::default()
        }),
    }
}

/// Returns the token with which a caller waits for the next change.
fn token(activity: &ActivityExecution) -> Vec<u8> {
    let count = activity.transitions;
    format!("{count},{}", activity.run_id).into_bytes()
}

/// Reads a token: the run id of an activity, and the number of changes that its owner has seen.
pub(crate) fn read_token(token: &[u8]) -> Option<(i64, &str)> {
    let (count, run_id) = std::str::from_utf8(token).ok()?.split_once(',')?;
    Some((count.parse().ok()?, run_id))
}

fn info(activity: &ActivityExecution, now_ms: u64) -> ActivityExecutionInfo {
    let request = &*activity.request;
    let waits = !activity.is_started() && !activity.is_closed() && activity.dispatch_ms > now_ms;
    let canceled_reason = activity.cancel.as_ref().map(|cancel| cancel.reason.clone());
    ActivityExecutionInfo {
        activity_id: request.activity_id.clone(),
        run_id: activity.run_id.clone(),
        activity_type: request.activity_type.clone(),
        status: activity.api_status().into(),
        run_state: activity.run_state().into(),
        task_queue: activity.task_queue().to_owned(),
        schedule_to_close_timeout: request.schedule_to_close_timeout,
        schedule_to_start_timeout: request.schedule_to_start_timeout,
        start_to_close_timeout: request.start_to_close_timeout,
        heartbeat_timeout: request.heartbeat_timeout,
        retry_policy: request.retry_policy.clone(),
        last_heartbeat_time: activity.heartbeat_ms.map(timestamp),
        last_started_time: activity.started_ms.map(timestamp),
        attempt: activity.attempt,
        execution_duration: activity
            .close_ms
            .map(|ms| duration(ms.saturating_sub(activity.scheduled_ms))),
        schedule_time: Some(timestamp(activity.scheduled_ms)),
        expiration_time: activity.expires_at_ms().map(timestamp),
        close_time: activity.close_ms.map(timestamp),
        last_worker_identity: activity.worker_identity.clone(),
        current_retry_interval: activity.retry_interval_ms.filter(|_| waits).map(duration),
        last_attempt_complete_time: activity.attempt_complete_ms.map(timestamp),
        next_attempt_schedule_time: waits.then(|| timestamp(activity.dispatch_ms)),
        priority: request.priority.clone(),
        state_transition_count: activity.transitions,
        state_size_bytes: state_size(activity),
        search_attributes: Some(request.search_attributes.clone().unwrap_or_default()),
        header: request.header.clone(),
        user_metadata: request.user_metadata.clone(),
        canceled_reason: canceled_reason.unwrap_or_default(),
        links: request.links.clone(),
        total_heartbeat_count: activity.heartbeats,
        start_delay: request.start_delay,
        execution_time: Some(timestamp(activity.first_dispatch_ms())),
        ..ActivityExecutionInfo::default()
    }
}

/// Returns an approximate size of the state of an activity, which is mostly its request.
pub(crate) fn state_size(activity: &ActivityExecution) -> i64 {
    use prost::Message;
    i64::try_from(activity.request.encoded_len()).unwrap_or(i64::MAX)
}
