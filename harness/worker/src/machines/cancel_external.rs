//! Requests to cancel other workflows: initiated, then delivered or refused.

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::{
    coresdk::{
        common::NamespacedWorkflowExecution,
        workflow_activation::ResolveRequestCancelExternalWorkflow,
    },
    temporal::api::{
        command::v1::{RequestCancelExternalWorkflowExecutionCommandAttributes, command},
        enums::v1::{CancelExternalWorkflowExecutionFailedCause as FailedCause, EventType},
        failure::v1::Failure,
    },
};

use super::{Responses, Result, invalid_event, nondeterminism, undelivered, unset};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    RequestCancelExternalCommandCreated,
    RequestCancelExternalCommandRecorded,
    CancelRequested,
    RequestCancelFailed,
}

/// A request of workflow code to cancel another workflow.
#[derive(Debug)]
pub(crate) struct CancelExternal {
    state: State,
    seq: u32,
}

impl CancelExternal {
    /// Returns the machine, and the command that requests the cancellation.
    pub(crate) fn request(
        seq: u32,
        target: NamespacedWorkflowExecution,
        reason: String,
    ) -> (Self, command::Attributes) {
        #[expect(
            deprecated,
            reason = "a field of the message is, and the rest is given"
        )]
        let attributes = RequestCancelExternalWorkflowExecutionCommandAttributes {
            namespace: target.namespace,
            workflow_id: target.workflow_id,
            run_id: target.run_id,
            child_workflow_only: false,
            reason,
            control: String::new(),
        };
        (
            Self::new(seq),
            command::Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(
                attributes,
            ),
        )
    }

    /// Returns the machine alone, for a command that was made elsewhere.
    pub(crate) fn new(seq: u32) -> Self {
        Self {
            state: State::RequestCancelExternalCommandCreated,
            seq,
        }
    }

    pub(crate) fn on_event(&mut self, event: &HistoryEvent) -> Result<Responses> {
        match (event.event_type(), self.state) {
            (
                EventType::RequestCancelExternalWorkflowExecutionInitiated,
                State::RequestCancelExternalCommandCreated,
            ) => {
                self.state = State::RequestCancelExternalCommandRecorded;
                Ok(Vec::new())
            }
            (
                EventType::ExternalWorkflowExecutionCancelRequested,
                State::RequestCancelExternalCommandRecorded,
            ) => {
                self.state = State::CancelRequested;
                Ok(self.resolve(None, FailedCause::Unspecified))
            }
            (
                EventType::RequestCancelExternalWorkflowExecutionFailed,
                State::RequestCancelExternalCommandRecorded,
            ) => self.on_failed(event),
            (
                EventType::RequestCancelExternalWorkflowExecutionInitiated
                | EventType::ExternalWorkflowExecutionCancelRequested
                | EventType::RequestCancelExternalWorkflowExecutionFailed,
                _,
            ) => Err(invalid_event("CancelExternalMachine", &self.state, event)),
            _ => Err(nondeterminism!(
                "Cancel external WF machine does not handle this event: {event}"
            )),
        }
    }

    fn on_failed(&mut self, event: &HistoryEvent) -> Result<Responses> {
        let Some(Attributes::RequestCancelExternalWorkflowExecutionFailedEventAttributes(failed)) =
            &event.attributes
        else {
            return Err(unset("Cancelworkflow failed", event));
        };
        self.state = State::RequestCancelFailed;
        let cause = failed.cause();
        let reason = match cause {
            FailedCause::Unspecified => "unknown",
            FailedCause::ExternalWorkflowExecutionNotFound | FailedCause::NamespaceNotFound => {
                "not found"
            }
        };
        Ok(self.resolve(Some(undelivered("cancel", reason, cause)), cause))
    }

    fn resolve(&self, failure: Option<Failure>, cause: FailedCause) -> Responses {
        vec![
            ResolveRequestCancelExternalWorkflow {
                seq: self.seq,
                failure,
                cause: cause as i32,
            }
            .into(),
        ]
    }

    pub(crate) fn is_final(&self) -> bool {
        matches!(
            self.state,
            State::CancelRequested | State::RequestCancelFailed
        )
    }
}
