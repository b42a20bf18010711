//! The checks of requests that may start a run.

use prost::Message;
use prost_types::Duration;
use temporalio_protos::temporal::api::{
    common::v1::RetryPolicy,
    enums::v1::{WorkflowIdConflictPolicy, WorkflowIdReusePolicy},
    workflow::v1::VersioningOverride,
    workflowservice::v1::{SignalWithStartWorkflowExecutionRequest, StartWorkflowExecutionRequest},
};
use tonic::Status;

use crate::{
    base::{
        checks::{blob_size, invalid, known, priority, task_queue_of_user},
        config::Limits,
        time::validate_and_cap,
        versioning_override,
    },
    policies::{callbacks, cron, retry},
};

pub(crate) fn start(
    request: &mut StartWorkflowExecutionRequest,
    limits: &Limits,
    now_ms: u64,
) -> Result<(), Status> {
    known::<WorkflowIdReusePolicy>("WorkflowIdReusePolicy", request.workflow_id_reuse_policy)?;
    known::<WorkflowIdConflictPolicy>(
        "WorkflowIdConflictPolicy",
        request.workflow_id_conflict_policy,
    )?;
    let (reuse, conflict) = id_policies(
        request.workflow_id_reuse_policy(),
        request.workflow_id_conflict_policy(),
        WorkflowIdConflictPolicy::Fail,
    );
    request.set_workflow_id_reuse_policy(reuse);
    request.set_workflow_id_conflict_policy(conflict);

    workflow_id(&request.workflow_id, limits)?;
    retry_policy(&mut request.retry_policy)?;
    start_delay(&request.cron_schedule, &mut request.workflow_start_delay)?;
    cron::validate(&request.cron_schedule, now_ms)?;
    let workflow_type = request
        .workflow_type
        .as_ref()
        .map_or("", |workflow_type| &workflow_type.name);
    if workflow_type.is_empty() {
        return invalid("WorkflowType is not set on request.");
    }
    if workflow_type.len() > limits.id_length {
        return invalid("WorkflowType length exceeds limit.");
    }
    task_queue_of_user(&mut request.task_queue, "", "", limits)?;
    timeouts([
        ("Execution", &mut request.workflow_execution_timeout),
        ("Run", &mut request.workflow_run_timeout),
        ("Task", &mut request.workflow_task_timeout),
    ])?;
    if request.request_id.len() > limits.id_length {
        return invalid("RequestId length exceeds limit.");
    }
    compatible_id_policies(reuse, conflict)?;
    if request
        .on_conflict_options
        .as_ref()
        .is_some_and(|options| options.attach_completion_callbacks && !options.attach_request_id)
    {
        return invalid("attaching request ID is required for attaching completion callbacks");
    }
    callbacks::check(&mut request.completion_callbacks)?;
    callbacks::remove_repeated(&mut request.links, &request.completion_callbacks);
    priority(request.priority.as_ref())?;
    versioning(request.versioning_override.as_ref(), limits)?;
    if request.time_skipping_config.is_some() {
        // Time skipping for a single workflow, off by default on the server, is not simulated:
        // virtual time skips for all.
        return Err(Status::unimplemented(
            "The Time-Skipping feature is not enabled for namespace.",
        ));
    }
    blob_size(request.input.as_ref(), limits)?;
    memo_size(
        request.memo.as_ref().map_or(0, Message::encoded_len),
        limits,
    )
}

fn versioning(versioning: Option<&VersioningOverride>, limits: &Limits) -> Result<(), Status> {
    versioning.map_or(Ok(()), |it| versioning_override::check(it, limits))
}

pub(crate) fn signal_with_start(
    request: &mut SignalWithStartWorkflowExecutionRequest,
    limits: &Limits,
    now_ms: u64,
) -> Result<(), Status> {
    versioning(request.versioning_override.as_ref(), limits)?;
    workflow_id(&request.workflow_id, limits)?;
    if request.signal_name.is_empty() {
        return invalid("signal not set");
    }
    length("signal name", &request.signal_name, limits)?;
    let workflow_type = request
        .workflow_type
        .as_ref()
        .map_or("", |workflow_type| &workflow_type.name);
    if workflow_type.is_empty() {
        return invalid("workflow type not set");
    }
    length("workflow type name", workflow_type, limits)?;
    task_queue_of_user(&mut request.task_queue, "", "", limits)?;
    length("Request ID", &request.request_id, limits)?;
    timeouts([
        ("Execution", &mut request.workflow_execution_timeout),
        ("Run", &mut request.workflow_run_timeout),
        ("Task", &mut request.workflow_task_timeout),
    ])?;
    retry_policy(&mut request.retry_policy)?;
    start_delay(&request.cron_schedule, &mut request.workflow_start_delay)?;
    cron::validate(&request.cron_schedule, now_ms)?;
    known::<WorkflowIdReusePolicy>("WorkflowIdReusePolicy", request.workflow_id_reuse_policy)?;
    known::<WorkflowIdConflictPolicy>(
        "WorkflowIdConflictPolicy",
        request.workflow_id_conflict_policy,
    )?;
    compatible_id_policies(
        request.workflow_id_reuse_policy(),
        request.workflow_id_conflict_policy(),
    )?;
    if request.workflow_id_conflict_policy() == WorkflowIdConflictPolicy::Fail {
        return invalid(
            "Invalid WorkflowIDConflictPolicy: WORKFLOW_ID_CONFLICT_POLICY_FAIL is not supported \
             for this operation.",
        );
    }
    let (reuse, conflict) = id_policies(
        request.workflow_id_reuse_policy(),
        request.workflow_id_conflict_policy(),
        WorkflowIdConflictPolicy::UseExisting,
    );
    request.set_workflow_id_reuse_policy(reuse);
    request.set_workflow_id_conflict_policy(conflict);
    priority(request.priority.as_ref())?;
    blob_size(request.input.as_ref(), limits)?;
    blob_size(request.signal_input.as_ref(), limits)?;
    memo_size(
        request.memo.as_ref().map_or(0, Message::encoded_len),
        limits,
    )
}

/// Fills in the defaults of both id policies. The old "terminate if running" becomes a conflict
/// policy.
///
/// Source: `temporalio/temporal: common/enums/defaults.go` (`SetDefaultWorkflowIDPolicies`).
fn id_policies(
    mut reuse: WorkflowIdReusePolicy,
    mut conflict: WorkflowIdConflictPolicy,
    default_conflict: WorkflowIdConflictPolicy,
) -> (WorkflowIdReusePolicy, WorkflowIdConflictPolicy) {
    #[allow(
        deprecated,
        reason = "callers still send the old policy, and the server still takes it"
    )]
    let terminate_if_running = WorkflowIdReusePolicy::TerminateIfRunning;
    if conflict == WorkflowIdConflictPolicy::Unspecified {
        if reuse == terminate_if_running {
            conflict = WorkflowIdConflictPolicy::TerminateExisting;
            reuse = WorkflowIdReusePolicy::AllowDuplicate;
        } else {
            conflict = default_conflict;
        }
    }
    if reuse == WorkflowIdReusePolicy::Unspecified {
        reuse = WorkflowIdReusePolicy::AllowDuplicate;
    }
    (reuse, conflict)
}

fn compatible_id_policies(
    reuse: WorkflowIdReusePolicy,
    conflict: WorkflowIdConflictPolicy,
) -> Result<(), Status> {
    #[allow(
        deprecated,
        reason = "callers still send the old policy, and the server still takes it"
    )]
    let terminate_if_running = WorkflowIdReusePolicy::TerminateIfRunning;
    if conflict != WorkflowIdConflictPolicy::Unspecified && reuse == terminate_if_running {
        return invalid(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING cannot \
             be used together with a WorkflowIDConflictPolicy",
        );
    }
    if conflict == WorkflowIdConflictPolicy::TerminateExisting
        && reuse == WorkflowIdReusePolicy::RejectDuplicate
    {
        return invalid(
            "Invalid WorkflowIDReusePolicy: WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE cannot be \
             used together with WorkflowIdConflictPolicy \
             WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING",
        );
    }
    Ok(())
}

pub(crate) fn workflow_id(workflow_id: &str, limits: &Limits) -> Result<(), Status> {
    if workflow_id.is_empty() {
        return invalid("WorkflowId is not set on request.");
    }
    length("WorkflowId", workflow_id, limits)
}

pub(crate) fn length(field: &str, value: &str, limits: &Limits) -> Result<(), Status> {
    if value.len() > limits.id_length {
        return invalid(format!(
            "{field} exceeds maximum allowed length ({}/{})",
            value.len(),
            limits.id_length
        ));
    }
    Ok(())
}

/// Fills in the defaults of a retry policy and checks it. A workflow without a policy is never
/// retried.
fn retry_policy(policy: &mut Option<RetryPolicy>) -> Result<(), Status> {
    let Some(policy) = policy else { return Ok(()) };
    retry::ensure_defaults(policy);
    retry::validate(policy)
}

fn start_delay(cron_schedule: &str, delay: &mut Option<Duration>) -> Result<(), Status> {
    if !cron_schedule.is_empty() && delay.is_some() {
        return invalid("CronSchedule and WorkflowStartDelay may not be used together.");
    }
    validate_and_cap(delay.as_mut()).or_else(|why| {
        invalid(format!(
            "An invalid WorkflowStartDelaySeconds is set on request. cause: {why}"
        ))
    })
}

pub(crate) fn timeouts(timeouts: [(&str, &mut Option<Duration>); 3]) -> Result<(), Status> {
    for (name, timeout) in timeouts {
        validate_and_cap(timeout.as_mut()).or_else(|why| {
            invalid(format!(
                "An invalid Workflow{name}TimeoutSeconds is set on request. cause: {why}"
            ))
        })?;
    }
    Ok(())
}

fn memo_size(bytes: usize, limits: &Limits) -> Result<(), Status> {
    if bytes > limits.memo_bytes {
        return invalid("Memo size exceeds limit.");
    }
    Ok(())
}
