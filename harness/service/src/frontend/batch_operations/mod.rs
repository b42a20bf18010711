//! StartBatchOperation, StopBatchOperation, DescribeBatchOperation and ListBatchOperations.
//!
//! Source: `temporalio/temporal: service/frontend/workflow_handler.go`.

mod targets;
mod turn;

use tonic::Status;

use crate::{
    api::{
        WorkflowExecution,
        batch::BatchOperationInfo,
        common::Execution,
        enums::{
            BatchOperationState, ExecutionType, WorkflowExecutionStatus, WorkflowIdConflictPolicy,
            WorkflowIdReusePolicy,
        },
        rpc::{
            DescribeBatchOperationRequest, DescribeBatchOperationResponse,
            ListBatchOperationsRequest, ListBatchOperationsResponse, StartBatchOperationRequest,
            StartBatchOperationResponse, StopBatchOperationRequest, StopBatchOperationResponse,
        },
        workflow::WorkflowExecutionInfo,
    },
    base::{identifiers::BatchKey, status, time::timestamp},
    batch_operation::{BatchOperation, target_type},
    frontend::{answer::Handled, list_workflow_executions::page},
    run::workflow_id,
    state::service::Service,
    visibility::query::Query,
};

pub(crate) use turn::fire;

/// The jobs of a namespace that may run at once
/// (`frontend.MaxConcurrentBatchOperationPerNamespace`).
const AT_ONCE: usize = 1;

pub(super) fn start(service: &mut Service, request: StartBatchOperationRequest) -> Handled {
    Query::check_syntax(&request.visibility_query)
        .map_err(|error| Status::invalid_argument(format!("invalid visibility query: {error}")))?;
    let operations = &service.batch_operations;
    if operations.iter().filter(|it| !it.is_closed()).count() >= AT_ONCE {
        return Err(Status::resource_exhausted(
            "Max concurrent batch operations is reached",
        ));
    }
    // A job is a workflow on the server, and shares its ids with others.
    if let Some(last) = operations.current(&request.job_id) {
        let last = operations.get(last);
        return Err(workflow_id::finished(
            &request.job_id,
            &last.run_id,
            &last.run_id,
            "",
        ));
    }
    if let Some(last) = service.executions.current(&request.job_id) {
        let (reuse, conflict) = (
            WorkflowIdReusePolicy::RejectDuplicate,
            WorkflowIdConflictPolicy::Fail,
        );
        workflow_id::resolve(service.executions.run(last), reuse, conflict)?;
    }
    let (key, run_id) = operations.next(&request.job_id);
    let operation = BatchOperation::start(service.now_ms, key, run_id, request);
    service.batch_operations.add(operation);
    service.batch_operations.rearm(key);
    Ok(StartBatchOperationResponse {}.into())
}

pub(super) fn stop(service: &mut Service, request: &StopBatchOperationRequest) -> Handled {
    let key = service.batch_operations.lookup(&request.job_id, "")?;
    let now_ms = service.now_ms;
    let operation = service.batch_operations.get_mut(key);
    if operation.is_closed() {
        return Err(status::not_found("workflow execution already completed"));
    }
    operation.fail(now_ms);
    close_transaction(service, key);
    Ok(StopBatchOperationResponse {}.into())
}

/// Ends a change to a job: sets the time of its next turn, or of the end of its retention.
fn close_transaction(service: &mut Service, key: BatchKey) {
    service.batch_operations.rearm(key);
    let retention = service.config.retention;
    service.batch_operations.retain(key, retention);
}

pub(super) fn describe(service: &Service, request: &DescribeBatchOperationRequest) -> Handled {
    let key = service.batch_operations.lookup(&request.job_id, "")?;
    let operation = service.batch_operations.get(key);
    let (total, done) = operation.counts();
    let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Ok(DescribeBatchOperationResponse {
        operation_type: operation.operation_type().into(),
        job_id: operation.request.job_id.clone(),
        state: operation.state().into(),
        start_time: Some(timestamp(operation.start_ms)),
        close_time: operation.close.map(|(close_ms, _)| timestamp(close_ms)),
        total_operation_count: number(total),
        complete_operation_count: number(done.succeeded),
        failure_operation_count: number(done.failed),
        identity: operation.identity().to_owned(),
        reason: operation.request.reason.clone(),
        query: operation.request.visibility_query.clone(),
        executions: named(&operation.request),
    }
    .into())
}

/// Returns the executions that a request names, whichever of its two lists they are in.
fn named(request: &StartBatchOperationRequest) -> Vec<Execution> {
    if !request.target_executions.is_empty() {
        return request.target_executions.clone();
    }
    #[allow(deprecated, reason = "clients still send the older list")]
    let older = &request.executions;
    targets(request, older.clone())
}

/// Returns executions as the targets of a job.
fn targets(
    request: &StartBatchOperationRequest,
    executions: Vec<WorkflowExecution>,
) -> Vec<Execution> {
    let operation = request.operation.as_ref();
    let target_type = operation.map_or(ExecutionType::Workflow, target_type);
    let target = |execution: WorkflowExecution| Execution {
        r#type: target_type.into(),
        business_id: execution.workflow_id,
        run_id: execution.run_id,
    };
    executions.into_iter().map(target).collect()
}

pub(super) fn list(service: &Service, request: &ListBatchOperationsRequest) -> Handled {
    let operations = &service.batch_operations;
    let (found, next_page_token) = page(
        operations.iter().map(visible),
        request.page_size.max(0),
        &request.next_page_token,
        |_| true,
    )?;
    let found = found.into_iter().filter_map(|visible| {
        let execution = visible.execution?;
        let key = operations.lookup(&execution.workflow_id, &execution.run_id);
        Some(listed(operations.get(key.ok()?)))
    });
    Ok(ListBatchOperationsResponse {
        operation_info: found.collect(),
        next_page_token,
    }
    .into())
}

fn listed(operation: &BatchOperation) -> BatchOperationInfo {
    BatchOperationInfo {
        job_id: operation.request.job_id.clone(),
        state: operation.state().into(),
        start_time: Some(timestamp(operation.start_ms)),
        close_time: operation.close.map(|(close_ms, _)| timestamp(close_ms)),
        operation_type: operation.operation_type().into(),
    }
}

/// Returns the workflow that a job is on the server, as lists place it.
fn visible(operation: &BatchOperation) -> WorkflowExecutionInfo {
    let status = match operation.state() {
        BatchOperationState::Completed => WorkflowExecutionStatus::Completed,
        BatchOperationState::Failed => WorkflowExecutionStatus::Terminated,
        _ => WorkflowExecutionStatus::Running,
    };
    WorkflowExecutionInfo {
        execution: Some(WorkflowExecution {
            workflow_id: operation.request.job_id.clone(),
            run_id: operation.run_id.clone(),
        }),
        status: status.into(),
        start_time: Some(timestamp(operation.start_ms)),
        close_time: operation.close.map(|(close_ms, _)| timestamp(close_ms)),
        ..WorkflowExecutionInfo::default()
    }
}
