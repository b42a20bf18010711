//! The RPCs about Nexus operations. Handlers get requests by PollNexusTaskQueue and answer them by
//! RespondNexusTaskCompleted and RespondNexusTaskFailed. CompleteNexusOperation reports the end of
//! an operation later.
//!
//! Source: `temporalio/temporal: service/frontend/{workflow_handler,nexus_handler}.go`,
//! `components/nexusoperations/{executors,completion}.go`.

use tonic::Status;

use crate::{
    api::{
        common::{Link, Payload},
        failure::{Failure, NexusHandlerFailureInfo, failure::FailureInfo},
        nexus::{
            HandlerError, StartOperationResponse, response, start_operation_response::Variant,
        },
        rpc::*,
    },
    base::{
        identifiers::{RequestId, RunKey},
        links, status,
    },
    frontend::answer::{Answer, Handled},
    matching,
    messages::nexus_completion::{CompleteNexusOperationRequest, CompleteNexusOperationResponse},
    run::{
        Run,
        nexus_operations::{
            NexusCall, NexusClosing,
            failures::{self, handler_failure, is_retryable, operation_failure},
        },
        token::TaskToken,
    },
    state::{
        service::Service,
        task_queues::{Poller, QueueKind},
    },
};

/// The maximum bytes of the token of an operation
/// (`component.nexusoperations.limit.operation.token.length`).
const TOKEN_LENGTH: usize = 4096;

pub(super) fn poll(
    service: &mut Service,
    id: RequestId,
    request: PollNexusTaskQueueRequest,
) -> Answer {
    for heartbeat in request.worker_heartbeat {
        service.workers.record(heartbeat, service.now_ms);
    }
    let queue = request.task_queue.unwrap_or_default();
    let poller = Poller {
        id,
        identity: request.identity.into(),
        is_sticky: false,
    };
    let queue = service.task_queues.key(QueueKind::Nexus, &queue.name);
    matching::poll(service, queue, poller);
    Answer::Later
}

/// The request that a handler answers.
struct Asked {
    run: RunKey,
    scheduled_event_id: i64,
    call: NexusCall,
}

/// Returns the request that a token names; `None` if its answer no longer matters.
///
/// # Errors
///
/// NOT_FOUND if the service has given the request up.
fn asked(service: &Service, token: &[u8]) -> Result<Option<Asked>, Status> {
    let TaskToken::NexusTask {
        run,
        scheduled_event_id,
        call,
        attempt,
    } = TaskToken::decode(token)?
    else {
        return Err(Status::invalid_argument("Error deserializing task token."));
    };
    let not_found = || status::not_found("Nexus task not found or already expired");
    let run = service.executions.find(run).ok_or_else(not_found)?;
    let Some(operation) = run
        .nexus_operations
        .get(scheduled_event_id)
        .filter(|_| run.is_running())
    else {
        return Ok(None);
    };
    match operation.requests(call) {
        Some(requests) if requests.is_under_way() && requests.attempt == attempt => {
            Ok(Some(Asked {
                run: run.key,
                scheduled_event_id,
                call,
            }))
        }
        _ => Err(not_found()),
    }
}

pub(super) fn respond_completed(
    service: &mut Service,
    request: RespondNexusTaskCompletedRequest,
) -> Handled {
    let variant = request.response.and_then(|response| response.variant);
    if let Some(response::Variant::StartOperation(StartOperationResponse {
        variant: Some(Variant::AsyncSuccess(started)),
    })) = &variant
    {
        check_token(token_of(started))?;
    }
    if let Some(asked) = asked(service, &request.task_token)? {
        let (now_ms, limit) = (service.now_ms, service.config.limits.payload_bytes);
        let run = service.executions.run_mut(asked.run);
        match asked.call {
            NexusCall::Start => {
                let answer = match variant {
                    Some(response::Variant::StartOperation(response)) => response.variant,
                    _ => None,
                };
                started(run, now_ms, asked.scheduled_event_id, answer, limit);
            }
            NexusCall::Cancel if variant.is_some() => {
                run.nexus_cancel_completed(now_ms, asked.scheduled_event_id);
            }
            NexusCall::Cancel => failed(
                run,
                now_ms,
                &asked,
                handler_failure("INTERNAL", "empty outcome"),
            ),
        }
        service.close_transaction(asked.run);
    }
    Ok(RespondNexusTaskCompletedResponse::default().into())
}

/// Applies the handler's answer to a request to start the operation.
fn started(
    run: &mut Run,
    now_ms: u64,
    scheduled_event_id: i64,
    answer: Option<Variant>,
    limit: usize,
) {
    let closing = match answer {
        Some(Variant::SyncSuccess(success)) => {
            completed(success.payload, links::from_nexus(&success.links), limit)
        }
        Some(Variant::AsyncSuccess(started)) => {
            return run.nexus_operation_started(
                now_ms,
                scheduled_event_id,
                token_of(&started),
                now_ms,
                links::from_nexus(&started.links),
            );
        }
        #[allow(deprecated, reason = "older handlers still answer so")]
        Some(Variant::OperationError(error)) if error.operation_state == "canceled" => {
            NexusClosing::Canceled(operation_failure(error.failure))
        }
        #[allow(deprecated, reason = "older handlers still answer so")]
        Some(Variant::OperationError(error)) => {
            NexusClosing::Failed(operation_failure(error.failure))
        }
        Some(Variant::Failure(failure)) => unsuccessful(failure),
        None => {
            let failure = handler_failure("INTERNAL", "empty outcome");
            return run.retry_nexus_request(now_ms, scheduled_event_id, NexusCall::Start, failure);
        }
    };
    run.close_nexus_operation(now_ms, scheduled_event_id, closing);
}

fn completed(result: Option<Payload>, links: Vec<Link>, limit: usize) -> NexusClosing {
    use prost::Message;
    if result
        .as_ref()
        .is_some_and(|payload| payload.encoded_len() > limit)
    {
        return NexusClosing::Failed(failures::call_failure("http: response body too large"));
    }
    NexusClosing::Completed { result, links }
}

fn unsuccessful(failure: Failure) -> NexusClosing {
    match failure.failure_info {
        Some(FailureInfo::CanceledFailureInfo(_)) => NexusClosing::Canceled(failure),
        _ => NexusClosing::Failed(failure),
    }
}

pub(super) fn respond_failed(
    service: &mut Service,
    request: RespondNexusTaskFailedRequest,
) -> Handled {
    #[allow(deprecated, reason = "older handlers still answer so")]
    let failure = match (request.error, request.failure) {
        (Some(error), _) => from_error(error),
        (None, Some(failure)) => failure,
        (None, None) => {
            return Err(Status::invalid_argument(
                "request must contain error or failure",
            ));
        }
    };
    if !matches!(
        failure.failure_info,
        Some(FailureInfo::NexusHandlerFailureInfo(_))
    ) {
        return Err(Status::invalid_argument(
            "request Failure must contain error or failure with NexusHandlerFailureInfo",
        ));
    }
    if let Some(asked) = asked(service, &request.task_token)? {
        let now_ms = service.now_ms;
        failed(
            service.executions.run_mut(asked.run),
            now_ms,
            &asked,
            failure,
        );
        service.close_transaction(asked.run);
    }
    Ok(RespondNexusTaskFailedResponse::default().into())
}

/// Applies an error of the handler.
fn failed(run: &mut Run, now_ms: u64, asked: &Asked, failure: Failure) {
    let scheduled_event_id = asked.scheduled_event_id;
    match asked.call {
        call if is_retryable(&failure) => {
            run.retry_nexus_request(now_ms, scheduled_event_id, call, failure);
        }
        NexusCall::Start => {
            run.close_nexus_operation(now_ms, scheduled_event_id, NexusClosing::Failed(failure));
        }
        NexusCall::Cancel => run.nexus_cancel_failed(now_ms, scheduled_event_id, failure),
    }
}

fn from_error(error: HandlerError) -> Failure {
    let retry_behavior = error.retry_behavior;
    Failure {
        failure_info: Some(FailureInfo::NexusHandlerFailureInfo(
            NexusHandlerFailureInfo {
                r#type: error.error_type,
                retry_behavior,
            },
        )),
        ..operation_failure(error.failure)
    }
}

#[allow(deprecated, reason = "older handlers give the token its older name")]
fn token_of(started: &crate::api::nexus::start_operation_response::Async) -> &str {
    if started.operation_token.is_empty() {
        &started.operation_id
    } else {
        &started.operation_token
    }
}

fn check_token(token: &str) -> Result<(), Status> {
    if token.is_empty() {
        // The spelling is the server's.
        return Err(Status::invalid_argument(
            "missing opration token in response",
        ));
    }
    if token.len() > TOKEN_LENGTH {
        return Err(Status::invalid_argument(format!(
            "operation token length exceeds allowed limit ({}/{TOKEN_LENGTH})",
            token.len()
        )));
    }
    Ok(())
}

pub(crate) fn complete(service: &mut Service, request: CompleteNexusOperationRequest) -> Handled {
    let TaskToken::NexusCompletion {
        run,
        scheduled_event_id,
    } = TaskToken::decode_text(&request.callback_token)?
    else {
        return Err(Status::invalid_argument("invalid callback token"));
    };
    if request.operation_token.len() > TOKEN_LENGTH {
        check_token(&request.operation_token)?;
    }
    let key = operation_run(service, run, scheduled_event_id)?;
    let (now_ms, limit) = (service.now_ms, service.config.limits.payload_bytes);
    let closing = match request.failure {
        Some(failure) => unsuccessful(failure),
        None => completed(request.result, Vec::new(), limit),
    };
    let started_ms = request.start_time_ms.unwrap_or(now_ms);
    let run = service.executions.run_mut(key);
    // The completion may come before the answer that the operation has started.
    run.nexus_operation_started(
        now_ms,
        scheduled_event_id,
        &request.operation_token,
        started_ms,
        request.links,
    );
    run.close_nexus_operation(now_ms, scheduled_event_id, closing);
    service.close_transaction(key);
    Ok(CompleteNexusOperationResponse {}.into())
}

/// Returns the run that waits for an operation: the run that scheduled it, or the run that replaced
/// that one by a reset.
///
/// # Errors
///
/// NOT_FOUND if no run waits for the operation.
fn operation_run(
    service: &Service,
    key: RunKey,
    scheduled_event_id: i64,
) -> Result<RunKey, Status> {
    let not_found = || status::not_found("operation not found");
    let run = service.executions.find(key).ok_or_else(not_found)?;
    if run.is_running() && run.nexus_operations.get(scheduled_event_id).is_some() {
        return Ok(key);
    }
    let request_id = match run.history.attributes(scheduled_event_id) {
        Some(crate::api::Attributes::NexusOperationScheduledEventAttributes(scheduled)) => {
            &scheduled.request_id
        }
        _ => return Err(not_found()),
    };
    let current = service
        .executions
        .current(&run.workflow_id)
        .ok_or_else(not_found)?;
    let current_run = service.executions.run(current);
    if !current_run.is_running() {
        return Err(status::not_found("workflow execution already completed"));
    }
    if !current_run.has_nexus_operation(scheduled_event_id, request_id) {
        return Err(not_found());
    }
    Ok(current)
}
