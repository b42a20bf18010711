//! The RPCs about standalone Nexus operations: started, described, awaited, listed, stopped,
//! deleted.
//!
//! Source: `temporalio/temporal: chasm/lib/nexusoperation/{frontend,handler,operation}.go`.

use tonic::Status;

use crate::{
    api::{
        common::Payload,
        enums::{
            IndexedValueType, NexusOperationExecutionStatus, NexusOperationIdConflictPolicy,
            NexusOperationIdReusePolicy, WorkflowExecutionStatus,
        },
        nexus::NexusOperationExecutionListInfo,
        rpc::{count_nexus_operation_executions_response::AggregationGroup, *},
        workflow::WorkflowExecutionInfo,
    },
    base::{
        identifiers::{OperationKey, RequestId},
        payload, status,
        time::{duration, timestamp},
    },
    frontend::{
        answer::{Answer, Handled},
        list_workflow_executions::{counted, page},
    },
    matching,
    nexus_operation_execution::{NexusOperationExecution, OperationCancel},
    run::nexus_operations::{NexusCall, NexusCaller},
    state::{
        answers::{
            activity_executions::read_token,
            nexus_operation_executions::{self as answers, close_transaction},
        },
        nexus_operation_executions::{OperationPoll, OperationWait},
        service::Service,
    },
    visibility::query::Query,
};

pub(super) fn start(
    service: &mut Service,
    request: StartNexusOperationExecutionRequest,
) -> Handled {
    let operations = &service.nexus_operation_executions;
    let started =
        |operation: &NexusOperationExecution, started| StartNexusOperationExecutionResponse {
            run_id: operation.run_id.clone(),
            started,
        };
    let Some(endpoint) = service.nexus_endpoints.get(&request.endpoint) else {
        return Err(status::not_found(format!(
            "could not find Nexus endpoint by name: {}",
            request.endpoint
        )));
    };
    let endpoint_id = endpoint.id.clone();
    if let Some(key) = operations.current(&request.operation_id) {
        let current = operations.get(key);
        if current.request.request_id == request.request_id && !request.request_id.is_empty() {
            return Ok(started(current, false).into());
        }
        if must_not_start(current, &request) {
            return Err(status::operation_already_started(
                &current.request.request_id,
                &current.run_id,
            ));
        }
        if !current.is_closed() {
            return Ok(started(current, false).into());
        }
    }
    let (key, run_id) = operations.next(&request.operation_id);
    let now_ms = service.now_ms;
    let operation = NexusOperationExecution::schedule(now_ms, key, run_id, endpoint_id, request);
    let response = started(&operation, true);
    service.nexus_operation_executions.add(operation);
    close_transaction(service, key);
    matching::offer_nexus_request(service, NexusCaller::Execution(key), NexusCall::Start);
    Ok(response.into())
}

/// Returns `true` if the policies of a request for an id that is in use refuse it.
fn must_not_start(
    current: &NexusOperationExecution,
    request: &StartNexusOperationExecutionRequest,
) -> bool {
    if !current.is_closed() {
        return request.id_conflict_policy() != NexusOperationIdConflictPolicy::UseExisting;
    }
    match request.id_reuse_policy() {
        NexusOperationIdReusePolicy::RejectDuplicate => true,
        NexusOperationIdReusePolicy::AllowDuplicateFailedOnly => {
            current.status() == NexusOperationExecutionStatus::Completed
        }
        _ => false,
    }
}

/// Does what is due in an operation, in one transaction.
pub(crate) fn fire(service: &mut Service, key: OperationKey) {
    let now_ms = service.now_ms;
    let call = service.nexus_operation_executions.get_mut(key).fire(now_ms);
    close_transaction(service, key);
    if let Some(call) = call {
        matching::offer_nexus_request(service, NexusCaller::Execution(key), call);
    }
}

pub(super) fn describe(
    service: &mut Service,
    id: RequestId,
    request: DescribeNexusOperationExecutionRequest,
) -> Handled {
    let operations = &service.nexus_operation_executions;
    let key = operations.lookup(&request.operation_id, &request.run_id)?;
    let operation = operations.get(key);
    if request.long_poll_token.is_empty() {
        return Ok(answers::describe(operation, &request, service.now_ms).into());
    }
    let Some((transitions, run_id)) = read_token(&request.long_poll_token) else {
        return Err(Status::invalid_argument("invalid long poll token"));
    };
    if run_id != operation.run_id {
        return Err(Status::invalid_argument(
            "long poll token does not match execution",
        ));
    }
    let wait = OperationWait::Change {
        transitions,
        request: Box::new(request),
    };
    answers::wait(service, key, OperationPoll { id, wait });
    Ok(Answer::Later)
}

pub(super) fn poll(
    service: &mut Service,
    id: RequestId,
    request: &PollNexusOperationExecutionRequest,
) -> Handled {
    let operations = &service.nexus_operation_executions;
    let key = operations.lookup(&request.operation_id, &request.run_id)?;
    let wait = OperationWait::Stage(request.wait_stage());
    answers::wait(service, key, OperationPoll { id, wait });
    Ok(Answer::Later)
}

pub(super) fn request_cancel(
    service: &mut Service,
    request: RequestCancelNexusOperationExecutionRequest,
) -> Handled {
    let operations = &mut service.nexus_operation_executions;
    let key = operations.lookup(&request.operation_id, &request.run_id)?;
    let operation = operations.get_mut(key);
    let known = operation
        .cancel
        .as_ref()
        .map(|cancel| cancel.request_id.clone());
    if known.as_ref() == Some(&request.request_id) && !request.request_id.is_empty() {
        return Ok(RequestCancelNexusOperationExecutionResponse {}.into());
    }
    if operation.is_closed() {
        return Err(Status::failed_precondition("operation already completed"));
    }
    if let Some(known) = known {
        return Err(Status::failed_precondition(format!(
            "cancellation already requested with request ID {known}"
        )));
    }
    let call = operation.request_cancel(OperationCancel {
        request_id: request.request_id,
        reason: request.reason,
        at_ms: service.now_ms,
    });
    close_transaction(service, key);
    if let Some(call) = call {
        matching::offer_nexus_request(service, NexusCaller::Execution(key), call);
    }
    Ok(RequestCancelNexusOperationExecutionResponse {}.into())
}

pub(super) fn terminate(
    service: &mut Service,
    request: TerminateNexusOperationExecutionRequest,
) -> Handled {
    let operations = &mut service.nexus_operation_executions;
    let key = operations.lookup(&request.operation_id, &request.run_id)?;
    let operation = operations.get_mut(key);
    if let Some(known) = &operation.terminate_request_id {
        if *known != request.request_id {
            return Err(Status::failed_precondition(format!(
                "already terminated with request ID {known}"
            )));
        }
        return Ok(TerminateNexusOperationExecutionResponse {}.into());
    }
    if operation.is_closed() {
        return Err(Status::failed_precondition("operation already completed"));
    }
    let now_ms = service.now_ms;
    operation.terminate(now_ms, request.reason, request.identity, request.request_id);
    close_transaction(service, key);
    Ok(TerminateNexusOperationExecutionResponse {}.into())
}

/// Deletes an operation. An open one is terminated first.
pub(super) fn delete(
    service: &mut Service,
    request: &DeleteNexusOperationExecutionRequest,
) -> Handled {
    let operations = &mut service.nexus_operation_executions;
    let key = operations.lookup(&request.operation_id, &request.run_id)?;
    let operation = operations.get_mut(key);
    if !operation.is_closed() {
        let reason = "Delete nexus operation execution".to_owned();
        operation.terminate(service.now_ms, reason, String::new(), String::new());
        close_transaction(service, key);
    }
    service.nexus_operation_executions.delete(key);
    Ok(DeleteNexusOperationExecutionResponse {}.into())
}

/// Returns the search attributes that only operations have, beside those of all executions.
fn own_attributes(operation: &NexusOperationExecution) -> [(&'static str, &str); 5] {
    let request = &operation.request;
    [
        ("OperationId", &request.operation_id),
        ("Endpoint", &request.endpoint),
        ("Service", &request.service),
        ("Operation", &request.operation),
        ("RequestId", &operation.scheduled.request_id),
    ]
}

/// Reads a query for operations.
fn query_of(service: &Service, text: &str) -> Result<Query, Status> {
    let registry = &service.config.search_attributes;
    if registry.accepts_any() {
        return Query::parse(text, registry);
    }
    let mut registry = registry.clone();
    for name in [
        "OperationId",
        "Endpoint",
        "Service",
        "Operation",
        "RequestId",
    ] {
        // Somebody may have registered the name already.
        let _ = registry.add(name, IndexedValueType::Keyword);
    }
    Query::parse(text, &registry)
}

/// Returns an operation as queries see it.
fn visible(operation: &NexusOperationExecution) -> WorkflowExecutionInfo {
    let request = &*operation.request;
    let mut attributes = request.search_attributes.clone().unwrap_or_default();
    for (name, value) in own_attributes(operation) {
        let value: Option<Payload> = payload::words(value).payloads.pop();
        let value = value.map(|value| (name.to_owned(), value));
        attributes.indexed_fields.extend(value);
    }
    let status = match operation.status() {
        NexusOperationExecutionStatus::Completed => WorkflowExecutionStatus::Completed,
        NexusOperationExecutionStatus::Failed => WorkflowExecutionStatus::Failed,
        NexusOperationExecutionStatus::Canceled => WorkflowExecutionStatus::Canceled,
        NexusOperationExecutionStatus::Terminated => WorkflowExecutionStatus::Terminated,
        NexusOperationExecutionStatus::TimedOut => WorkflowExecutionStatus::TimedOut,
        NexusOperationExecutionStatus::Running | NexusOperationExecutionStatus::Unspecified => {
            WorkflowExecutionStatus::Running
        }
    };
    let scheduled_ms = operation.pending.scheduled_ms;
    let close_ms = operation.end.as_ref().map(|end| end.at_ms);
    WorkflowExecutionInfo {
        execution: Some(crate::api::WorkflowExecution {
            workflow_id: request.operation_id.clone(),
            run_id: operation.run_id.clone(),
        }),
        start_time: Some(timestamp(scheduled_ms)),
        execution_time: Some(timestamp(scheduled_ms)),
        close_time: close_ms.map(timestamp),
        execution_duration: close_ms.map(|ms| duration(ms.saturating_sub(scheduled_ms))),
        status: status.into(),
        search_attributes: Some(attributes),
        state_transition_count: operation.transitions,
        ..WorkflowExecutionInfo::default()
    }
}

fn listed(operation: &NexusOperationExecution) -> NexusOperationExecutionListInfo {
    let request = &*operation.request;
    let scheduled_ms = operation.pending.scheduled_ms;
    let close_ms = operation.end.as_ref().map(|end| end.at_ms);
    NexusOperationExecutionListInfo {
        operation_id: request.operation_id.clone(),
        run_id: operation.run_id.clone(),
        endpoint: request.endpoint.clone(),
        service: request.service.clone(),
        operation: request.operation.clone(),
        schedule_time: Some(timestamp(scheduled_ms)),
        close_time: close_ms.map(timestamp),
        status: operation.status().into(),
        search_attributes: Some(request.search_attributes.clone().unwrap_or_default()),
        state_transition_count: operation.transitions,
        execution_duration: close_ms.map(|ms| duration(ms.saturating_sub(scheduled_ms))),
        state_size_bytes: answers::state_size(operation),
    }
}

pub(super) fn list(service: &Service, request: &ListNexusOperationExecutionsRequest) -> Handled {
    let query = query_of(service, &request.query)?;
    let operations = &service.nexus_operation_executions;
    let (found, next_page_token) = page(
        operations.iter().map(visible),
        request.page_size,
        &request.next_page_token,
        |operation| query.finds(operation),
    )?;
    let found = found.into_iter().filter_map(|visible| {
        let execution = visible.execution?;
        let key = operations
            .lookup(&execution.workflow_id, &execution.run_id)
            .ok()?;
        Some(listed(operations.get(key)))
    });
    Ok(ListNexusOperationExecutionsResponse {
        operations: found.collect(),
        next_page_token,
    }
    .into())
}

pub(super) fn count(service: &Service, request: &CountNexusOperationExecutionsRequest) -> Handled {
    let query = query_of(service, &request.query)?;
    let operations = service.nexus_operation_executions.iter();
    let (count, groups) = counted(operations.map(visible), &query);
    let groups = groups.into_iter().map(|(value, count)| AggregationGroup {
        group_values: vec![value],
        count,
    });
    Ok(CountNexusOperationExecutionsResponse {
        count,
        groups: groups.collect(),
    }
    .into())
}
