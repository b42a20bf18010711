//! Nexus tasks that meet a poller: the requests to handlers.
//!
//! Source: `temporalio/temporal: service/matching/matching_engine.go` (`PollNexusTaskQueue`),
//! `service/frontend/nexus_handler.go`.

use crate::{
    api::{
        enums::EventType,
        nexus::{self, CancelOperationRequest, StartOperationRequest, request::Variant},
        rpc::PollNexusTaskQueueResponse,
    },
    base::{identifiers::RunKey, links, time::timestamp},
    run::{
        Run,
        nexus_operations::NexusCall,
        token::{self, TaskToken},
    },
    state::{abroad::GuestRequest, service::Service},
};

/// The target of completions, by which the server recognises its own workers.
pub(crate) const CALLBACK_URL: &str = "temporal://system";

/// The field of the callback header that names the operation.
pub(crate) const CALLBACK_TOKEN: &str = "temporal-callback-token";

/// Returns the answer to the poll; `None` if the task is stale.
pub(super) fn start(
    service: &Service,
    key: RunKey,
    scheduled_event_id: i64,
    call: NexusCall,
    attempt: i32,
) -> Option<PollNexusTaskQueueResponse> {
    let now_ms = service.now_ms;
    let run = service.executions.run(key);
    let operation = run.nexus_operations.get(scheduled_event_id)?;
    let requests = operation.requests(call)?;
    if !run.is_running() || !requests.is_under_way() || requests.attempt != attempt {
        return None;
    }
    let scheduled = run.nexus_operation_scheduled(scheduled_event_id);
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
    let variant = match call {
        NexusCall::Start => start_operation(run, scheduled_event_id, &service.config.namespace),
        NexusCall::Cancel => cancel_operation(run, scheduled_event_id, operation.token()),
    };
    Some(PollNexusTaskQueueResponse {
        task_token: TaskToken::NexusTask {
            run: key,
            scheduled_event_id,
            call,
            attempt,
        }
        .encode(),
        request: Some(nexus::Request {
            header,
            scheduled_time: Some(timestamp(now_ms)),
            capabilities: Some(nexus::request::Capabilities {
                temporal_failure_responses: true,
            }),
            endpoint: scheduled.endpoint.clone(),
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
    let mut task = start(
        service,
        request.run,
        request.scheduled_event_id,
        request.call,
        request.attempt,
    )?;
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

fn start_operation(run: &Run, scheduled_event_id: i64, namespace: &str) -> Variant {
    let scheduled = run.nexus_operation_scheduled(scheduled_event_id);
    let token = TaskToken::NexusCompletion {
        run: run.key,
        scheduled_event_id,
    };
    let link = links::to_event(
        namespace,
        &run.workflow_id,
        &run.run_id,
        scheduled_event_id,
        EventType::NexusOperationScheduled,
    );
    Variant::StartOperation(StartOperationRequest {
        service: scheduled.service.clone(),
        operation: scheduled.operation.clone(),
        request_id: scheduled.request_id.clone(),
        callback: CALLBACK_URL.to_owned(),
        payload: scheduled.input.clone(),
        callback_header: [(CALLBACK_TOKEN.to_owned(), token.encode_to_text())].into(),
        links: links::to_nexus(&link).into_iter().collect(),
    })
}

fn cancel_operation(run: &Run, scheduled_event_id: i64, token: &str) -> Variant {
    let scheduled = run.nexus_operation_scheduled(scheduled_event_id);
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
