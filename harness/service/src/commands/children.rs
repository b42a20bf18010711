//! StartChildWorkflowExecution.
//!
//! Source: `temporalio/temporal: service/history/api/command_attr_validator.go`
//! (`ValidateStartChildExecutionAttributes`).

use tonic::Status;

use crate::{
    api::{
        command::StartChildWorkflowExecutionCommandAttributes,
        enums::{
            ParentClosePolicy, TaskQueueKind, WorkflowIdReusePolicy,
            WorkflowTaskFailedCause as Cause,
        },
        history::StartChildWorkflowExecutionInitiatedEventAttributes,
        taskqueue::TaskQueue,
    },
    base::{checks, payload, time::validate_and_cap},
    commands::{
        context::CommandContext,
        failure::{Applied, CommandFailure},
    },
    policies::{
        cron, retry,
        workflow_retry::{run_timeout, workflow_task_timeout},
    },
    run::{
        children::PendingChild,
        transfer::{Delivery, Transfer},
    },
};

#[allow(
    deprecated,
    reason = "SDKs still fill in the fields, and the server copies them"
)]
pub(super) fn start(
    context: &mut CommandContext<'_>,
    mut command: StartChildWorkflowExecutionCommandAttributes,
) -> Applied {
    let cause = Cause::BadStartChildExecutionAttributes;
    context.check_namespace(&command.namespace, cause)?;
    command.namespace.clone_from(&context.config.namespace);
    normalize(&mut command, context).map_err(|refused| {
        CommandFailure::new(Cause::BadStartChildExecutionAttributes, refused.message())
    })?;
    if command.inherit_build_id && !context.is_own_queue(command.task_queue.as_ref()) {
        return Err(CommandFailure::new(
            Cause::BadStartChildExecutionAttributes,
            "StartChildWorkflowExecution with UseCompatibleVersion cannot run on different task \
             queue.",
        ));
    }
    context.check_search_attributes(command.search_attributes.as_ref())?;
    context.keep_payload_within(
        command.input.as_ref(),
        Cause::BadStartChildExecutionAttributes,
        "StartChildWorkflowExecutionCommandAttributes. Input",
    )?;
    context.keep_memo_within(
        command.memo.as_ref(),
        Cause::BadStartChildExecutionAttributes,
        "StartChildWorkflowExecutionCommandAttributes.Memo exceeds size limit.",
    )?;
    CommandContext::keep_search_attributes_within(
        command.search_attributes.as_ref(),
        Cause::BadStartChildExecutionAttributes,
    )?;
    // The command is valid; the run may still have too many children.
    let pending = context.run.children.len();
    if pending >= context.limits.pending_children {
        return Err(CommandFailure::new(
            Cause::PendingChildWorkflowsLimitExceeded,
            format!(
                "the number of pending child workflow executions, {pending}, has reached the \
                 per-workflow limit of {}",
                context.limits.pending_children
            ),
        ));
    }
    // Record the child, and start it after the transaction.
    let child = PendingChild {
        workflow_id: command.workflow_id.clone(),
        workflow_type: command.workflow_type.clone(),
        namespace: context.config.namespace.clone(),
        namespace_id: context.config.namespace_id(),
        parent_close_policy: command.parent_close_policy(),
        started_event_id: 0,
        first_run_id: String::new(),
    };
    let decoration = context.decoration.take();
    let initiated_event_id = context.run.history.add_decorated(
        context.now_ms,
        StartChildWorkflowExecutionInitiatedEventAttributes {
            namespace: context.config.namespace.clone(),
            namespace_id: context.config.namespace_id(),
            workflow_id: command.workflow_id,
            workflow_type: command.workflow_type,
            task_queue: command.task_queue,
            input: command.input,
            workflow_execution_timeout: command.workflow_execution_timeout,
            workflow_run_timeout: command.workflow_run_timeout,
            workflow_task_timeout: command.workflow_task_timeout,
            control: command.control,
            parent_close_policy: command.parent_close_policy,
            workflow_task_completed_event_id: context.completed_event_id,
            workflow_id_reuse_policy: command.workflow_id_reuse_policy,
            retry_policy: command.retry_policy,
            cron_schedule: command.cron_schedule,
            header: command.header,
            memo: command.memo,
            search_attributes: command.search_attributes,
            priority: command.priority,
            inherit_build_id: command.inherit_build_id,
            versioning_override: command.versioning_override,
            ..StartChildWorkflowExecutionInitiatedEventAttributes::default()
        },
        decoration,
    );
    let parent = context.run.key;
    context.run.children.insert(initiated_event_id, child);
    context
        .run
        .outbox
        .push(Transfer::CrossRun(Delivery::StartChild {
            parent,
            initiated_event_id,
        }));
    Ok(())
}

/// Checks the command, and fills in its unset fields.
#[allow(deprecated, reason = "SDKs still fill in the namespace of a command")]
fn normalize(
    command: &mut StartChildWorkflowExecutionCommandAttributes,
    context: &CommandContext<'_>,
) -> Result<(), Status> {
    const COMMAND: &str = "StartChildWorkflowExecutionCommand";
    let invalid = |message: String| Err(Status::invalid_argument(message));
    let limits = context.limits;
    let id = command.workflow_id.clone();
    let workflow_type = command.workflow_type.clone().unwrap_or_default().name;
    let namespace = &command.namespace;
    // The workflow id and the type.
    if id.is_empty() {
        return invalid(format!(
            "Required field WorkflowId is not set on {COMMAND}. WorkflowType={workflow_type} \
             Namespace={namespace}"
        ));
    }
    if workflow_type.is_empty() {
        return invalid(format!(
            "Required field WorkflowType is not set on {COMMAND}. WorkflowId={id} \
             Namespace={namespace}"
        ));
    }
    let limit = limits.id_length;
    if id.len() > limit {
        return invalid(format!(
            "WorkflowId on {COMMAND} exceeds length limit. WorkflowId={id} Length={} Limit={limit} \
             WorkflowType={workflow_type} Namespace={namespace}",
            id.len(),
        ));
    }
    if workflow_type.len() > limit {
        return invalid(format!(
            "WorkflowType on {COMMAND} exceeds length limit. WorkflowId={id} \
             WorkflowType={workflow_type} Length={} Limit={limit} Namespace={namespace}",
            workflow_type.len(),
        ));
    }
    // The timeouts, the retry policy, the cron schedule and the priority.
    let which = format!("WorkflowId={id} WorkflowType={workflow_type} Namespace={namespace}");
    for (name, timeout) in [
        (
            "WorkflowExecutionTimeout",
            &mut command.workflow_execution_timeout,
        ),
        ("WorkflowRunTimeout", &mut command.workflow_run_timeout),
        ("WorkflowTaskTimeout", &mut command.workflow_task_timeout),
    ] {
        validate_and_cap(timeout.as_mut())
            .or_else(|why| invalid(format!("Invalid {name} on {COMMAND}: {why}. {which}")))?;
    }
    let refused = |what: &str, status: &Status| {
        Status::invalid_argument(format!(
            "invalid {what} on {COMMAND}: {}. {which}",
            status.message()
        ))
    };
    if let Some(policy) = &mut command.retry_policy {
        retry::ensure_defaults(policy);
        retry::validate(policy).map_err(|status| refused("WorkflowRetryPolicy", &status))?;
    }
    cron::validate(&command.cron_schedule, context.now_ms)
        .map_err(|status| refused("CronSchedule", &status))?;
    checks::priority(command.priority.as_ref())?;
    // The task queue, which is the parent's by default.
    command.task_queue.get_or_insert_with(|| TaskQueue {
        kind: TaskQueueKind::Normal.into(),
        ..TaskQueue::default()
    });
    let queue = context.run.task_queue_name();
    checks::task_queue_of_user(&mut command.task_queue, queue, queue, limits)?;
    // The effective timeouts, and the defaults of the policies.
    let of_run = run_timeout(
        command.workflow_run_timeout.as_ref(),
        command.workflow_execution_timeout.as_ref(),
    );
    command.workflow_task_timeout = Some(workflow_task_timeout(
        command.workflow_task_timeout.as_ref(),
        &of_run,
    ));
    command.workflow_run_timeout = Some(of_run);
    if command.parent_close_policy() == ParentClosePolicy::Unspecified {
        command.set_parent_close_policy(ParentClosePolicy::Terminate);
    }
    if command.workflow_id_reuse_policy() == WorkflowIdReusePolicy::Unspecified {
        command.set_workflow_id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate);
    }
    payload::drop_nil_memo(&mut command.memo);
    payload::drop_nil_search_attributes(&mut command.search_attributes);
    Ok(())
}
