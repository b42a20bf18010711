//! Signals to other workflows: initiated, then delivered or refused.

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::{
    coresdk::{
        IntoPayloadsExt,
        common::NamespacedWorkflowExecution,
        workflow_activation::ResolveSignalExternalWorkflow,
        workflow_commands::{
            SignalExternalWorkflowExecution, signal_external_workflow_execution::Target,
        },
    },
    temporal::api::{
        command::v1::{SignalExternalWorkflowExecutionCommandAttributes, command},
        common::v1::WorkflowExecution,
        enums::v1::{EventType, SignalExternalWorkflowExecutionFailedCause as FailedCause},
        failure::v1::{CanceledFailureInfo, Failure, failure::FailureInfo},
    },
};

use super::{Responses, Result, fatal, invalid_event, nondeterminism, undelivered, unset};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    SignalExternalCommandCreated,
    SignalExternalCommandRecorded,
    Signaled,
    Failed,
    Cancelled,
}

/// A signal that workflow code sends to another workflow.
#[derive(Debug)]
pub(crate) struct SignalExternal {
    state: State,
    seq: u32,
}

impl SignalExternal {
    /// Returns the machine, and the command that sends the signal.
    pub(crate) fn send(
        attributes: SignalExternalWorkflowExecution,
        namespace: &str,
    ) -> Result<(Self, command::Attributes)> {
        let (target, child_workflow_only) = match attributes.target {
            None => {
                return Err(fatal!(
                    "Signal external workflow command had empty target field"
                ));
            }
            Some(Target::ChildWorkflowId(workflow_id)) => {
                let namespace = namespace.to_owned();
                (
                    NamespacedWorkflowExecution {
                        namespace,
                        workflow_id,
                        run_id: String::new(),
                    },
                    true,
                )
            }
            Some(Target::WorkflowExecution(execution)) => (execution, false),
        };
        let machine = Self {
            state: State::SignalExternalCommandCreated,
            seq: attributes.seq,
        };
        #[expect(
            deprecated,
            reason = "a field of the message is, and the rest is given"
        )]
        let attributes = SignalExternalWorkflowExecutionCommandAttributes {
            namespace: target.namespace,
            execution: Some(WorkflowExecution {
                workflow_id: target.workflow_id,
                run_id: target.run_id,
            }),
            header: (!attributes.headers.is_empty()).then(|| attributes.headers.into()),
            signal_name: attributes.signal_name,
            input: attributes.args.into_payloads(),
            child_workflow_only,
            control: String::new(),
        };
        Ok((
            machine,
            command::Attributes::SignalExternalWorkflowExecutionCommandAttributes(attributes),
        ))
    }

    /// Handles the cancellation of the signal by workflow code, which has an effect only before the
    /// signal is sent.
    pub(crate) fn cancel(&mut self) -> Result<Responses> {
        match self.state {
            State::SignalExternalCommandCreated => {
                self.state = State::Cancelled;
                let failure = Failure {
                    message: "Signal was cancelled before being sent".to_owned(),
                    failure_info: Some(FailureInfo::CanceledFailureInfo(
                        CanceledFailureInfo::default(),
                    )),
                    ..Default::default()
                };
                Ok(self.resolve(Some(failure), FailedCause::Unspecified))
            }
            State::SignalExternalCommandRecorded | State::Cancelled | State::Signaled => {
                Ok(Vec::new())
            }
            State::Failed => Err(nondeterminism!("Invalid transition in state machine")),
        }
    }

    pub(crate) fn on_event(&mut self, event: &HistoryEvent) -> Result<Responses> {
        match (event.event_type(), self.state) {
            (
                EventType::SignalExternalWorkflowExecutionInitiated,
                State::SignalExternalCommandCreated,
            ) => {
                self.state = State::SignalExternalCommandRecorded;
                Ok(Vec::new())
            }
            (
                EventType::ExternalWorkflowExecutionSignaled,
                State::SignalExternalCommandRecorded,
            ) => {
                self.state = State::Signaled;
                Ok(self.resolve(None, FailedCause::Unspecified))
            }
            (
                EventType::SignalExternalWorkflowExecutionFailed,
                State::SignalExternalCommandRecorded,
            ) => self.on_failed(event),
            (
                EventType::SignalExternalWorkflowExecutionInitiated
                | EventType::ExternalWorkflowExecutionSignaled
                | EventType::SignalExternalWorkflowExecutionFailed,
                _,
            ) => Err(invalid_event("SignalExternalMachine", &self.state, event)),
            _ => Err(nondeterminism!(
                "Signal external WF machine does not handle this event: {event}"
            )),
        }
    }

    fn on_failed(&mut self, event: &HistoryEvent) -> Result<Responses> {
        let Some(Attributes::SignalExternalWorkflowExecutionFailedEventAttributes(failed)) =
            &event.attributes
        else {
            return Err(unset("Signal workflow failed", event));
        };
        self.state = State::Failed;
        let cause = failed.cause();
        let reason = match cause {
            FailedCause::Unspecified => "unknown",
            FailedCause::ExternalWorkflowExecutionNotFound | FailedCause::NamespaceNotFound => {
                "it was not found"
            }
            FailedCause::SignalCountLimitExceeded => "The per-workflow signal limit was exceeded",
        };
        Ok(self.resolve(Some(undelivered("signal", reason, cause)), cause))
    }

    fn resolve(&self, failure: Option<Failure>, cause: FailedCause) -> Responses {
        vec![
            ResolveSignalExternalWorkflow {
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
            State::Signaled | State::Failed | State::Cancelled
        )
    }

    pub(crate) fn cancelled_before_sent(&self) -> bool {
        self.state == State::Cancelled
    }
}
