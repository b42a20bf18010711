//! The operations of the endpoint `__temporal_system`.
//!
//! Source: `temporalio/temporal: chasm/lib/nexusoperation/invocation.go` (`invocationSystem`),
//! `service/history/handler.go` (`StartNexusOperation`).

use tonic::{Code, Status};

use crate::{
    api::{
        enums::EventType,
        failure::{Failure, ServerFailureInfo, failure::FailureInfo},
    },
    base::{identifiers::RunKey, links},
    frontend::{
        nexus_task::{Effect, apply, failed},
        signal_workflow_execution::signal_with_start,
    },
    run::nexus_operations::{
        NexusCall, NexusCaller, NexusClosing,
        failures::handler_failure,
        system::{self, Refusal, SystemOperation},
    },
    state::service::Service,
};

/// Performs an operation that a workflow scheduled.
pub(crate) fn start(service: &mut Service, key: RunKey, scheduled_event_id: i64) {
    if !is_pending(service, key, scheduled_event_id) {
        return;
    }
    let run = service.executions.run(key);
    let scheduled = run.nexus_operation_scheduled(scheduled_event_id);
    let operation = SystemOperation {
        service: &scheduled.service,
        operation: &scheduled.operation,
        input: scheduled.input.as_ref(),
        request_id: &scheduled.request_id,
        links: vec![links::to_event(
            &service.config.namespace,
            &run.workflow_id,
            &run.run_id,
            scheduled_event_id,
            EventType::NexusOperationScheduled,
        )],
    };
    let effect = match operation.request(&service.config, service.now_ms) {
        Ok(request) => match signal_with_start(service, request) {
            Ok(response) => Effect::Closed(NexusClosing::Completed {
                links: response.signal_link.iter().cloned().collect(),
                result: Some(system::result(response)),
            }),
            Err(refused) => of_status(&refused),
        },
        Err(Refusal::Request(refused)) => of_status(&refused),
        Err(Refusal::Handler {
            error_type,
            message,
        }) => failed(NexusCall::Start, handler_failure(error_type, &message)),
    };
    // The caller itself may have been terminated to make way for the workflow.
    if is_pending(service, key, scheduled_event_id) {
        let caller = NexusCaller::Run {
            run: key,
            scheduled_event_id,
        };
        apply(service, caller, NexusCall::Start, effect);
    }
}

fn is_pending(service: &Service, key: RunKey, scheduled_event_id: i64) -> bool {
    let run = service.executions.run(key);
    run.is_running() && run.nexus_operations.get(scheduled_event_id).is_some()
}

/// Returns the effect of a request that was refused. It is made again if it may succeed later.
fn of_status(refused: &Status) -> Effect {
    let is_retryable = refused.code() == Code::ResourceExhausted;
    let name = match refused.code() {
        Code::AlreadyExists => "WorkflowExecutionAlreadyStarted".to_owned(),
        code => format!("{code:?}"),
    };
    let failure = Failure {
        message: format!("{name}: {}", refused.message()),
        failure_info: Some(FailureInfo::ServerFailureInfo(ServerFailureInfo {
            non_retryable: !is_retryable,
        })),
        ..Failure::default()
    };
    if is_retryable {
        Effect::Retried(failure)
    } else {
        Effect::Closed(NexusClosing::Failed(failure))
    }
}
