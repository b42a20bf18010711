//! The commands that close a run: complete, fail, cancel, continue as new.

use durasim_events::HistoryEvent;
use temporalio_protos::temporal::api::enums::v1::EventType;

use super::{Responses, Result, invalid_event, nondeterminism};

/// A command that closes the run, and the event that it becomes.
#[derive(Debug)]
pub(crate) struct Closing {
    kind: ClosingKind,
    recorded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClosingKind {
    Complete,
    Fail,
    Cancel,
    ContinueAsNew,
}

impl Closing {
    pub(crate) fn complete() -> Self {
        Self {
            kind: ClosingKind::Complete,
            recorded: false,
        }
    }

    pub(crate) fn fail() -> Self {
        Self {
            kind: ClosingKind::Fail,
            recorded: false,
        }
    }

    pub(crate) fn cancel() -> Self {
        Self {
            kind: ClosingKind::Cancel,
            recorded: false,
        }
    }

    pub(crate) fn continue_as_new() -> Self {
        Self {
            kind: ClosingKind::ContinueAsNew,
            recorded: false,
        }
    }

    pub(crate) fn on_event(&mut self, event: &HistoryEvent) -> Result<Responses> {
        let (name, words, expected) = match self.kind {
            ClosingKind::Complete => (
                "CompleteWorkflowMachine",
                "Complete workflow",
                EventType::WorkflowExecutionCompleted,
            ),
            ClosingKind::Fail => (
                "FailWorkflowMachine",
                "Fail workflow",
                EventType::WorkflowExecutionFailed,
            ),
            ClosingKind::Cancel => (
                "CancelWorkflowMachine",
                "Cancel workflow",
                EventType::WorkflowExecutionCanceled,
            ),
            ClosingKind::ContinueAsNew => (
                "ContinueAsNewWorkflowMachine",
                "Continue as new workflow",
                EventType::WorkflowExecutionContinuedAsNew,
            ),
        };
        if event.event_type() != expected {
            return Err(nondeterminism!(
                "{words} machine does not handle this event: {event}"
            ));
        }
        if self.recorded {
            return Err(invalid_event(name, &self.kind, event));
        }
        self.recorded = true;
        Ok(Vec::new())
    }

    pub(crate) fn is_final(&self) -> bool {
        self.recorded
    }
}
