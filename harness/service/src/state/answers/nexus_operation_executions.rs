//! The answers to callers that wait for standalone Nexus operations, and the end of a change to
//! one.

use prost::Message;

use crate::{
    api::{
        enums::{NexusOperationCancellationState as CancellationState, NexusOperationWaitStage},
        nexus::{NexusOperationExecutionCancellationInfo, NexusOperationExecutionInfo},
        rpc::{
            DescribeNexusOperationExecutionRequest, DescribeNexusOperationExecutionResponse,
            PollNexusOperationExecutionResponse,
            describe_nexus_operation_execution_response::Outcome as Described,
            poll_nexus_operation_execution_response::Outcome as Polled,
        },
    },
    base::{
        identifiers::{OperationKey, RequestId},
        time::{duration, timestamp},
    },
    messages::request::Response,
    nexus_operation_execution::NexusOperationExecution,
    run::nexus_operations::Phase,
    state::{
        nexus_operation_executions::{OperationPoll, OperationWait},
        service::Service,
    },
};

/// Ends a change to an operation: arms its timer, and answers the callers that wait for it.
pub(crate) fn close_transaction(service: &mut Service, key: OperationKey) {
    let operations = &mut service.nexus_operation_executions;
    operations.get_mut(key).transitions += 1;
    operations.rearm(key);
    operations.retain(key, service.config.retention);
    let polls = operations.polls.remove(&key);
    for poll in polls.into_iter().flatten() {
        wait(service, key, poll);
    }
}

/// Answers a caller at once, or lets it wait.
pub(crate) fn wait(service: &mut Service, key: OperationKey, poll: OperationPoll) {
    let operation = service.nexus_operation_executions.get(key);
    if let Some(response) = answer(operation, &poll.wait, service.now_ms) {
        return service.reply(poll.id, Ok(response));
    }
    let polls = &mut service.nexus_operation_executions.polls;
    polls.entry(key).or_default().push(poll);
}

fn answer(
    operation: &NexusOperationExecution,
    wait: &OperationWait,
    now_ms: u64,
) -> Option<Response> {
    match wait {
        OperationWait::Stage(stage) => {
            let is_started = operation.pending.started.is_some();
            let is_reached =
                operation.is_closed() || (*stage == NexusOperationWaitStage::Started && is_started);
            is_reached.then(|| polled(operation).into())
        }
        OperationWait::Change {
            transitions,
            request,
        } => (operation.transitions > *transitions)
            .then(|| describe(operation, request, now_ms).into()),
    }
}

fn polled(operation: &NexusOperationExecution) -> PollNexusOperationExecutionResponse {
    let stage = if operation.is_closed() {
        NexusOperationWaitStage::Closed
    } else {
        NexusOperationWaitStage::Started
    };
    let outcome = operation.end.as_ref().map(|end| match &end.ending {
        Ok(result) => Polled::Result(result.clone().unwrap_or_default()),
        Err(failure) => Polled::Failure((**failure).clone()),
    });
    PollNexusOperationExecutionResponse {
        run_id: operation.run_id.clone(),
        wait_stage: stage.into(),
        operation_token: operation.pending.token().to_owned(),
        outcome,
    }
}

/// Answers a long poll that has waited long enough: it may ask again.
pub(crate) fn expire(service: &mut Service, id: RequestId) {
    let response: Response = match service.nexus_operation_executions.cancel_poll(id) {
        None => return,
        Some(OperationWait::Stage(_)) => PollNexusOperationExecutionResponse::default().into(),
        Some(OperationWait::Change { .. }) => {
            DescribeNexusOperationExecutionResponse::default().into()
        }
    };
    service.reply(id, Ok(response));
}

/// Returns the description of an operation.
pub(crate) fn describe(
    operation: &NexusOperationExecution,
    request: &DescribeNexusOperationExecutionRequest,
    now_ms: u64,
) -> DescribeNexusOperationExecutionResponse {
    let end = operation.end.as_ref().filter(|_| request.include_outcome);
    let outcome = end.map(|end| match &end.ending {
        Ok(result) => Described::Result(result.clone().unwrap_or_default()),
        Err(failure) => Described::Failure((**failure).clone()),
    });
    let input = operation.request.input.clone();
    DescribeNexusOperationExecutionResponse {
        run_id: operation.run_id.clone(),
        info: Some(info(operation, now_ms)),
        input: input.filter(|_| request.include_input),
        long_poll_token: format!("{},{}", operation.transitions, operation.run_id).into_bytes(),
        outcome,
        ..DescribeNexusOperationExecutionResponse::default()
    }
}

fn info(operation: &NexusOperationExecution, now_ms: u64) -> NexusOperationExecutionInfo {
    let (request, pending) = (&*operation.request, &operation.pending);
    let close_ms = operation.end.as_ref().map(|end| end.at_ms);
    let lasted_ms = close_ms
        .unwrap_or(now_ms)
        .saturating_sub(pending.scheduled_ms);
    let next_ms = pending.starting.next_ms().filter(|_| close_ms.is_none());
    let expires_ms = pending.schedule_to_close_ms;
    NexusOperationExecutionInfo {
        operation_id: request.operation_id.clone(),
        run_id: operation.run_id.clone(),
        endpoint: request.endpoint.clone(),
        service: request.service.clone(),
        operation: request.operation.clone(),
        status: operation.status().into(),
        state: operation.state().into(),
        schedule_to_close_timeout: request.schedule_to_close_timeout,
        schedule_to_start_timeout: request.schedule_to_start_timeout,
        start_to_close_timeout: request.start_to_close_timeout,
        attempt: pending.starting.attempt,
        schedule_time: Some(timestamp(pending.scheduled_ms)),
        expiration_time: expires_ms.map(|ms| timestamp(pending.scheduled_ms.saturating_add(ms))),
        close_time: close_ms.map(timestamp),
        last_attempt_complete_time: pending.starting.last_complete_ms.map(timestamp),
        last_attempt_failure: pending.starting.last_failure.clone(),
        next_attempt_schedule_time: next_ms.map(timestamp),
        execution_duration: Some(duration(lasted_ms)),
        cancellation_info: cancellation(operation),
        request_id: operation.scheduled.request_id.clone(),
        operation_token: pending.token().to_owned(),
        state_transition_count: operation.transitions,
        search_attributes: Some(request.search_attributes.clone().unwrap_or_default()),
        nexus_header: request.nexus_header.clone(),
        user_metadata: request.user_metadata.clone(),
        links: operation.links.clone(),
        identity: request.identity.clone(),
        state_size_bytes: state_size(operation),
        ..NexusOperationExecutionInfo::default()
    }
}

fn cancellation(
    operation: &NexusOperationExecution,
) -> Option<NexusOperationExecutionCancellationInfo> {
    let requests = &operation.pending.cancellation.as_ref()?.requests;
    let cancel = operation.cancel.as_ref()?;
    let state = match requests.phase {
        Phase::Unscheduled => CancellationState::Unspecified,
        Phase::Scheduled { .. } => CancellationState::Scheduled,
        Phase::BackingOff { .. } => CancellationState::BackingOff,
        Phase::Succeeded => CancellationState::Succeeded,
        Phase::Failed => CancellationState::Failed,
    };
    Some(NexusOperationExecutionCancellationInfo {
        requested_time: Some(timestamp(cancel.at_ms)),
        state: state.into(),
        attempt: requests.attempt,
        last_attempt_complete_time: requests.last_complete_ms.map(timestamp),
        last_attempt_failure: requests.last_failure.clone(),
        next_attempt_schedule_time: requests.next_ms().map(timestamp),
        blocked_reason: String::new(),
        reason: cancel.reason.clone(),
    })
}

/// Returns an approximate size of the state of an operation, which is mostly its request.
pub(crate) fn state_size(operation: &NexusOperationExecution) -> i64 {
    i64::try_from(operation.request.encoded_len()).unwrap_or(i64::MAX)
}
