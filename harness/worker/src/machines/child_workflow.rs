//! Child workflows: initiated, started or not, then closed; cancelled in one of four ways.

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::{
    coresdk::{
        child_workflow::{
            self, ChildWorkflowCancellationType, ChildWorkflowResult,
            child_workflow_result::Status as ResultStatus,
        },
        workflow_activation::{
            ResolveChildWorkflowExecution, ResolveChildWorkflowExecutionStart,
            ResolveChildWorkflowExecutionStartCancelled, ResolveChildWorkflowExecutionStartFailure,
            ResolveChildWorkflowExecutionStartSuccess,
            resolve_child_workflow_execution_start::Status as StartStatus,
        },
        workflow_commands::StartChildWorkflowExecution,
    },
    temporal::api::{
        command::v1::{
            RequestCancelExternalWorkflowExecutionCommandAttributes, command,
            start_child_workflow_cmd_to_api,
        },
        common::v1::{WorkflowExecution, WorkflowType},
        enums::v1::{EventType, RetryState, StartChildWorkflowExecutionFailedCause, TimeoutType},
        failure::v1::{
            CanceledFailureInfo, ChildWorkflowExecutionFailureInfo, Failure, TerminatedFailureInfo,
            TimeoutFailureInfo, failure::FailureInfo,
        },
    },
};

use super::{
    Annotations, EventContext, MachineError, Response, Responses, Result, fatal, invalid_event,
    nondeterminism, single_payload,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    StartCommandCreated,
    StartEventRecorded,
    Started,
    StartFailed,
    Completed,
    Failed,
    TimedOut,
    Terminated,
    Cancelled { seen_cancelled_event: bool },
}

/// A child workflow that workflow code started.
#[derive(Debug)]
pub(crate) struct ChildWorkflow {
    state: State,
    seq: u32,
    namespace: String,
    workflow_id: String,
    workflow_type: String,
    run_id: String,
    cancellation_type: ChildWorkflowCancellationType,
    initiated_event_id: i64,
    started_event_id: i64,
    cancelled_before_sent: bool,
    /// True if Core resolves the child and never its start, which workflow code may await.
    start_unanswered: bool,
    annotations: Annotations,
}

impl ChildWorkflow {
    /// Returns the machine, and the command that starts the child.
    pub(crate) fn start(
        attributes: StartChildWorkflowExecution,
        use_compatible_version: bool,
        annotations: Annotations,
    ) -> (Self, command::Attributes) {
        let machine = Self {
            state: State::StartCommandCreated,
            seq: attributes.seq,
            namespace: attributes.namespace.clone(),
            workflow_id: attributes.workflow_id.clone(),
            workflow_type: attributes.workflow_type.clone(),
            run_id: String::new(),
            cancellation_type: attributes.cancellation_type(),
            initiated_event_id: 0,
            started_event_id: 0,
            cancelled_before_sent: false,
            start_unanswered: false,
            annotations,
        };
        (
            machine,
            start_child_workflow_cmd_to_api(attributes, use_compatible_version),
        )
    }

    /// Handles the cancellation of the child by workflow code.
    pub(crate) fn cancel(&mut self, reason: String, annotations: Annotations) -> Result<Responses> {
        self.annotations.override_with(annotations);
        match self.state {
            State::StartCommandCreated => Ok(vec![self.cancel_before_sent(&reason)]),
            State::StartEventRecorded | State::Started => Ok(self.cancel_started(reason)),
            State::Cancelled { .. }
            | State::Failed
            | State::StartFailed
            | State::TimedOut
            | State::Completed => Ok(Vec::new()),
            State::Terminated => Err(nondeterminism!("Invalid transition in state machine")),
        }
    }

    fn cancel_before_sent(&mut self, reason: &str) -> Response {
        self.cancelled_before_sent = true;
        self.state = State::Cancelled {
            seen_cancelled_event: false,
        };
        let failure = Failure {
            message: format!("Child Workflow Execution cancelled before scheduled: {reason}"),
            cause: Some(Box::new(cancelled_cause())),
            failure_info: Some(self.failure_info(RetryState::NonRetryableFailure)),
            ..Default::default()
        };
        self.resolve_start(StartStatus::Cancelled(
            ResolveChildWorkflowExecutionStartCancelled {
                failure: Some(failure),
            },
        ))
    }

    fn cancel_started(&mut self, reason: String) -> Responses {
        let mut responses = Vec::new();
        if self.cancellation_type != ChildWorkflowCancellationType::Abandon {
            #[expect(
                deprecated,
                reason = "a field of the message is, and the rest is the default"
            )]
            let attributes = RequestCancelExternalWorkflowExecutionCommandAttributes {
                namespace: self.namespace.clone(),
                workflow_id: self.workflow_id.clone(),
                run_id: self.run_id.clone(),
                child_workflow_only: true,
                reason,
                control: String::new(),
            };
            let attributes =
                command::Attributes::RequestCancelExternalWorkflowExecutionCommandAttributes(
                    attributes,
                );
            responses.push(Response::CoreCommand(
                Box::new(attributes),
                self.annotations.clone(),
            ));
        }
        if self.resolves_on_cancel() {
            self.start_unanswered |= self.state == State::StartEventRecorded;
            self.state = State::Cancelled {
                seen_cancelled_event: false,
            };
            responses.push(self.resolve_cancelled());
        }
        responses
    }

    /// Returns the workflow id of the child, if it was cancelled after its start was recorded and
    /// before it started: Core then answers for the child, and never for its start.
    pub(crate) fn unanswered_start(&self) -> Option<&str> {
        self.start_unanswered.then_some(self.workflow_id.as_str())
    }

    /// Returns `true` if workflow code has its answer as soon as it cancels.
    fn resolves_on_cancel(&self) -> bool {
        matches!(
            self.cancellation_type,
            ChildWorkflowCancellationType::Abandon | ChildWorkflowCancellationType::TryCancel
        )
    }

    pub(crate) fn on_event(
        &mut self,
        event: &HistoryEvent,
        context: EventContext,
    ) -> Result<Responses> {
        match (event.event_type(), &event.attributes) {
            (
                EventType::StartChildWorkflowExecutionInitiated,
                Some(Attributes::StartChildWorkflowExecutionInitiatedEventAttributes(initiated)),
            ) => {
                let recorded_type = initiated.workflow_type.as_ref().map_or("", |t| &t.name);
                self.on_initiated(event, &initiated.workflow_id, recorded_type, context)
            }
            (EventType::StartChildWorkflowExecutionInitiated, _) => Err(fatal!(
                "StartChildWorkflowExecutionInitiated attributes were unset"
            )),
            (
                EventType::ChildWorkflowExecutionStarted,
                Some(Attributes::ChildWorkflowExecutionStartedEventAttributes(started)),
            ) if started.workflow_execution.is_some() => {
                self.on_started(event, started.workflow_execution.as_ref())
            }
            (EventType::ChildWorkflowExecutionStarted, _) => Err(fatal!(
                "ChildWorkflowExecutionStarted attributes were unset or malformed"
            )),
            (
                EventType::StartChildWorkflowExecutionFailed,
                Some(Attributes::StartChildWorkflowExecutionFailedEventAttributes(failed)),
            ) => self.on_start_failed(event, failed.cause()),
            (EventType::StartChildWorkflowExecutionFailed, _) => Err(fatal!(
                "StartChildWorkflowExecutionFailed attributes were unset"
            )),
            (
                EventType::ChildWorkflowExecutionCompleted
                | EventType::ChildWorkflowExecutionFailed
                | EventType::ChildWorkflowExecutionTimedOut
                | EventType::ChildWorkflowExecutionCanceled
                | EventType::ChildWorkflowExecutionTerminated,
                Some(_),
            ) => self.on_closed(event),
            _ => Err(nondeterminism!(
                "Child workflow machine does not handle this event: {event:?}"
            )),
        }
    }

    fn on_initiated(
        &mut self,
        event: &HistoryEvent,
        workflow_id: &str,
        workflow_type: &str,
        context: EventContext,
    ) -> Result<Responses> {
        if self.state != State::StartCommandCreated {
            return Err(self.invalid(event));
        }
        if context.check_ids {
            if workflow_id != self.workflow_id {
                return Err(nondeterminism!(
                    "Child workflow id of scheduled event '{workflow_id}' does not match child \
                     workflow id of command '{}'",
                    self.workflow_id
                ));
            }
            if workflow_type != self.workflow_type {
                return Err(nondeterminism!(
                    "Child workflow type of scheduled event '{workflow_type}' does not match child \
                     workflow type of command '{}'",
                    self.workflow_type
                ));
            }
        }
        self.initiated_event_id = event.event_id;
        self.state = State::StartEventRecorded;
        Ok(Vec::new())
    }

    fn on_started(
        &mut self,
        event: &HistoryEvent,
        execution: Option<&WorkflowExecution>,
    ) -> Result<Responses> {
        match self.state {
            State::StartEventRecorded => {}
            // Workflow code had its answer before the child started.
            State::Cancelled { .. } => return Ok(Vec::new()),
            _ => return Err(self.invalid(event)),
        }
        let run_id = execution.map(|e| e.run_id.clone()).unwrap_or_default();
        self.state = State::Started;
        self.started_event_id = event.event_id;
        self.run_id.clone_from(&run_id);
        Ok(vec![self.resolve_start(StartStatus::Succeeded(
            ResolveChildWorkflowExecutionStartSuccess { run_id },
        ))])
    }

    fn on_start_failed(
        &mut self,
        event: &HistoryEvent,
        cause: StartChildWorkflowExecutionFailedCause,
    ) -> Result<Responses> {
        use child_workflow::StartChildWorkflowExecutionFailedCause as JobCause;
        match self.state {
            State::StartEventRecorded => {}
            State::Cancelled { .. } => return Ok(Vec::new()),
            _ => return Err(self.invalid(event)),
        }
        self.state = State::StartFailed;
        let cause = match cause {
            StartChildWorkflowExecutionFailedCause::Unspecified => JobCause::Unspecified,
            StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists => {
                JobCause::WorkflowAlreadyExists
            }
            StartChildWorkflowExecutionFailedCause::NamespaceNotFound => {
                JobCause::NamespaceNotFound
            }
            StartChildWorkflowExecutionFailedCause::InvalidVersioningOverride => {
                JobCause::InvalidVersioningOverride
            }
        };
        Ok(vec![self.resolve_start(StartStatus::Failed(
            ResolveChildWorkflowExecutionStartFailure {
                workflow_id: self.workflow_id.clone(),
                workflow_type: self.workflow_type.clone(),
                cause: cause as i32,
            },
        ))])
    }

    fn on_closed(&mut self, event: &HistoryEvent) -> Result<Responses> {
        match self.state {
            State::Started => {}
            State::Cancelled {
                seen_cancelled_event,
            } => {
                return self.on_closed_late(event, seen_cancelled_event);
            }
            _ => return Err(self.invalid(event)),
        }
        let response = match &event.attributes {
            Some(Attributes::ChildWorkflowExecutionCompletedEventAttributes(completed)) => {
                self.state = State::Completed;
                let result = single_payload("child workflow", completed.result.as_ref(), event)?;
                self.resolve(ResultStatus::Completed(child_workflow::Success { result }))
            }
            Some(Attributes::ChildWorkflowExecutionFailedEventAttributes(failed)) => {
                self.state = State::Failed;
                let cause = failed.failure.clone();
                self.failed(
                    "Child Workflow execution failed",
                    cause,
                    failed.retry_state(),
                )
            }
            Some(Attributes::ChildWorkflowExecutionTimedOutEventAttributes(timed_out)) => {
                self.state = State::TimedOut;
                let timeout_type = TimeoutType::StartToClose as i32;
                let info = TimeoutFailureInfo {
                    timeout_type,
                    last_heartbeat_details: None,
                };
                let cause = cause("Timed out", FailureInfo::TimeoutFailureInfo(info));
                self.failed(
                    "Child Workflow execution timed out",
                    Some(cause),
                    timed_out.retry_state(),
                )
            }
            Some(Attributes::ChildWorkflowExecutionTerminatedEventAttributes(_)) => {
                self.state = State::Terminated;
                let info = FailureInfo::TerminatedFailureInfo(TerminatedFailureInfo::default());
                let cause = cause("Terminated", info);
                self.failed(
                    "Child Workflow execution terminated",
                    Some(cause),
                    RetryState::NonRetryableFailure,
                )
            }
            _ => {
                self.state = State::Cancelled {
                    seen_cancelled_event: true,
                };
                self.resolve_cancelled()
            }
        };
        Ok(vec![response])
    }

    /// Handles the end of a child of which workflow code believes that it is cancelled.
    fn on_closed_late(
        &mut self,
        event: &HistoryEvent,
        seen_cancelled_event: bool,
    ) -> Result<Responses> {
        if event.event_type() == EventType::ChildWorkflowExecutionCanceled {
            if seen_cancelled_event {
                return Err(fatal!(
                    "Child workflow has already seen a ChildWorkflowExecutionCanceledEvent, and \
                     now another is being applied! This is a bug, please report."
                ));
            }
            self.state = State::Cancelled {
                seen_cancelled_event: true,
            };
        } else if !self.resolves_on_cancel() {
            return Err(nondeterminism!(
                "Child workflows which don't resolve immediately on cancellation cannot complete \
                 after being cancelled."
            ));
        }
        Ok(Vec::new())
    }

    fn resolve_start(&self, status: StartStatus) -> Response {
        ResolveChildWorkflowExecutionStart {
            seq: self.seq,
            status: Some(status),
        }
        .into()
    }

    fn resolve(&self, status: ResultStatus) -> Response {
        let result = Some(ChildWorkflowResult {
            status: Some(status),
        });
        ResolveChildWorkflowExecution {
            seq: self.seq,
            result,
        }
        .into()
    }

    fn failed(&self, message: &str, cause: Option<Failure>, retry_state: RetryState) -> Response {
        let failure = self.failure(message, cause, retry_state);
        self.resolve(ResultStatus::Failed(child_workflow::Failure {
            failure: Some(failure),
        }))
    }

    fn resolve_cancelled(&self) -> Response {
        let failure = self.failure(
            "Child Workflow execution cancelled",
            Some(cancelled_cause()),
            RetryState::NonRetryableFailure,
        );
        self.resolve(ResultStatus::Cancelled(child_workflow::Cancellation {
            failure: Some(failure),
        }))
    }

    fn failure(&self, message: &str, cause: Option<Failure>, retry_state: RetryState) -> Failure {
        Failure {
            message: message.to_owned(),
            cause: cause.map(Box::new),
            failure_info: Some(self.failure_info(retry_state)),
            ..Default::default()
        }
    }

    fn failure_info(&self, retry_state: RetryState) -> FailureInfo {
        FailureInfo::ChildWorkflowExecutionFailureInfo(ChildWorkflowExecutionFailureInfo {
            namespace: self.namespace.clone(),
            workflow_type: Some(WorkflowType {
                name: self.workflow_type.clone(),
            }),
            initiated_event_id: self.initiated_event_id,
            started_event_id: self.started_event_id,
            retry_state: retry_state as i32,
            workflow_execution: Some(WorkflowExecution {
                workflow_id: self.workflow_id.clone(),
                run_id: self.run_id.clone(),
            }),
        })
    }

    fn invalid(&self, event: &HistoryEvent) -> MachineError {
        invalid_event("ChildWorkflowMachine", &self.state, event)
    }

    pub(crate) fn is_final(&self) -> bool {
        !matches!(
            self.state,
            State::StartCommandCreated | State::StartEventRecorded | State::Started
        )
    }

    pub(crate) fn cancelled_before_sent(&self) -> bool {
        self.cancelled_before_sent
    }
}

fn cause(message: &str, info: FailureInfo) -> Failure {
    Failure {
        message: message.to_owned(),
        failure_info: Some(info),
        ..Default::default()
    }
}

fn cancelled_cause() -> Failure {
    cause(
        "",
        FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default()),
    )
}
