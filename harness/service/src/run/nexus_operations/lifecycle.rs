//! The life of a Nexus operation: scheduled, started, asked to cancel, closed.

use crate::{
    api::{
        Attributes, HistoryEvent,
        common::Link,
        failure::{Failure, NexusOperationFailureInfo, failure::FailureInfo},
        history::*,
    },
    base::time::instant_ms,
    history::EventDecoration,
    run::{
        Run,
        nexus_operations::{
            Cancellation, NexusCall, NexusClosing, PendingNexusOperation, Phase, Requests,
            StartedOperation, closed_nexus_operation_of,
            failures::{canceled, timeout_failure},
        },
    },
};

impl Run {
    /// Returns the attributes with which an operation was scheduled.
    ///
    /// # Panics
    ///
    /// If the event is of another type, which the scheduled event of a pending operation never is.
    pub(crate) fn nexus_operation_scheduled(
        &self,
        scheduled_event_id: i64,
    ) -> &NexusOperationScheduledEventAttributes {
        match self.history.attributes(scheduled_event_id) {
            Some(Attributes::NexusOperationScheduledEventAttributes(scheduled)) => scheduled,
            other => {
                panic!("an operation was scheduled by NexusOperationScheduled, not by {other:?}")
            }
        }
    }

    /// Schedules an operation. After the transaction, its handler is asked to start it.
    pub(crate) fn schedule_nexus_operation(
        &mut self,
        now_ms: u64,
        attributes: NexusOperationScheduledEventAttributes,
        decoration: EventDecoration,
    ) {
        let scheduled_event_id = self.history.next_event_id();
        let operation = PendingNexusOperation::new(now_ms, scheduled_event_id, &attributes);
        self.nexus_operations
            .by_event
            .insert(scheduled_event_id, operation);
        self.history.add_decorated(now_ms, attributes, decoration);
        self.offer_nexus_request(scheduled_event_id, NexusCall::Start);
    }

    /// Records that the handler has started the operation and will report its end.
    pub(crate) fn nexus_operation_started(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        token: &str,
        event_ms: u64,
        links: Vec<Link>,
    ) {
        if self.record_nexus_operation_started(now_ms, scheduled_event_id, token, event_ms, links) {
            self.ensure_workflow_task(now_ms);
        }
    }

    /// Writes the started event of an operation. Returns `false` if no such operation waits to
    /// start.
    fn record_nexus_operation_started(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        token: &str,
        event_ms: u64,
        links: Vec<Link>,
    ) -> bool {
        let is_pending = self
            .nexus_operations
            .get(scheduled_event_id)
            .is_some_and(|operation| operation.started.is_none());
        if !is_pending {
            return false;
        }
        let request_id = self
            .nexus_operation_scheduled(scheduled_event_id)
            .request_id
            .clone();
        #[allow(
            deprecated,
            reason = "the server still writes the older name of the token"
        )]
        let started = NexusOperationStartedEventAttributes {
            scheduled_event_id,
            operation_id: token.to_owned(),
            request_id,
            operation_token: token.to_owned(),
        };
        self.history.add_decorated(event_ms, started, linked(links));
        self.note_nexus_operation_started(now_ms, scheduled_event_id, token, event_ms);
        true
    }

    fn note_nexus_operation_started(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        token: &str,
        at_ms: u64,
    ) {
        let Some(operation) = self.nexus_operations.by_event.get_mut(&scheduled_event_id) else {
            return;
        };
        operation.starting.record(now_ms, None, Phase::Succeeded);
        // The server sets no timer for an operation that was asked to cancel before it started.
        let start_to_close_ms = operation
            .start_to_close_ms
            .filter(|_| operation.cancellation.is_none());
        operation.started = Some(StartedOperation {
            at_ms,
            token: token.to_owned(),
            expires_at_ms: start_to_close_ms.map(|timeout_ms| at_ms.saturating_add(timeout_ms)),
        });
        self.schedule_nexus_cancel(at_ms, scheduled_event_id);
    }

    /// Sends the cancellation that waited for the operation to start, if there is one.
    fn schedule_nexus_cancel(&mut self, now_ms: u64, scheduled_event_id: i64) {
        let operation = self.nexus_operations.by_event.get_mut(&scheduled_event_id);
        let Some(cancellation) = operation
            .filter(|operation| operation.started.is_some())
            .and_then(|operation| operation.cancellation.as_mut())
            .filter(|cancellation| cancellation.requests.phase == Phase::Unscheduled)
        else {
            return;
        };
        cancellation.requested_ms = Some(now_ms);
        cancellation.requests.phase = Phase::Scheduled { deadline_ms: None };
        self.offer_nexus_request(scheduled_event_id, NexusCall::Cancel);
    }

    /// Requests the cancellation of a pending operation, after the event that records the request.
    pub(crate) fn request_nexus_cancel(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        requested_event_id: i64,
    ) {
        if let Some(operation) = self.nexus_operations.by_event.get_mut(&scheduled_event_id) {
            operation.cancellation = Some(Cancellation {
                requested_event_id,
                requested_ms: None,
                requests: Requests::default(),
            });
        }
        self.schedule_nexus_cancel(now_ms, scheduled_event_id);
    }

    /// Records that the handler accepted the request to cancel. The closing of the operation will
    /// show whether it was canceled.
    pub(crate) fn nexus_cancel_completed(&mut self, now_ms: u64, scheduled_event_id: i64) {
        let Some(cancellation) = self.nexus_cancellation(scheduled_event_id) else {
            return;
        };
        cancellation.requests.record(now_ms, None, Phase::Succeeded);
        let requested_event_id = cancellation.requested_event_id;
        let attributes = NexusOperationCancelRequestCompletedEventAttributes {
            scheduled_event_id,
            requested_event_id,
            ..NexusOperationCancelRequestCompletedEventAttributes::default()
        };
        self.history.add_decorated(now_ms, attributes, ignorable());
        self.ensure_workflow_task(now_ms);
    }

    /// Records that the handler refused the request to cancel, for good.
    pub(crate) fn nexus_cancel_failed(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        failure: Failure,
    ) {
        let Some(cancellation) = self.nexus_cancellation(scheduled_event_id) else {
            return;
        };
        cancellation
            .requests
            .record(now_ms, Some(failure.clone()), Phase::Failed);
        let requested_event_id = cancellation.requested_event_id;
        let attributes = NexusOperationCancelRequestFailedEventAttributes {
            scheduled_event_id,
            requested_event_id,
            failure: Some(failure),
            ..NexusOperationCancelRequestFailedEventAttributes::default()
        };
        self.history.add_decorated(now_ms, attributes, ignorable());
        self.ensure_workflow_task(now_ms);
    }

    fn nexus_cancellation(&mut self, scheduled_event_id: i64) -> Option<&mut Cancellation> {
        self.nexus_operations
            .by_event
            .get_mut(&scheduled_event_id)?
            .cancellation
            .as_mut()
    }

    /// Writes the closing event of an operation.
    pub(crate) fn close_nexus_operation(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        closing: NexusClosing,
    ) {
        let Some(operation) = self.nexus_operations.by_event.remove(&scheduled_event_id) else {
            return;
        };
        let scheduled = self.nexus_operation_scheduled(scheduled_event_id);
        let request_id = scheduled.request_id.clone();
        let failed = |cause| Some(operation_failed(scheduled, &operation, cause));
        let mut closing_links = Vec::new();
        let attributes: Attributes = match closing {
            NexusClosing::Completed { result, links } => {
                closing_links = links;
                NexusOperationCompletedEventAttributes {
                    scheduled_event_id,
                    result,
                    request_id,
                }
                .into()
            }
            NexusClosing::Failed(cause) => NexusOperationFailedEventAttributes {
                scheduled_event_id,
                failure: failed(cause),
                request_id,
            }
            .into(),
            NexusClosing::Canceled(cause) => NexusOperationCanceledEventAttributes {
                scheduled_event_id,
                failure: failed(canceled(cause)),
                request_id,
            }
            .into(),
            NexusClosing::TimedOut(timeout_type) => NexusOperationTimedOutEventAttributes {
                scheduled_event_id,
                failure: failed(timeout_failure(timeout_type)),
                request_id,
            }
            .into(),
        };
        self.history
            .add_decorated(now_ms, attributes, linked(closing_links));
        self.ensure_workflow_task(now_ms);
    }

    /// Restores operations from an event in history.
    pub(crate) fn restore_nexus_operation(
        &mut self,
        event: &HistoryEvent,
        attributes: &Attributes,
    ) {
        let at_ms = event.event_time.as_ref().map_or(0, instant_ms);
        let operations = &mut self.nexus_operations.by_event;
        match attributes {
            Attributes::NexusOperationScheduledEventAttributes(scheduled) => {
                let operation = PendingNexusOperation::new(at_ms, event.event_id, scheduled);
                operations.insert(event.event_id, operation);
                self.offer_nexus_request(event.event_id, NexusCall::Start);
            }
            Attributes::NexusOperationStartedEventAttributes(started) => self
                .note_nexus_operation_started(
                    at_ms,
                    started.scheduled_event_id,
                    &started.operation_token,
                    at_ms,
                ),
            Attributes::NexusOperationCancelRequestedEventAttributes(requested) => {
                self.request_nexus_cancel(at_ms, requested.scheduled_event_id, event.event_id);
            }
            Attributes::NexusOperationCancelRequestCompletedEventAttributes(completed) => {
                if let Some(cancellation) = self.nexus_cancellation(completed.scheduled_event_id) {
                    cancellation.requests.record(at_ms, None, Phase::Succeeded);
                }
            }
            Attributes::NexusOperationCancelRequestFailedEventAttributes(failed) => {
                if let Some(cancellation) = self.nexus_cancellation(failed.scheduled_event_id) {
                    cancellation
                        .requests
                        .record(at_ms, failed.failure.clone(), Phase::Failed);
                }
            }
            _ => {
                if let Some((scheduled_event_id, _)) = closed_nexus_operation_of(attributes) {
                    operations.remove(&scheduled_event_id);
                }
            }
        }
    }

    /// Repeats an event of an operation in this run: another run got the event, and both runs
    /// scheduled the operation by the same event.
    ///
    /// The caller schedules the workflow task, once for all repeated events.
    pub(crate) fn reapply_nexus_event(&mut self, now_ms: u64, attributes: &Attributes) {
        if let Attributes::NexusOperationStartedEventAttributes(started) = attributes {
            let scheduled_event_id = started.scheduled_event_id;
            if self.has_nexus_operation(scheduled_event_id, &started.request_id) {
                let token = &started.operation_token;
                self.record_nexus_operation_started(
                    now_ms,
                    scheduled_event_id,
                    token,
                    now_ms,
                    Vec::new(),
                );
            }
            return;
        }
        let Some((scheduled_event_id, request_id)) = closed_nexus_operation_of(attributes) else {
            return;
        };
        if self.has_nexus_operation(scheduled_event_id, request_id) {
            self.nexus_operations.by_event.remove(&scheduled_event_id);
            self.history.add(now_ms, attributes.clone());
        }
    }

    /// Returns `true` if the operation that this event scheduled with this request id is pending.
    pub(crate) fn has_nexus_operation(&self, scheduled_event_id: i64, request_id: &str) -> bool {
        self.nexus_operations.get(scheduled_event_id).is_some()
            && self
                .nexus_operation_scheduled(scheduled_event_id)
                .request_id
                == request_id
    }
}

fn linked(links: Vec<Link>) -> EventDecoration {
    EventDecoration {
        links,
        ..EventDecoration::default()
    }
}

/// Returns the decoration of events that older workers do not know.
fn ignorable() -> EventDecoration {
    EventDecoration {
        worker_may_ignore: true,
        ..EventDecoration::default()
    }
}

fn operation_failed(
    scheduled: &NexusOperationScheduledEventAttributes,
    operation: &PendingNexusOperation,
    cause: Failure,
) -> Failure {
    #[allow(
        deprecated,
        reason = "the server still writes the older name of the token"
    )]
    let info = NexusOperationFailureInfo {
        scheduled_event_id: operation.scheduled_event_id,
        endpoint: scheduled.endpoint.clone(),
        service: scheduled.service.clone(),
        operation: scheduled.operation.clone(),
        operation_id: operation.token().to_owned(),
        operation_token: operation.token().to_owned(),
    };
    Failure {
        message: "nexus operation completed unsuccessfully".to_owned(),
        cause: Some(Box::new(cause)),
        failure_info: Some(FailureInfo::NexusOperationExecutionFailureInfo(info)),
        ..Failure::default()
    }
}
