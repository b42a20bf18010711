//! Nexus operations: scheduled, started or answered at once, then closed.

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::{
    coresdk::{
        nexus::{
            NexusOperationCancellationType as CancellationType, NexusOperationResult,
            nexus_operation_result,
        },
        workflow_activation::{
            ResolveNexusOperation, ResolveNexusOperationStart,
            resolve_nexus_operation_start::Status as StartStatus,
        },
        workflow_commands::ScheduleNexusOperation,
    },
    temporal::api::{
        command::v1::{RequestCancelNexusOperationCommandAttributes, command},
        failure::v1::{
            CanceledFailureInfo, Failure, NexusOperationFailureInfo, failure::FailureInfo,
        },
    },
};

use super::{
    Annotations, MachineError, Response, Responses, Result, invalid_event, nondeterminism,
};

/// The state of an operation. No state is final, because each accepts a cancellation, if only to do
/// nothing. So a request to cancel is sent even if the workflow does not wait for its outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    ScheduleCommandCreated,
    ScheduledEventRecorded,
    Started,
    Completed,
    Failed,
    TimedOut,
    Cancelled,
}

/// A Nexus operation that workflow code started.
#[derive(Debug)]
pub(crate) struct NexusOperation {
    state: State,
    seq: u32,
    info: NexusOperationFailureInfo,
    cancellation_type: CancellationType,
    cancelled_before_sent: bool,
    cancel_sent: bool,
    annotations: Annotations,
}

impl NexusOperation {
    /// Returns the machine, and the command that schedules the operation.
    pub(crate) fn schedule(
        attributes: ScheduleNexusOperation,
        annotations: Annotations,
    ) -> (Self, command::Attributes) {
        let machine = Self {
            state: State::ScheduleCommandCreated,
            seq: attributes.seq,
            info: NexusOperationFailureInfo {
                endpoint: attributes.endpoint.clone(),
                service: attributes.service.clone(),
                operation: attributes.operation.clone(),
                ..Default::default()
            },
            cancellation_type: attributes.cancellation_type(),
            cancelled_before_sent: false,
            cancel_sent: false,
            annotations,
        };
        (machine, attributes.into())
    }

    /// Handles the cancellation of the operation by workflow code.
    pub(crate) fn cancel(&mut self, annotations: Annotations) -> Responses {
        self.annotations.override_with(annotations);
        match self.state {
            State::ScheduleCommandCreated => {
                self.cancelled_before_sent = true;
                self.state = State::Cancelled;
                let failure = self.cancelled("Nexus Operation cancelled before scheduled");
                vec![self.resolve_start(StartStatus::Failed(failure))]
            }
            State::ScheduledEventRecorded | State::Started if !self.cancel_sent => {
                self.request_cancel()
            }
            _ => Vec::new(),
        }
    }

    fn request_cancel(&mut self) -> Responses {
        self.cancel_sent = true;
        let mut responses = Vec::new();
        if self.cancellation_type != CancellationType::Abandon {
            let attributes = command::Attributes::RequestCancelNexusOperationCommandAttributes(
                RequestCancelNexusOperationCommandAttributes {
                    scheduled_event_id: self.info.scheduled_event_id,
                },
            );
            responses.push(Response::Command(Box::new(
                self.annotations.clone().command(attributes),
            )));
        }
        if matches!(
            self.cancellation_type,
            CancellationType::Abandon | CancellationType::TryCancel
        ) {
            if self.state == State::Started {
                self.state = State::Cancelled;
            }
            let failure = self.cancelled("Nexus operation cancelled after starting");
            responses.push(self.resolve(nexus_operation_result::Status::Cancelled(failure)));
        }
        responses
    }

    pub(crate) fn on_event(&mut self, event: &HistoryEvent) -> Result<Responses> {
        let Some(attributes) = &event.attributes else {
            return Err(nondeterminism!(
                "{:?} attributes were unset or malformed",
                event.event_type()
            ));
        };
        match (attributes, self.state) {
            (
                Attributes::NexusOperationScheduledEventAttributes(_),
                State::ScheduleCommandCreated,
            ) => {
                self.info.scheduled_event_id = event.event_id;
                self.state = State::ScheduledEventRecorded;
                Ok(Vec::new())
            }
            (
                Attributes::NexusOperationStartedEventAttributes(started),
                State::ScheduledEventRecorded,
            ) => {
                self.state = State::Started;
                self.info
                    .operation_token
                    .clone_from(&started.operation_token);
                Ok(vec![self.resolve_start(StartStatus::OperationToken(
                    started.operation_token.clone(),
                ))])
            }
            (
                Attributes::NexusOperationCancelRequestedEventAttributes(_),
                State::ScheduledEventRecorded | State::Started | State::Cancelled,
            ) => Ok(Vec::new()),
            (
                Attributes::NexusOperationCompletedEventAttributes(_)
                | Attributes::NexusOperationFailedEventAttributes(_)
                | Attributes::NexusOperationCanceledEventAttributes(_)
                | Attributes::NexusOperationTimedOutEventAttributes(_),
                _,
            ) => self.on_closed(event, attributes),
            (
                Attributes::NexusOperationCancelRequestCompletedEventAttributes(_)
                | Attributes::NexusOperationCancelRequestFailedEventAttributes(_),
                _,
            ) => self.on_cancel_request_closed(event, attributes),
            (
                Attributes::NexusOperationScheduledEventAttributes(_)
                | Attributes::NexusOperationStartedEventAttributes(_)
                | Attributes::NexusOperationCancelRequestedEventAttributes(_),
                _,
            ) => Err(self.invalid(event)),
            _ => Err(nondeterminism!(
                "Nexus operation machine does not handle this event: {event:?}"
            )),
        }
    }

    fn on_closed(&mut self, event: &HistoryEvent, attributes: &Attributes) -> Result<Responses> {
        use nexus_operation_result::Status;
        let was = self.state;
        match was {
            State::ScheduledEventRecorded | State::Started => {}
            State::Cancelled
                if matches!(
                    attributes,
                    Attributes::NexusOperationCanceledEventAttributes(_)
                ) =>
            {
                return Ok(Vec::new());
            }
            State::Cancelled if self.cancellation_type == CancellationType::Abandon => {
                return Err(nondeterminism!(
                    "Nexus operation which don't have the ABANDON cancellation type cannot \
                     complete after being cancelled."
                ));
            }
            State::Cancelled => return Ok(Vec::new()),
            _ => return Err(self.invalid(event)),
        }
        let or = |failure: &Option<Failure>, what: &str| {
            failure.clone().unwrap_or_else(|| Failure {
                message: format!("Nexus operation {what} but failure field was not populated"),
                ..Default::default()
            })
        };
        let (state, failure, status): (_, _, fn(Failure) -> Status) = match attributes {
            Attributes::NexusOperationCompletedEventAttributes(completed) => {
                self.state = State::Completed;
                let result = self.resolve(Status::Completed(
                    completed.result.clone().unwrap_or_default(),
                ));
                return Ok(if was == State::Started {
                    vec![result]
                } else {
                    vec![self.resolve_start(StartStatus::StartedSync(true)), result]
                });
            }
            Attributes::NexusOperationFailedEventAttributes(failed) => {
                (State::Failed, or(&failed.failure, "failed"), Status::Failed)
            }
            Attributes::NexusOperationTimedOutEventAttributes(timed_out) => (
                State::TimedOut,
                or(&timed_out.failure, "timed out"),
                Status::TimedOut,
            ),
            Attributes::NexusOperationCanceledEventAttributes(canceled) => (
                State::Cancelled,
                or(&canceled.failure, "was cancelled"),
                Status::Cancelled,
            ),
            _ => return Err(self.invalid(event)),
        };
        self.state = state;
        Ok(vec![if was == State::Started {
            self.resolve(status(failure))
        } else {
            self.resolve_start(StartStatus::Failed(failure))
        }])
    }

    fn on_cancel_request_closed(
        &mut self,
        event: &HistoryEvent,
        attributes: &Attributes,
    ) -> Result<Responses> {
        use nexus_operation_result::Status;
        let waits = self.cancellation_type == CancellationType::WaitCancellationRequested;
        match (self.state, attributes) {
            (State::ScheduleCommandCreated | State::ScheduledEventRecorded, _) => {
                Err(self.invalid(event))
            }
            (
                State::Started,
                Attributes::NexusOperationCancelRequestCompletedEventAttributes(_),
            ) if waits => {
                self.state = State::Cancelled;
                let failure = self.cancelled("Nexus operation cancellation request completed");
                Ok(vec![self.resolve(Status::Cancelled(failure))])
            }
            (
                State::Started,
                Attributes::NexusOperationCancelRequestFailedEventAttributes(failed),
            ) if waits => {
                let message = "Nexus operation cancellation request failed";
                let cause = failed.failure.clone().unwrap_or_else(|| Failure {
                    message: message.to_owned(),
                    ..Default::default()
                });
                Ok(vec![
                    self.resolve(Status::Failed(self.failure(message, cause))),
                ])
            }
            _ => Ok(Vec::new()),
        }
    }

    fn resolve_start(&self, status: StartStatus) -> Response {
        ResolveNexusOperationStart {
            seq: self.seq,
            status: Some(status),
        }
        .into()
    }

    fn resolve(&self, status: nexus_operation_result::Status) -> Response {
        let result = Some(NexusOperationResult {
            status: Some(status),
        });
        ResolveNexusOperation {
            seq: self.seq,
            result,
        }
        .into()
    }

    fn cancelled(&self, message: &str) -> Failure {
        let info = FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default());
        self.failure(
            message,
            Failure {
                failure_info: Some(info),
                ..Default::default()
            },
        )
    }

    fn failure(&self, message: &str, cause: Failure) -> Failure {
        Failure {
            message: message.to_owned(),
            cause: Some(Box::new(cause)),
            failure_info: Some(FailureInfo::NexusOperationExecutionFailureInfo(
                self.info.clone(),
            )),
            ..Default::default()
        }
    }

    fn invalid(&self, event: &HistoryEvent) -> MachineError {
        invalid_event("NexusOperationMachine", &self.state, event)
    }

    pub(crate) fn cancelled_before_sent(&self) -> bool {
        self.cancelled_before_sent
    }
}
