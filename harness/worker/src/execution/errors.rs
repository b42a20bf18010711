//! Differences between history and commands, as errors with Core's messages.

use std::rc::Rc;

use durasim_events::HistoryEvent;
use temporalio_protos::temporal::api::enums::v1::WorkflowTaskFailedCause;

use super::compare::Difference;
use crate::{Nondeterminism, machines::MachineError, sdk_words};

/// The reason for which history and commands do not match.
#[derive(Debug, Clone)]
pub(crate) enum ExecutionError {
    /// They do not match by Core's rules.
    Machine {
        error: MachineError,
        place: Option<Box<Place>>,
    },
    /// They do not match by the strict comparison of whole commands.
    Differs {
        difference: Difference,
        issued_at: Option<Rc<str>>,
    },
}

/// The event and the command at which an error occurred.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) event_id: i64,
    pub(crate) event: String,
    pub(crate) command: Option<String>,
    pub(crate) issued_at: Option<Rc<str>>,
}

impl From<MachineError> for ExecutionError {
    fn from(error: MachineError) -> Self {
        Self::Machine { error, place: None }
    }
}

impl ExecutionError {
    /// Adds the event to an error whose place is not known yet.
    pub(super) fn at(self, event: &HistoryEvent) -> Self {
        match self {
            Self::Machine { error, place: None } => Self::Machine {
                error,
                place: Some(Box::new(Place {
                    event_id: event.event_id,
                    event: event.to_string(),
                    command: None,
                    issued_at: None,
                })),
            },
            other => other,
        }
    }
}

impl ExecutionError {
    /// Returns Core's message for the error, the cause with which the workflow task fails, and the
    /// details for a report of nondeterminism.
    pub(crate) fn report(&self) -> (String, WorkflowTaskFailedCause, Option<Nondeterminism>) {
        let nondeterministic = WorkflowTaskFailedCause::NonDeterministicError;
        match self {
            Self::Machine {
                error: MachineError::Fatal(words),
                ..
            } => (
                format!("Fatal error in workflow machines: {words}"),
                WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure,
                None,
            ),
            Self::Machine {
                error: MachineError::Nondeterminism(words),
                place,
            } => {
                let message = sdk_words::nondeterminism(words);
                let report = Nondeterminism {
                    event_id: place.as_ref().map(|place| place.event_id),
                    expected: place
                        .as_ref()
                        .map(|place| place.event.clone())
                        .unwrap_or_default(),
                    got: place
                        .as_ref()
                        .and_then(|place| place.command.clone())
                        .unwrap_or_else(|| "no command".to_owned()),
                    message: message.clone(),
                    issued_at: place
                        .as_ref()
                        .and_then(|place| place.issued_at.as_deref())
                        .map(str::to_owned),
                    woken_from_outside: false,
                    awaited_at: None,
                };
                (message, nondeterministic, Some(report))
            }
            Self::Differs {
                difference,
                issued_at,
            } => {
                let message = format!(
                    "command {} differs from {}: {}",
                    difference.command, difference.event, difference.what
                );
                let report = Nondeterminism {
                    event_id: Some(difference.event_id),
                    expected: difference.event.clone(),
                    got: difference.command.clone(),
                    message: message.clone(),
                    issued_at: issued_at.as_deref().map(str::to_owned),
                    woken_from_outside: false,
                    awaited_at: None,
                };
                (message, nondeterministic, Some(report))
            }
        }
    }
}
