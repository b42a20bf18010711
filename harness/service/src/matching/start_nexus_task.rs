//! Nexus tasks that meet a poller: the requests to handlers.
//!
//! Source: `temporalio/temporal: service/matching/matching_engine.go` (`PollNexusTaskQueue`),
//! `service/frontend/nexus_handler.go`.

use crate::{
    api::{
        enums::EventType,
        history::NexusOperationScheduledEventAttributes,
        nexus::{self, CancelOperationRequest, StartOperationRequest, request::Variant},
        rpc::PollNexusTaskQueueResponse,
    },
    base::{links, nexus_endpoints::CALLBACK_URL, payload, time::timestamp},
    run::{
        nexus_operations::{NexusCall, NexusCaller, PendingNexusOperation},
        token::{self, TaskToken},
    },
    state::{abroad::GuestRequest, service::Service},
};

/// The field of the callback header that names the operation.
pub(crate) const CALLBACK_TOKEN: &str = "temporal-callback-token";

/// The operation of a request, its tokens, and the link to it.
struct Asked<'a> {
    scheduled: &'a NexusOperationScheduledEventAttributes,
    operation: &'a PendingNexusOperation,
    task_token: TaskToken,
    completion: TaskToken,
    link: Option<nexus::Link>,
}

/// Returns the operation of a request; `None` if the request is stale.
fn asked(
    service: &Service,
    caller: NexusCaller,
    call: NexusCall,
    attempt: i32,
) -> Option<Asked<'_>> {
    let namespace = &service.config.namespace;
    match caller {
        NexusCaller::Run {
            run: key,
            scheduled_event_id,
        } => {
            let run = service.executions.find(key)?;
            let link = links::to_event(
                namespace,
                &run.workflow_id,
                &run.run_id,
                scheduled_event_id,
                EventType::NexusOperationScheduled,
            );
            let operation = run.nexus_operations.get(scheduled_event_id)?;
            run.is_running().then(|| Asked {
                scheduled: run.nexus_operation_scheduled(scheduled_event_id),
                operation,
                task_token: TaskToken::NexusTask {
                    run: key,
                    scheduled_event_id,
                    call,
                    attempt,
                },
                completion: TaskToken::NexusCompletion {
                    run: key,
                    scheduled_event_id,
                },
                link: links::to_nexus(&link),
            })
        }
        NexusCaller::Execution(key) => {
            let operation = service.nexus_operation_executions.find(key)?;
            let id = &operation.request.operation_id;
            (!operation.is_closed()).then(|| Asked {
                scheduled: &operation.scheduled,
                operation: &operation.pending,
                task_token: TaskToken::NexusExecutionTask {
                    operation: key,
                    call,
                    attempt,
                },
                completion: TaskToken::NexusExecutionCompletion { operation: key },
                link: Some(links::to_operation(namespace, id, &operation.run_id)),
            })
        }
    }
}

/// Returns the answer to the poll; `None` if the task is stale.
pub(super) fn start(
    service: &Service,
    caller: NexusCaller,
    call: NexusCall,
    attempt: i32,
) -> Option<PollNexusTaskQueueResponse> {
    let now_ms = service.now_ms;
    let asked = asked(service, caller, call, attempt)?;
    let (scheduled, operation) = (asked.scheduled, asked.operation);
    let requests = operation.requests(call)?;
    if !requests.is_under_way() || requests.attempt != attempt {
        return None;
    }
    let mut header = scheduled.nexus_header.clone();
    let timeout = |ms: u64| format!("{ms}ms");
    if let Some(deadline_ms) = requests.due_ms() {
        header.insert(
            "request-timeout".to_owned(),
            timeout(deadline_ms.saturating_sub(now_ms)),
        );
    }
    if let (NexusCall::Start, Some(timeout_ms)) = (call, operation.operation_timeout_ms(now_ms)) {
        header
            .entry("operation-timeout".to_owned())
            .or_insert_with(|| timeout(timeout_ms));
    }
    let task_token = asked.task_token.encode();
    let endpoint = scheduled.endpoint.clone();
    let variant = match call {
        NexusCall::Start => start_operation(asked),
        NexusCall::Cancel => cancel_operation(&asked),
    };
    Some(PollNexusTaskQueueResponse {
        task_token,
        request: Some(nexus::Request {
            header,
            scheduled_time: Some(timestamp(now_ms)),
            capabilities: Some(nexus::request::Capabilities {
                temporal_failure_responses: true,
            }),
            endpoint,
            variant: Some(variant),
        }),
        ..PollNexusTaskQueueResponse::default()
    })
}

/// Returns the task for a worker in another namespace, whose tokens name this one; `None` if the
/// request is stale.
pub(crate) fn start_abroad(
    service: &Service,
    request: &GuestRequest,
) -> Option<PollNexusTaskQueueResponse> {
    let home = &service.config.namespace;
    let mut task = start(service, request.caller, request.call, request.attempt)?;
    task.task_token = token::abroad(home, &task.task_token);
    if let Some(Variant::StartOperation(start)) = task
        .request
        .as_mut()
        .and_then(|request| request.variant.as_mut())
        && let Some(token) = start.callback_header.get_mut(CALLBACK_TOKEN)
    {
        *token = token::callback_abroad(home, token);
    }
    Some(task)
}

fn start_operation(asked: Asked<'_>) -> Variant {
    let scheduled = asked.scheduled;
    let token = asked.completion.encode_to_text();
    Variant::StartOperation(StartOperationRequest {
        service: scheduled.service.clone(),
        operation: scheduled.operation.clone(),
        request_id: scheduled.request_id.clone(),
        callback: CALLBACK_URL.to_owned(),
        // Nexus has no absent input.
        payload: Some(scheduled.input.clone().unwrap_or_else(payload::null)),
        callback_header: [(CALLBACK_TOKEN.to_owned(), token)].into(),
        links: asked.link.into_iter().collect(),
    })
}

fn cancel_operation(asked: &Asked<'_>) -> Variant {
    let (scheduled, token) = (asked.scheduled, asked.operation.token());
    #[allow(
        deprecated,
        reason = "the server still sends the older name of the token"
    )]
    Variant::CancelOperation(CancelOperationRequest {
        service: scheduled.service.clone(),
        operation: scheduled.operation.clone(),
        operation_id: token.to_owned(),
        operation_token: token.to_owned(),
    })
}
