//! The failures of workflow tasks, with what a report needs to explain them.

use serde::{Deserialize, Serialize};
use temporalio_protos::temporal::api::failure::v1::Failure;

use crate::sdk_words;

/// The reason for which a workflow task failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskFailureReason {
    /// The commands of workflow code did not match history.
    Nondeterminism(Box<Nondeterminism>),
    /// Workflow code panicked.
    Panic(Box<WorkflowPanic>),
    /// The input of the workflow is not of the type that workflow code takes.
    WorkflowInput,
    /// Another payload is not of the type that workflow code takes: the input of a signal, say.
    Payload,
    /// Any other reason, which the message of the failure explains.
    Other,
}

/// A difference between commands and history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nondeterminism {
    /// The event that did not match, if there is one.
    pub event_id: Option<i64>,
    /// A description of the event: what history holds.
    pub expected: String,
    /// A description of the command: what workflow code issued.
    pub got: String,
    /// The message of the failure, in Core's words, with `[TMPRL1100]`.
    pub message: String,
    /// The backtrace of the code that issued the command, if backtraces are on.
    pub issued_at: Option<String>,
    /// True if nothing in history made the code go on: something besides the SDK woke it.
    pub woken_from_outside: bool,
    /// The backtrace of the code that awaits what has woken it, if backtraces are on.
    pub awaited_at: Option<String>,
}

/// A panic in workflow code, caught.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkflowPanic {
    /// The message of the panic.
    pub message: String,
    /// The place of the panic, `file:line:column`.
    pub location: Option<String>,
    /// The backtrace of the panic, if backtraces are on.
    pub backtrace: Option<String>,
}

impl Nondeterminism {
    /// Returns `true` if a workflow that failed with `failure` failed because of nondeterminism.
    ///
    /// Nondeterminism fails the workflow, and not only its workflow task, if the options of its
    /// worker say so: see
    /// [`WorkflowErrorType::Nondeterminism`](crate::WorkflowErrorType::Nondeterminism).
    pub fn caused(failure: &Failure) -> bool {
        sdk_words::is_nondeterminism(&failure.message)
    }
}

impl TaskFailureReason {
    /// Returns the nondeterminism, if that is the reason.
    pub fn nondeterminism(self) -> Option<Nondeterminism> {
        match self {
            Self::Nondeterminism(nondeterminism) => Some(*nondeterminism),
            _ => None,
        }
    }
}
