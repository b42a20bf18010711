//! The life of a standalone Nexus operation: scheduled, started, asked to cancel, closed.

use crate::{
    api::{
        common::Link,
        enums::{NexusOperationExecutionStatus as Status, TimeoutType},
        failure::Failure,
        history::NexusOperationScheduledEventAttributes,
        rpc::StartNexusOperationExecutionRequest,
    },
    base::{
        failure,
        identifiers::{OperationKey, derived_uuid},
    },
    nexus_operation_execution::{NexusOperationExecution, OperationCancel, OperationEnd},
    run::nexus_operations::{
        Cancellation, Due, NexusCall, NexusClosing, PendingNexusOperation, Phase, Requests,
        StartedOperation,
        failures::{call_failure, canceled, handler_failure, timeout_failure},
        requests::backoff_ms,
    },
};

impl NexusOperationExecution {
    /// Returns an operation that is scheduled now, with the id of its endpoint.
    pub(crate) fn schedule(
        now_ms: u64,
        key: OperationKey,
        run_id: String,
        endpoint_id: String,
        request: StartNexusOperationExecutionRequest,
    ) -> Self {
        let scheduled = NexusOperationScheduledEventAttributes {
            endpoint: request.endpoint.clone(),
            endpoint_id,
            service: request.service.clone(),
            operation: request.operation.clone(),
            input: request.input.clone(),
            schedule_to_close_timeout: request.schedule_to_close_timeout,
            schedule_to_start_timeout: request.schedule_to_start_timeout,
            start_to_close_timeout: request.start_to_close_timeout,
            nexus_header: request.nexus_header.clone(),
            // The request id of the operation is not that of the client's request.
            request_id: derived_uuid(&run_id, 0),
            ..NexusOperationScheduledEventAttributes::default()
        };
        Self {
            key,
            run_id,
            pending: PendingNexusOperation::new(now_ms, 0, &scheduled),
            links: request.links.clone(),
            request: Box::new(request),
            scheduled,
            cancel: None,
            terminate_request_id: None,
            end: None,
            transitions: 1,
        }
    }

    /// Sends a request that is scheduled. Returns `false` if there is none, or no time for one.
    pub(crate) fn send_request(&mut self, now_ms: u64, call: NexusCall) -> bool {
        if self.is_closed() {
            return false;
        }
        match self.pending.send_request(now_ms, call) {
            Ok(is_sent) => is_sent,
            Err(timeout) => {
                match call {
                    NexusCall::Start => self.close(now_ms, NexusClosing::TimedOut(timeout)),
                    NexusCall::Cancel => {
                        let why = "operation timed out before cancellation could be delivered";
                        self.cancel_failed(now_ms, call_failure(why));
                    }
                }
                false
            }
        }
    }

    /// Retries a request that failed, after a backoff.
    pub(crate) fn retry_request(&mut self, now_ms: u64, call: NexusCall, failure: Failure) {
        if let Some(requests) = self.pending.requests_mut(call) {
            let until_ms = now_ms.saturating_add(backoff_ms(requests.attempt));
            requests.record(now_ms, Some(failure), Phase::BackingOff { until_ms });
        }
    }

    /// Does the next thing that is due. Returns the request that is to be sent again.
    pub(crate) fn fire(&mut self, now_ms: u64) -> Option<NexusCall> {
        let (due_ms, due) = self.pending.next_due()?;
        if due_ms > now_ms || self.is_closed() {
            return None;
        }
        let timeout = match due {
            Due::ScheduleToClose => TimeoutType::ScheduleToClose,
            Due::ScheduleToStart => TimeoutType::ScheduleToStart,
            Due::StartToClose => TimeoutType::StartToClose,
            Due::Request(call) => {
                let requests = self.pending.requests_mut(call)?;
                if requests.is_under_way() {
                    let failure = handler_failure("UPSTREAM_TIMEOUT", "upstream timeout");
                    self.retry_request(now_ms, call, failure);
                    return None;
                }
                requests.phase = Phase::Scheduled { deadline_ms: None };
                return Some(call);
            }
        };
        self.close(now_ms, NexusClosing::TimedOut(timeout));
        None
    }

    /// Records that the handler has started the operation. Returns the request to cancel it, if
    /// that has waited for the start.
    pub(crate) fn started(
        &mut self,
        now_ms: u64,
        token: &str,
        at_ms: u64,
        links: Vec<Link>,
    ) -> Option<NexusCall> {
        if self.is_closed() || self.pending.started.is_some() {
            return None;
        }
        self.links.extend(links);
        let pending = &mut self.pending;
        pending.starting.record(now_ms, None, Phase::Succeeded);
        let start_to_close_ms = pending.start_to_close_ms;
        pending.started = Some(StartedOperation {
            at_ms,
            token: token.to_owned(),
            expires_at_ms: start_to_close_ms.map(|timeout_ms| at_ms.saturating_add(timeout_ms)),
        });
        let cancellation = pending.cancellation.as_mut()?;
        cancellation.requests.phase = Phase::Scheduled { deadline_ms: None };
        Some(NexusCall::Cancel)
    }

    /// Requests the cancellation. Returns the request to send, if the operation has started.
    pub(crate) fn request_cancel(&mut self, cancel: OperationCancel) -> Option<NexusCall> {
        let is_started = self.pending.started.is_some();
        let phase = if is_started {
            Phase::Scheduled { deadline_ms: None }
        } else {
            Phase::Unscheduled
        };
        self.pending.cancellation = Some(Cancellation {
            requested_event_id: 0,
            requested_ms: Some(cancel.at_ms),
            requests: Requests {
                phase,
                ..Requests::default()
            },
        });
        self.cancel = Some(cancel);
        is_started.then_some(NexusCall::Cancel)
    }

    pub(crate) fn cancel_completed(&mut self, now_ms: u64) {
        if let Some(requests) = self.pending.requests_mut(NexusCall::Cancel) {
            requests.record(now_ms, None, Phase::Succeeded);
        }
    }

    pub(crate) fn cancel_failed(&mut self, now_ms: u64, failure: Failure) {
        if let Some(requests) = self.pending.requests_mut(NexusCall::Cancel) {
            requests.record(now_ms, Some(failure), Phase::Failed);
        }
    }

    pub(crate) fn close(&mut self, now_ms: u64, closing: NexusClosing) {
        if self.pending.started.is_none() && !matches!(closing, NexusClosing::TimedOut(_)) {
            self.pending.starting.record(now_ms, None, Phase::Succeeded);
        }
        let (status, ending) = match closing {
            NexusClosing::Completed { result, links } => {
                self.links.extend(links);
                (Status::Completed, Ok(result))
            }
            NexusClosing::Failed(failure) => (Status::Failed, Err(Box::new(failure))),
            NexusClosing::Canceled(failure) => (Status::Canceled, Err(Box::new(canceled(failure)))),
            NexusClosing::TimedOut(timeout) => {
                (Status::TimedOut, Err(Box::new(timeout_failure(timeout))))
            }
        };
        self.end(now_ms, status, ending);
    }

    pub(crate) fn terminate(
        &mut self,
        now_ms: u64,
        reason: String,
        identity: String,
        request_id: String,
    ) {
        self.terminate_request_id = Some(request_id);
        let failure = failure::terminated(reason, identity);
        self.end(now_ms, Status::Terminated, Err(Box::new(failure)));
    }

    fn end(
        &mut self,
        at_ms: u64,
        status: Status,
        ending: Result<Option<crate::api::common::Payload>, Box<Failure>>,
    ) {
        self.end.get_or_insert(OperationEnd {
            at_ms,
            status,
            ending,
        });
    }
}
