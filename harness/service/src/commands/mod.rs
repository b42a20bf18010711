//! One file for each command, or for a few that are the same thing.
//!
//! A handler changes the run through its [`CommandContext`], or says why the command is bad: then
//! the whole task fails and none of its commands count. Adding a command is a file here and a line
//! in [`apply_one`]. Source: `temporalio/temporal:
//! service/history/api/respondworkflowtaskcompleted/workflow_task_completed_handler.go`.

mod activities;
mod children;
mod close_workflow_execution;
mod continue_as_new;
mod external_workflows;
mod nexus_operations;
mod properties;
mod protocol_message;
mod sequence;
mod timers;

pub(crate) use sequence::check as check_sequence;
use std::fmt;

use prost::Message;
use tonic::Status;

use crate::{
    api::{
        command::{Command, command::Attributes},
        common::Memo,
        enums::{CommandType, WorkflowTaskFailedCause},
        failure::{Failure, ServerFailureInfo, failure::FailureInfo},
        protocol,
        sdk::UserMetadata,
    },
    config::{Limits, ServiceConfig},
    identifiers::derived_uuid,
    nexus::NexusEndpoints,
    reason::Reason,
    run::{Run, start::NewRun},
};

/// What a command handler works with.
pub(crate) struct CommandContext<'a> {
    pub(crate) run: &'a mut Run,
    pub(crate) now_ms: u64,
    pub(crate) config: &'a ServiceConfig,
    pub(crate) limits: &'a Limits,
    pub(crate) nexus_endpoints: &'a NexusEndpoints,
    /// The id of the WorkflowTaskCompleted event that the commands belong to.
    pub(crate) completed_event_id: i64,
    pub(crate) identity: &'a str,
    /// Events came while the task was started: the run must not close without having seen them.
    pub(crate) has_buffered_events: bool,
    /// Something happened that the workflow must see in another task.
    pub(crate) needs_workflow_task: bool,
    /// Which run of its workflow id a closing command may start.
    pub(crate) next_run_ordinal: u64,
    /// The run that a closing command starts.
    pub(crate) next_run: Option<Box<NewRun>>,
    /// What the worker says of updates and has not yet been applied.
    pub(crate) messages: Vec<protocol::Message>,
    /// What the user attached to the command that is being applied.
    pub(crate) user_metadata: Option<UserMetadata>,
}

/// Why a command fails its workflow task.
#[derive(Debug)]
pub(crate) struct CommandFailure {
    pub(crate) cause: WorkflowTaskFailedCause,
    pub(crate) message: String,
    pub(crate) consequence: Consequence,
    /// The reason that programs recognise, if the failure has one.
    pub(crate) reason: Option<Reason>,
}

/// What comes of a command that cannot be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// The workflow task fails.
    FailsTask,
    /// The run cannot go on with what its worker sent: it is terminated, and the task fails.
    TerminatesRun,
    /// The worker is refused, and its task left to time out.
    RefusesCompletion,
}

impl CommandFailure {
    pub(crate) fn new(cause: WorkflowTaskFailedCause, message: impl Into<String>) -> Self {
        Self {
            cause,
            message: message.into(),
            consequence: Consequence::FailsTask,
            reason: None,
        }
    }

    /// What is too large to ever be accepted ends the run.
    pub(crate) fn terminating(cause: WorkflowTaskFailedCause, message: impl Into<String>) -> Self {
        Self {
            consequence: Consequence::TerminatesRun,
            ..Self::new(cause, message)
        }
    }

    /// What makes no sense at all.
    pub(crate) fn refusing(message: impl Into<String>) -> Self {
        let cause = WorkflowTaskFailedCause::Unspecified;
        Self {
            consequence: Consequence::RefusesCompletion,
            ..Self::new(cause, message)
        }
    }

    /// Returns the failure with a reason that programs recognise.
    pub(crate) fn with_reason(self, reason: Reason) -> Self {
        Self {
            reason: Some(reason),
            ..self
        }
    }

    pub(crate) fn is_unhandled_command(&self) -> bool {
        self.cause == WorkflowTaskFailedCause::UnhandledCommand
    }

    /// Returns the status that refuses the worker's completion.
    pub(crate) fn to_status(&self) -> Status {
        let status = Status::invalid_argument(self.to_string());
        match self.reason {
            Some(reason) => reason.on(status),
            None => status,
        }
    }

    /// As it appears in WorkflowTaskFailed: in the words that the worker is refused with.
    pub(crate) fn to_failure(&self) -> Failure {
        Failure {
            message: self.to_string(),
            failure_info: Some(FailureInfo::ServerFailureInfo(ServerFailureInfo {
                non_retryable: false,
            })),
            ..Failure::default()
        }
    }
}

impl fmt::Display for CommandFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cause = self
            .cause
            .as_str_name()
            .trim_start_matches("WORKFLOW_TASK_FAILED_CAUSE_");
        write!(formatter, "{}", camel_case(cause))?;
        if self.message.is_empty() {
            Ok(())
        } else {
            write!(formatter, ": {}", self.message)
        }
    }
}

/// `UNHANDLED_COMMAND` as the server prints it: `UnhandledCommand`.
fn camel_case(name: &str) -> String {
    name.split('_')
        .flat_map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            [first.to_owned(), rest.to_ascii_lowercase()]
        })
        .collect()
}

pub(crate) type Applied = Result<(), CommandFailure>;

/// Applies the commands of a task in order.
pub(crate) fn apply(context: &mut CommandContext<'_>, commands: Vec<Command>) -> Applied {
    for command in commands {
        let kind = sequence::type_of(&command);
        context.user_metadata = command.user_metadata;
        let Some(attributes) = command.attributes else {
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

/// Why a task fails of which a command of this type is bad.
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

fn apply_one(context: &mut CommandContext<'_>, attributes: Attributes) -> Applied {
    match attributes {
        Attributes::ScheduleActivityTaskCommandAttributes(command) => {
            activities::schedule(context, command)
        }
        Attributes::RequestCancelActivityTaskCommandAttributes(command) => {
            activities::request_cancel(context, command)
        }
        Attributes::StartTimerCommandAttributes(command) => timers::start(context, command),
        Attributes::CancelTimerCommandAttributes(command) => timers::cancel(context, command),
        Attributes::CompleteWorkflowExecutionCommandAttributes(command) => {
            close_workflow_execution::complete(context, command)
        }
        Attributes::FailWorkflowExecutionCommandAttributes(command) => {
            close_workflow_execution::fail(context, command)
        }
        Attributes::CancelWorkflowExecutionCommandAttributes(command) => {
            close_workflow_execution::cancel(context, command)
        }
        Attributes::ContinueAsNewWorkflowExecutionCommandAttributes(command) => {
            continue_as_new::continue_as_new(context, command)
        }
        Attributes::RecordMarkerCommandAttributes(command) => {
            properties::record_marker(context, command)
        }
        Attributes::UpsertWorkflowSearchAttributesCommandAttributes(command) => {
            properties::upsert_search_attributes(context, command)
        }
        Attributes::ModifyWorkflowPropertiesCommandAttributes(command) => {
            properties::modify_properties(context, command)
        }
        Attributes::StartChildWorkflowExecutionCommandAttributes(command) => {
            children::start(context, command)
        }
        Attributes::SignalExternalWorkflowExecutionCommandAttributes(command) => {
            external_workflows::signal(context, command)
        }
        Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(command) => {
            external_workflows::request_cancel(context, command)
        }
        Attributes::ProtocolMessageCommandAttributes(command) => {
            protocol_message::apply(context, &command)
        }
        Attributes::ScheduleNexusOperationCommandAttributes(command) => {
            nexus_operations::schedule(context, command)
        }
        Attributes::RequestCancelNexusOperationCommandAttributes(command) => {
            nexus_operations::request_cancel(context, command)
        }
    }
}

impl CommandContext<'_> {
    /// The id of the run that a closing command may start.
    pub(crate) fn next_run_id(&self) -> String {
        derived_uuid(
            self.config.id_seed,
            &self.run.workflow_id,
            self.next_run_ordinal,
        )
    }

    /// Checks the namespace of a command that reaches another run. There is one.
    ///
    /// # Errors
    ///
    /// NOT_FOUND for another. The server answers the worker with it and leaves the task to time
    /// out; here it fails the task, which says more.
    fn check_namespace(&self, namespace: &str) -> Result<(), Status> {
        if !namespace.is_empty() && namespace != self.config.namespace {
            return Err(Status::not_found(format!(
                "Namespace {namespace} is not found."
            )));
        }
        Ok(())
    }

    /// A run must not close while it has not seen all events.
    ///
    /// # Errors
    ///
    /// UNHANDLED_COMMAND if events are buffered.
    pub(crate) fn may_close(&self) -> Applied {
        if self.has_buffered_events {
            let failure = CommandFailure::new(WorkflowTaskFailedCause::UnhandledCommand, "");
            return Err(failure.with_reason(Reason::UnhandledCommand));
        }
        Ok(())
    }

    /// Keeps a payload within its limit.
    ///
    /// # Errors
    ///
    /// The cause given, and the end of the run, for what is larger.
    pub(crate) fn keep_payload_within(
        &self,
        payload: Option<&impl Message>,
        cause: WorkflowTaskFailedCause,
        field: &str,
    ) -> Applied {
        let bytes = payload.map_or(0, Message::encoded_len);
        self.keep_size_within(bytes, cause, &format!("{field} exceeds size limit."))
    }

    /// Keeps something of this size within the limit of payloads.
    ///
    /// # Errors
    ///
    /// The cause given, and the end of the run, for what is larger.
    fn keep_size_within(
        &self,
        bytes: usize,
        cause: WorkflowTaskFailedCause,
        message: &str,
    ) -> Applied {
        if bytes > self.limits.payload_bytes {
            return Err(CommandFailure::terminating(cause, message));
        }
        Ok(())
    }

    /// Keeps a memo within its limit.
    ///
    /// # Errors
    ///
    /// The cause given, and the end of the run, for what is larger.
    fn keep_memo_within(
        &self,
        memo: Option<&Memo>,
        cause: WorkflowTaskFailedCause,
        message: &str,
    ) -> Applied {
        if memo.is_some_and(|memo| memo.encoded_len() > self.limits.memo_bytes) {
            return Err(CommandFailure::terminating(cause, message));
        }
        Ok(())
    }
}
