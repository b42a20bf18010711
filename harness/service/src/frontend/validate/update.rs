//! Updates, and an update that starts its workflow.

use temporalio_protos::temporal::api::{
    enums::v1::UpdateWorkflowExecutionLifecycleStage as Stage,
    workflowservice::v1::{
        ExecuteMultiOperationRequest, PollWorkflowExecutionUpdateRequest,
        StartWorkflowExecutionRequest, UpdateWorkflowExecutionRequest,
        execute_multi_operation_request::operation::Operation,
    },
};
use tonic::Status;

use crate::{
    base::{
        checks::{invalid, known},
        config::{Limits, ServiceConfig},
        status,
        time::duration_ms,
    },
    frontend::validate::execution,
    policies::{callbacks, start_requests},
};

pub(super) fn update(
    request: &mut UpdateWorkflowExecutionRequest,
    limits: &Limits,
) -> Result<(), Status> {
    execution(request.workflow_execution.as_ref())?;
    let update = request.request.as_ref();
    let Some(meta) = update.and_then(|update| update.meta.as_ref()) else {
        return invalid("Update meta is not set on request.");
    };
    if meta.update_id.len() > limits.id_length {
        return invalid("UpdateId length exceeds limit.");
    }
    let Some(input) = update.and_then(|update| update.input.as_ref()) else {
        return invalid("Update input is not set on request.");
    };
    if input.name.is_empty() {
        return invalid("Update name is not set on request.");
    }
    let has_callbacks = update.is_some_and(|update| !update.completion_callbacks.is_empty());
    if has_callbacks && update.is_none_or(|update| update.request_id.is_empty()) {
        return invalid(
            "invalid *update.Request: request_id is required when completion_callbacks are set",
        );
    }
    if let Some(update) = &mut request.request {
        callbacks::check(&mut update.completion_callbacks)?;
    }
    let policy = request.wait_policy.get_or_insert_default();
    match known::<Stage>(
        "UpdateWorkflowExecutionLifecycleStage",
        policy.lifecycle_stage,
    )? {
        Stage::Unspecified => policy.set_lifecycle_stage(Stage::Completed),
        Stage::Admitted => {
            return Err(status::permission_denied(
                "UpdateWorkflowExecution issued asynchronously and waiting on update admitted is \
                 not supported.",
            ));
        }
        Stage::Accepted | Stage::Completed => {}
    }
    Ok(())
}

pub(super) fn poll(request: &mut PollWorkflowExecutionUpdateRequest) -> Result<(), Status> {
    let Some(update) = &request.update_ref else {
        return invalid("UpdateRef is not set on request.");
    };
    execution(update.workflow_execution.as_ref())?;
    let policy = request.wait_policy.get_or_insert_default();
    known::<Stage>(
        "UpdateWorkflowExecutionLifecycleStage",
        policy.lifecycle_stage,
    )
    .map(|_| ())
}

/// Checks a start and an update of the same workflow. If either is refused, the status names both.
pub(super) fn multi_operation(
    request: &mut ExecuteMultiOperationRequest,
    config: &ServiceConfig,
    now_ms: u64,
) -> Result<(), Status> {
    let [first, second] = &mut request.operations[..] else {
        return not_start_and_update();
    };
    let (Some(Operation::StartWorkflow(to_start)), Some(Operation::UpdateWorkflow(to_update))) =
        (&mut first.operation, &mut second.operation)
    else {
        return not_start_and_update();
    };
    for namespace in [&mut to_start.namespace, &mut to_update.namespace] {
        if namespace.is_empty() {
            namespace.clone_from(&config.namespace);
        }
    }
    let started = start_of_multi(to_start, config, now_ms);
    let mut updated = update_of_multi(to_update, config);
    if started.is_ok()
        && updated.is_ok()
        && to_update
            .workflow_execution
            .as_ref()
            .is_some_and(|run| run.workflow_id != to_start.workflow_id)
    {
        updated = invalid("WorkflowId is not consistent with previous operation(s).");
    }
    if started.is_ok() && updated.is_ok() {
        return Ok(());
    }
    Err(status::multi_operation([
        started.err().into(),
        updated.err().into(),
    ]))
}

fn start_of_multi(
    request: &mut StartWorkflowExecutionRequest,
    config: &ServiceConfig,
    now_ms: u64,
) -> Result<(), Status> {
    if request.namespace != config.namespace {
        return invalid("Operation namespace did not match request's namespace.");
    }
    start_requests::start(request, &config.limits, now_ms)?;
    if !request.cron_schedule.is_empty() {
        return invalid("CronSchedule is not allowed.");
    }
    if request.request_eager_execution {
        return invalid("RequestEagerExecution is not supported.");
    }
    if duration_ms(request.workflow_start_delay.as_ref()) > 0 {
        return invalid("WorkflowStartDelay is not supported.");
    }
    Ok(())
}

fn update_of_multi(
    request: &mut UpdateWorkflowExecutionRequest,
    config: &ServiceConfig,
) -> Result<(), Status> {
    if request.namespace != config.namespace {
        return invalid("Operation namespace did not match request's namespace.");
    }
    update(request, &config.limits)?;
    if !request.first_execution_run_id.is_empty() {
        return invalid("FirstExecutionRunId is not allowed.");
    }
    if request
        .workflow_execution
        .as_ref()
        .is_some_and(|run| !run.run_id.is_empty())
    {
        return invalid("RunId is not allowed.");
    }
    Ok(())
}

fn not_start_and_update() -> Result<(), Status> {
    invalid("Operations have to be exactly [Start, Update].")
}
