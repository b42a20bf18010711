//! Failures of commands.

use std::fmt;

use tonic::Status;

use crate::{
    api::{
        enums::WorkflowTaskFailedCause,
        failure::{Failure, ServerFailureInfo, failure::FailureInfo},
    },
    base::{reason::Reason, status},
};

/// A command that cannot be applied.
#[derive(Debug)]
pub(crate) struct CommandFailure {
    pub(crate) cause: WorkflowTaskFailedCause,
    pub(crate) message: String,
    pub(crate) consequence: Consequence,
    /// The reason that programs recognise, if the failure has one.
    pub(crate) reason: Option<Reason>,
}

/// The consequence of a command that cannot be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consequence {
    /// The workflow task fails.
    FailsTask,
    /// The workflow task fails, and the run is terminated: it cannot go on with what its worker
    /// sent.
    TerminatesRun,
    /// The worker's completion is refused, and its task is left to time out.
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

    /// Returns the failure of a command that does not fit the state of the run: the server's name
    /// of the action, and what it is about.
    pub(crate) fn of_state(cause: WorkflowTaskFailedCause, action: &str, about: &str) -> Self {
        let message = format!("invalid history builder state for action: {action}, {about}");
        Self::new(cause, message)
    }

    /// Returns the failure of a command that is too large to be ever accepted.
    pub(crate) fn terminating(cause: WorkflowTaskFailedCause, message: impl Into<String>) -> Self {
        Self {
            consequence: Consequence::TerminatesRun,
            ..Self::new(cause, message)
        }
    }

    /// Returns the failure of a command that is malformed.
    pub(crate) fn refusing(message: impl Into<String>) -> Self {
        let cause = WorkflowTaskFailedCause::Unspecified;
        Self {
            consequence: Consequence::RefusesCompletion,
            ..Self::new(cause, message)
        }
    }

    /// Returns the failure of a command that reaches a namespace which does not exist.
    pub(crate) fn unknown_namespace(namespace: &str) -> Self {
        Self::refusing(namespace).with_reason(Reason::UnknownNamespace)
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
        if self.reason == Some(Reason::UnknownNamespace) {
            return Reason::UnknownNamespace.on(status::namespace_not_found(&self.message));
        }
        let status = Status::invalid_argument(self.to_string());
        match self.reason {
            Some(reason) => reason.on(status),
            None => status,
        }
    }

    /// Returns the failure for the WorkflowTaskFailed event, with the words that the worker gets.
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

/// Converts a name such as `UNHANDLED_COMMAND` to the form that the server prints:
/// `UnhandledCommand`.
fn camel_case(name: &str) -> String {
    name.split('_')
        .flat_map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            [first.to_owned(), rest.to_ascii_lowercase()]
        })
        .collect()
}

pub(crate) type Applied = Result<(), CommandFailure>;
