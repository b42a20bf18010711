//! Commands of workflow tasks: one file for each command, or for a few that belong together.
//!
//! A handler changes the run through its [`CommandContext`], or returns the reason why the command
//! is bad: then the whole task fails, and none of its commands are applied. A new command is one
//! file here and one line in [`apply_one`].
//!
//! Source: `temporalio/temporal:
//! service/history/api/respondworkflowtaskcompleted/workflow_task_completed_handler.go`.

mod activities;
mod children;
mod close_workflow_execution;
pub(crate) mod context;
mod continue_as_new;
mod external_workflows;
pub(crate) mod failure;
mod nexus_operations;
mod properties;
mod protocol_message;
pub(crate) mod sequence;
mod timers;

use std::mem::take;

use crate::{
    api::{
        command::{Command, command::Attributes},
        enums::{CommandType, WorkflowTaskFailedCause},
    },
    commands::{
        context::CommandContext,
        failure::{Applied, CommandFailure},
    },
    history::EventDecoration,
};

/// Applies the commands of a task in order.
///
/// # Errors
///
/// The failure of the first bad command.
pub(crate) fn apply(context: &mut CommandContext<'_>, commands: &mut [Command]) -> Applied {
    // A command is large whatever it says: it stays where it is, and its attributes are taken out.
    for command in commands {
        let kind = sequence::type_of(command);
        context.decoration = EventDecoration {
            user_metadata: command.user_metadata.take(),
            event_group_markers: take(&mut command.event_group_markers),
            ..EventDecoration::default()
        };
        let Some(attributes) = &mut command.attributes else {
            let message = match kind {
                CommandType::ScheduleNexusOperation => {
                    "empty ScheduleNexusOperationCommandAttributes".into()
                }
                CommandType::RequestCancelNexusOperation => {
                    "empty CancelNexusOperationCommandAttributes".into()
                }
                _ => format!("{kind:?}CommandAttributes is not set on {kind:?}Command."),
            };
            return Err(CommandFailure::new(cause_of_bad(kind), message));
        };
        apply_one(context, attributes)?;
    }
    protocol_message::apply_remaining(context)
}

/// Returns the cause with which a bad command of this type fails its task.
fn cause_of_bad(kind: CommandType) -> WorkflowTaskFailedCause {
    use WorkflowTaskFailedCause as Cause;
    match kind {
        CommandType::Unspecified => Cause::Unspecified,
        CommandType::ScheduleActivityTask => Cause::BadScheduleActivityAttributes,
        CommandType::RequestCancelActivityTask => Cause::BadRequestCancelActivityAttributes,
        CommandType::StartTimer => Cause::BadStartTimerAttributes,
        CommandType::CancelTimer => Cause::BadCancelTimerAttributes,
        CommandType::CompleteWorkflowExecution => Cause::BadCompleteWorkflowExecutionAttributes,
        CommandType::FailWorkflowExecution => Cause::BadFailWorkflowExecutionAttributes,
        CommandType::CancelWorkflowExecution => Cause::BadCancelWorkflowExecutionAttributes,
        CommandType::ContinueAsNewWorkflowExecution => Cause::BadContinueAsNewAttributes,
        CommandType::RecordMarker => Cause::BadRecordMarkerAttributes,
        CommandType::UpsertWorkflowSearchAttributes => Cause::BadSearchAttributes,
        CommandType::ModifyWorkflowProperties => Cause::BadModifyWorkflowPropertiesAttributes,
        CommandType::StartChildWorkflowExecution => Cause::BadStartChildExecutionAttributes,
        CommandType::SignalExternalWorkflowExecution => Cause::BadSignalWorkflowExecutionAttributes,
        CommandType::RequestCancelExternalWorkflowExecution => {
            Cause::BadRequestCancelExternalWorkflowExecutionAttributes
        }
        CommandType::ProtocolMessage => Cause::BadUpdateWorkflowExecutionMessage,
        CommandType::ScheduleNexusOperation => Cause::BadScheduleNexusOperationAttributes,
        CommandType::RequestCancelNexusOperation => Cause::BadRequestCancelNexusOperationAttributes,
    }
}

fn apply_one(context: &mut CommandContext<'_>, attributes: &mut Attributes) -> Applied {
    match attributes {
        Attributes::ScheduleActivityTaskCommandAttributes(command) => {
            activities::schedule(context, take(command))
        }
        Attributes::RequestCancelActivityTaskCommandAttributes(command) => {
            activities::request_cancel(context, take(command))
        }
        Attributes::StartTimerCommandAttributes(command) => timers::start(context, take(command)),
        Attributes::CancelTimerCommandAttributes(command) => timers::cancel(context, take(command)),
        Attributes::CompleteWorkflowExecutionCommandAttributes(command) => {
            close_workflow_execution::complete(context, take(command))
        }
        Attributes::FailWorkflowExecutionCommandAttributes(command) => {
            close_workflow_execution::fail(context, take(command))
        }
        Attributes::CancelWorkflowExecutionCommandAttributes(command) => {
            close_workflow_execution::cancel(context, take(command))
        }
        Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(command) => {
            continue_as_new::continue_as_new(context, take(command))
        }
        Attributes::RecordMarkerCommandAttributes(command) => {
            properties::record_marker(context, take(command))
        }
        Attributes::UpsertWorkflowSearchAttributesCommandAttributes(command) => {
            properties::upsert_search_attributes(context, take(command))
        }
        Attributes::ModifyWorkflowPropertiesCommandAttributes(command) => {
            properties::modify_properties(context, take(command))
        }
        Attributes::StartChildWorkflowExecutionCommandAttributes(command) => {
            children::start(context, take(command))
        }
        Attributes::SignalExternalWorkflowExecutionCommandAttributes(command) => {
            external_workflows::signal(context, take(command))
        }
        Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(command) => {
            external_workflows::request_cancel(context, take(command))
        }
        Attributes::ProtocolMessageCommandAttributes(command) => {
            protocol_message::apply(context, command)
        }
        Attributes::ScheduleNexusOperationCommandAttributes(command) => {
            nexus_operations::schedule(context, take(command))
        }
        Attributes::RequestCancelNexusOperationCommandAttributes(command) => {
            nexus_operations::request_cancel(context, take(command))
        }
    }
}
