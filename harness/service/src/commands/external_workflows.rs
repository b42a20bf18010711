//! SignalExternalWorkflowExecution and RequestCancelExternalWorkflowExecution.
//!
//! Source: `temporalio/temporal: service/history/api/command_attr_validator.go`.

use tonic::Status;

use crate::{
    api::{
        Attributes, WorkflowExecution,
        command::{
            RequestCancelExternalWorkflowExecutionCommandAttributes,
            SignalExternalWorkflowExecutionCommandAttributes,
        },
        enums::WorkflowTaskFailedCause as Cause,
        history::{
            RequestCancelExternalWorkflowExecutionInitiatedEventAttributes,
            SignalExternalWorkflowExecutionInitiatedEventAttributes,
        },
    },
    commands::{
        context::CommandContext,
        failure::{Applied, CommandFailure},
    },
    run::transfer::{Delivery, Transfer},
};

#[allow(
    deprecated,
    reason = "SDKs still fill in the namespace of a command, and its control"
)]
pub(super) fn signal(
    context: &mut CommandContext<'_>,
    command: SignalExternalWorkflowExecutionCommandAttributes,
) -> Applied {
    const COMMAND: &str = "SignalExternalWorkflowExecutionCommand";
    let refused = |refused: Status| {
        CommandFailure::new(
            Cause::BadSignalWorkflowExecutionAttributes,
            refused.message(),
        )
    };
    let cause = Cause::BadSignalWorkflowExecutionAttributes;
    context.check_namespace(&command.namespace, cause)?;
    let target = command.execution.as_ref();
    let run_id = target.map_or("", |target| &target.run_id);
    let named = format!("Namespace={} RunId={run_id}", command.namespace);
    let which = format!("{named} SignalName={}", command.signal_name);
    check_target(COMMAND, target, &which, context).map_err(refused)?;
    if command.signal_name.is_empty() {
        let workflow_id = target.map_or("", |target| &target.workflow_id);
        let message =
            format!("SignalName is not set on {COMMAND}. WorkflowId={workflow_id} {named}");
        return Err(refused(Status::invalid_argument(message)));
    }
    within_limit(
        context.run.external.signals.len(),
        context.limits.pending_signals,
        Cause::PendingSignalsLimitExceeded,
        "signals to external workflows",
    )?;
    context.keep_payload_within(
        command.input.as_ref(),
        Cause::BadSignalWorkflowExecutionAttributes,
        "SignalExternalWorkflowExecutionCommandAttributes.Input",
    )?;
    // Record the request, and deliver it after the transaction.
    let initiated_event_id = context.run.history.add_decorated(
        context.now_ms,
        SignalExternalWorkflowExecutionInitiatedEventAttributes {
            workflow_task_completed_event_id: context.completed_event_id,
            namespace: command.namespace,
            namespace_id: context.config.namespace_id(),
            workflow_execution: command.execution,
            signal_name: command.signal_name,
            input: command.input,
            control: command.control,
            child_workflow_only: command.child_workflow_only,
            header: command.header,
        },
        context.decoration.take(),
    );
    let sender = context.run.key;
    context.run.external.signals.insert(initiated_event_id, ());
    context
        .run
        .outbox
        .push(Transfer::CrossRun(Delivery::Signal {
            sender,
            initiated_event_id,
        }));
    Ok(())
}

#[allow(
    deprecated,
    reason = "SDKs still fill in the namespace of a command, and its control"
)]
pub(super) fn request_cancel(
    context: &mut CommandContext<'_>,
    command: RequestCancelExternalWorkflowExecutionCommandAttributes,
) -> Applied {
    const COMMAND: &str = "RequestCancelExternalWorkflowExecutionCommand";
    const CAUSE: Cause = Cause::BadRequestCancelExternalWorkflowExecutionAttributes;
    let refused = |refused: Status| CommandFailure::new(CAUSE, refused.message());
    context.check_namespace(&command.namespace, CAUSE)?;
    let execution = WorkflowExecution {
        workflow_id: command.workflow_id,
        run_id: command.run_id,
    };
    let which = format!("RunId={} Namespace={}", execution.run_id, command.namespace);
    check_target(COMMAND, Some(&execution), &which, context).map_err(refused)?;
    if is_child_of_this_task(context, &execution.workflow_id) {
        let message = format!(
            "Start and RequestCancel for child workflow is not allowed in same workflow task. \
             WorkflowId={} {which}",
            execution.workflow_id
        );
        return Err(CommandFailure::new(CAUSE, message));
    }
    within_limit(
        context.run.external.cancels.len(),
        context.limits.pending_cancel_requests,
        Cause::PendingRequestCancelLimitExceeded,
        "requests to cancel external workflows",
    )?;
    // Record the request, and deliver it after the transaction.
    let initiated_event_id = context.run.history.add_decorated(
        context.now_ms,
        RequestCancelExternalWorkflowExecutionInitiatedEventAttributes {
            workflow_task_completed_event_id: context.completed_event_id,
            namespace: command.namespace,
            namespace_id: context.config.namespace_id(),
            workflow_execution: Some(execution),
            control: command.control,
            child_workflow_only: command.child_workflow_only,
            reason: command.reason,
        },
        context.decoration.take(),
    );
    let sender = context.run.key;
    context.run.external.cancels.insert(initiated_event_id, ());
    context
        .run
        .outbox
        .push(Transfer::CrossRun(Delivery::RequestCancel {
            sender,
            initiated_event_id,
        }));
    Ok(())
}

/// Checks the workflow that a command reaches. The words of a refusal end with `which`: the
/// namespace, and whatever else the command names.
fn check_target(
    command: &str,
    target: Option<&WorkflowExecution>,
    which: &str,
    context: &CommandContext<'_>,
) -> Result<(), Status> {
    let invalid = |message: String| Err(Status::invalid_argument(message));
    let Some(target) = target else {
        return invalid(format!("Execution is not set on {command}."));
    };
    let WorkflowExecution {
        workflow_id,
        run_id,
    } = target;
    if workflow_id.is_empty() {
        return invalid(format!("WorkflowId is not set on {command}. {which}"));
    }
    let (length, limit) = (workflow_id.len(), context.limits.id_length);
    if length > limit {
        return invalid(format!(
            "WorkflowId on {command} exceeds length limit. WorkflowId={workflow_id} \
             Length={length} Limit={limit} {which}"
        ));
    }
    if !run_id.is_empty() && uuid::Uuid::try_parse(run_id).is_err() {
        return invalid(format!(
            "Invalid RunId set on {command}. WorkflowId={workflow_id} {which}"
        ));
    }
    Ok(())
}

fn is_child_of_this_task(context: &CommandContext<'_>, workflow_id: &str) -> bool {
    let events = context.run.history.events().iter().rev();
    events
        .take_while(|event| event.event_id > context.completed_event_id)
        .any(|event| {
            matches!(
                &event.attributes,
                Some(Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(initiated))
                    if initiated.workflow_id == workflow_id
            )
        })
}

fn within_limit(pending: usize, limit: usize, cause: Cause, what: &str) -> Applied {
    if pending >= limit {
        let message = format!(
            "the number of pending {what}, {pending}, has reached the per-workflow limit of {limit}"
        );
        return Err(CommandFailure::new(cause, message));
    }
    Ok(())
}
