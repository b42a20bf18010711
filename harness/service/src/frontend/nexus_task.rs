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
        versions::WorkerVersion,
    },
    frontend::answer::{Answer, Handled},
    matching,
    messages::nexus_completion::{CompleteNexusOperationRequest, CompleteNexusOperationResponse},
    nexus_operation_execution::NexusOperationExecution,
    run::{
        nexus_operations::{
            NexusCall, NexusCaller, NexusClosing,
            failures::{self, handler_failure, is_retryable, operation_failure},
        },
        token::TaskToken,
    },
    state::{
        answers::nexus_operation_executions,
        service::Service,
        task_queues::{Poller, QueueKind},
    },
};

/// The maximum bytes of the token of an operation
/// (`component.nexusoperations.limit.operation.token.length`).
const TOKEN_LENGTH: usize = 4096;

#[allow(deprecated, reason = "SDKs still send the build id with each poll")]
pub(super) fn poll(
    service: &mut Service,
    id: RequestId,
    request: PollNexusTaskQueueRequest,
) -> Handled {
    for heartbeat in request.worker_heartbeat {
        service.workers.record(heartbeat, service.now_ms);
    }
    let queue = request.task_queue.unwrap_or_default();
    let poller = Poller {
        id,
        identity: request.identity.into(),
        worker: request.worker_instance_key.into(),
        is_sticky: false,
        worker_version: WorkerVersion::of_poll(
            request.worker_version_capabilities,
            request.deployment_options,
        ),
    };
    let queue = service.task_queues.key(QueueKind::Nexus, &queue.name);
    matching::poll(service, queue, poller)?;
    Ok(Answer::Later)
}

/// The request that a handler answers.
struct Asked {
    caller: NexusCaller,
    call: NexusCall,
}

/// The effect of a handler's answer on its operation.
pub(super) enum Effect {
    Started {
        token: String,
        links: Vec<Link>,
    },
    Closed(NexusClosing),
    /// The request is made again after a backoff.
    Retried(Failure),
    CancelCompleted,
    CancelFailed(Failure),
}

/// Returns the request that a token names; `None` if its answer no longer matters.
///
/// # Errors
///
/// NOT_FOUND if the service has given the request up.
fn asked(service: &Service, token: &[u8]) -> Result<Option<Asked>, Status> {
    let not_found = || status::not_found("Nexus task not found or already expired");
    let (caller, call, attempt) = match TaskToken::decode(token)? {
        TaskToken::NexusTask {
            run,
            scheduled_event_id,
            call,
            attempt,
        } => {
            let caller = NexusCaller::Run {
                run,
                scheduled_event_id,
            };
            (caller, call, attempt)
        }
        TaskToken::NexusExecutionTask {
            operation,
            call,
            attempt,
        } => (NexusCaller::Execution(operation), call, attempt),
        _ => return Err(Status::invalid_argument("Error deserializing task token.")),
    };
    let operation = match caller {
        NexusCaller::Run {
            run,
            scheduled_event_id,
        } => {
            let run = service.executions.find(run).ok_or_else(not_found)?;
            let operation = run.nexus_operations.get(scheduled_event_id);
            operation.filter(|_| run.is_running())
        }
        NexusCaller::Execution(key) => {
            let operation = service.nexus_operation_executions.find(key);
            let operation = operation.ok_or_else(not_found)?;
            (!operation.is_closed()).then_some(&operation.pending)
        }
    };
    let Some(operation) = operation else {
        return Ok(None);
    };
    match operation.requests(call) {
        Some(requests) if requests.is_under_way() && requests.attempt == attempt => {
            Ok(Some(Asked { caller, call }))
        }
        _ => Err(not_found()),
    }
}

/// Applies the effect of an answer in one transaction.
pub(super) fn apply(service: &mut Service, caller: NexusCaller, call: NexusCall, effect: Effect) {
    let now_ms = service.now_ms;
    match caller {
        NexusCaller::Run {
            run: key,
            scheduled_event_id: id,
        } => {
            let run = service.executions.run_mut(key);
            match effect {
                Effect::Started { token, links } => {
                    run.nexus_operation_started(now_ms, id, &token, now_ms, links);
                }
                Effect::Closed(closing) => run.close_nexus_operation(now_ms, id, closing),
                Effect::Retried(failure) => run.retry_nexus_request(now_ms, id, call, failure),
                Effect::CancelCompleted => run.nexus_cancel_completed(now_ms, id),
                Effect::CancelFailed(failure) => run.nexus_cancel_failed(now_ms, id, failure),
            }
            service.close_transaction(key);
        }
        NexusCaller::Execution(key) => {
            let operation = service.nexus_operation_executions.get_mut(key);
            let mut next = None;
            match effect {
                Effect::Started { token, links } => {
                    next = operation.started(now_ms, &token, now_ms, links);
                }
                Effect::Closed(closing) => operation.close(now_ms, closing),
                Effect::Retried(failure) => operation.retry_request(now_ms, call, failure),
                Effect::CancelCompleted => operation.cancel_completed(now_ms),
                Effect::CancelFailed(failure) => operation.cancel_failed(now_ms, failure),
            }
            nexus_operation_executions::close_transaction(service, key);
            if let Some(call) = next {
                matching::offer_nexus_request(service, caller, call);
            }
        }
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
    if let Some(Asked { caller, call }) = asked(service, &request.task_token)? {
        let effect = match (call, variant) {
            (NexusCall::Start, variant) => {
                let answer = match variant {
                    Some(response::Variant::StartOperation(response)) => response.variant,
                    _ => None,
                };
                started(answer, service.config.limits.payload_bytes)
            }
            (NexusCall::Cancel, Some(_)) => Effect::CancelCompleted,
            (NexusCall::Cancel, None) => failed(call, handler_failure("INTERNAL", "empty outcome")),
        };
        apply(service, caller, call, effect);
    }
    Ok(RespondNexusTaskCompletedResponse::default().into())
}

/// Returns the effect of the handler's answer to a request to start the operation.
fn started(answer: Option<Variant>, limit: usize) -> Effect {
    Effect::Closed(match answer {
        Some(Variant::SyncSuccess(success)) => {
            completed(success.payload, links::from_nexus(&success.links), limit)
        }
        Some(Variant::AsyncSuccess(started)) => {
            return Effect::Started {
                token: token_of(&started).to_owned(),
                links: links::from_nexus(&started.links),
            };
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
        None => return Effect::Retried(handler_failure("INTERNAL", "empty outcome")),
    })
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
    if let Some(Asked { caller, call }) = asked(service, &request.task_token)? {
        apply(service, caller, call, failed(call, failure));
    }
    Ok(RespondNexusTaskFailedResponse::default().into())
}

/// Returns the effect of an error of the handler.
pub(super) fn failed(call: NexusCall, failure: Failure) -> Effect {
    match call {
        _ if is_retryable(&failure) => Effect::Retried(failure),
        NexusCall::Start => Effect::Closed(NexusClosing::Failed(failure)),
        NexusCall::Cancel => Effect::CancelFailed(failure),
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
    let token = TaskToken::decode_text(&request.callback_token)?;
    if request.operation_token.len() > TOKEN_LENGTH {
        check_token(&request.operation_token)?;
    }
    let (now_ms, limit) = (service.now_ms, service.config.limits.payload_bytes);
    let closing = match request.failure {
        Some(failure) => unsuccessful(failure),
        None => completed(request.result, Vec::new(), limit),
    };
    let started_ms = request.start_time_ms.unwrap_or(now_ms);
    let operation_token = &request.operation_token;
    // The completion may come before the answer that the operation has started.
    match token {
        TaskToken::NexusCompletion {
            run,
            scheduled_event_id: id,
        } => {
            let key = operation_run(service, run, id)?;
            let run = service.executions.run_mut(key);
            let links = request.links;
            run.nexus_operation_started(now_ms, id, operation_token, started_ms, links);
            run.close_nexus_operation(now_ms, id, closing);
            service.close_transaction(key);
        }
        TaskToken::NexusExecutionCompletion { operation: key } => {
            let found = service.nexus_operation_executions.find(key);
            let is_open = |it: &&NexusOperationExecution| !it.is_closed();
            let not_found = || status::not_found("operation not found");
            found.filter(is_open).ok_or_else(not_found)?;
            let operation = service.nexus_operation_executions.get_mut(key);
            operation.started(now_ms, operation_token, started_ms, request.links);
            operation.close(now_ms, closing);
            nexus_operation_executions::close_transaction(service, key);
        }
        _ => return Err(Status::invalid_argument("invalid callback token")),
    }
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
