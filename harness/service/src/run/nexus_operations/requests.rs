//! The requests to the handler of an operation: sent, given up, retried.
//!
//! Source: `temporalio/temporal: components/nexusoperations/executors.go` (`executeInvocationTask`,
//! `executeCancelationTask`), with the defaults of `config.go`.

use crate::{
    api::{enums::TimeoutType, failure::Failure},
    run::{
        Run,
        nexus_operations::{
            Due, NexusCall, NexusClosing, PendingNexusOperation, Phase,
            failures::{call_failure, handler_failure},
        },
        transfer::Transfer,
    },
};

/// The timeout of one request (`component.nexusoperations.request.timeout`).
const REQUEST_TIMEOUT_MS: u64 = 10_000;

/// The shortest timeout with which a request is sent
/// (`component.nexusoperations.limit.request.timeout.min`).
const MIN_REQUEST_TIMEOUT_MS: u64 = 1_500;

/// The part of that time that matching reserves to report that no worker answered
/// (`component.nexusoperations.limit.dispatch.task.timeout.min`).
const DISPATCH_RESERVE_MS: u64 = 1_000;

/// The first backoff, and the longest. The server randomly shortens a backoff by up to a fifth;
/// here it is never shortened (`component.nexusoperations.retryPolicy`).
const INITIAL_INTERVAL_MS: u64 = 1_000;
const MAXIMUM_INTERVAL_MS: u64 = 3_600_000;

impl PendingNexusOperation {
    /// Returns the timeout of a request, and the timeout of the operation that limits it.
    fn request_timeout(&self, now_ms: u64, call: NexusCall) -> (u64, TimeoutType) {
        let mut shortest = (REQUEST_TIMEOUT_MS, TimeoutType::Unspecified);
        // As on the server, the time is the shortest of all bounds, and the type is that of the
        // last one.
        let bounds: &[TimeoutType] = match call {
            NexusCall::Start if self.schedule_to_start_ms.is_some() => {
                &[TimeoutType::ScheduleToStart]
            }
            NexusCall::Start => &[TimeoutType::ScheduleToClose],
            NexusCall::Cancel => &[TimeoutType::StartToClose, TimeoutType::ScheduleToClose],
        };
        for bound in bounds {
            let expires_at_ms = match bound {
                // This bound counts even if no timer is set for it.
                TimeoutType::StartToClose => self.started.as_ref().and_then(|started| {
                    Some(started.at_ms.saturating_add(self.start_to_close_ms?))
                }),
                other => self.expires_at_ms(*other),
            };
            if let Some(expires_at_ms) = expires_at_ms {
                shortest = (shortest.0.min(expires_at_ms.saturating_sub(now_ms)), *bound);
            }
        }
        shortest
    }

    /// Sends a request that is scheduled. Returns `false` if there is none.
    ///
    /// # Errors
    ///
    /// The timeout that leaves no time for a request.
    pub(crate) fn send_request(
        &mut self,
        now_ms: u64,
        call: NexusCall,
    ) -> Result<bool, TimeoutType> {
        let (timeout_ms, timeout_type) = self.request_timeout(now_ms, call);
        let requests = self.requests_mut(call);
        let Some(requests) = requests.filter(|requests| requests.is_under_way()) else {
            return Ok(false);
        };
        if timeout_ms < MIN_REQUEST_TIMEOUT_MS {
            return Err(timeout_type);
        }
        let deadline_ms = Some(now_ms + timeout_ms - DISPATCH_RESERVE_MS);
        requests.phase = Phase::Scheduled { deadline_ms };
        Ok(true)
    }

    /// Returns the time for which the handler's caller waits for the operation, if it is limited.
    pub(crate) fn operation_timeout_ms(&self, now_ms: u64) -> Option<u64> {
        let to_close = self
            .expires_at_ms(TimeoutType::ScheduleToClose)
            .map(|at_ms| at_ms.saturating_sub(now_ms));
        [self.start_to_close_ms, to_close]
            .into_iter()
            .flatten()
            .min()
    }
}

impl Run {
    /// Sends a request that is scheduled. Returns `false` if there is none, or no time for one.
    pub(crate) fn send_nexus_request(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        call: NexusCall,
    ) -> bool {
        if !self.is_running() {
            return false;
        }
        let Some(operation) = self.nexus_operations.by_event.get_mut(&scheduled_event_id) else {
            return false;
        };
        let timeout_type = match operation.send_request(now_ms, call) {
            Ok(is_sent) => return is_sent,
            Err(timeout_type) => timeout_type,
        };
        match call {
            NexusCall::Start => {
                self.close_nexus_operation(
                    now_ms,
                    scheduled_event_id,
                    NexusClosing::TimedOut(timeout_type),
                );
            }
            NexusCall::Cancel => {
                let why = format!(
                    "not enough time to execute another request before {} timeout",
                    name_of(timeout_type)
                );
                self.nexus_cancel_failed(now_ms, scheduled_event_id, call_failure(&why));
            }
        }
        false
    }

    /// Retries a request that failed, after a backoff.
    pub(crate) fn retry_nexus_request(
        &mut self,
        now_ms: u64,
        scheduled_event_id: i64,
        call: NexusCall,
        failure: Failure,
    ) {
        let operation = self.nexus_operations.by_event.get_mut(&scheduled_event_id);
        let Some(requests) = operation.and_then(|operation| operation.requests_mut(call)) else {
            return;
        };
        let until_ms = now_ms.saturating_add(backoff_ms(requests.attempt));
        requests.record(now_ms, Some(failure), Phase::BackingOff { until_ms });
    }

    /// Does the next thing that is due in an operation.
    pub(crate) fn fire_nexus_operation(&mut self, now_ms: u64) {
        let Some((due_ms, scheduled_event_id, due)) = self.nexus_operations.next_due() else {
            return;
        };
        if due_ms > now_ms {
            return;
        }
        let mut time_out = |timeout_type| {
            self.close_nexus_operation(
                now_ms,
                scheduled_event_id,
                NexusClosing::TimedOut(timeout_type),
            );
        };
        match due {
            Due::ScheduleToClose => time_out(TimeoutType::ScheduleToClose),
            Due::ScheduleToStart => time_out(TimeoutType::ScheduleToStart),
            Due::StartToClose => time_out(TimeoutType::StartToClose),
            Due::Request(call) => self.fire_nexus_request(now_ms, scheduled_event_id, call),
        }
    }

    fn fire_nexus_request(&mut self, now_ms: u64, scheduled_event_id: i64, call: NexusCall) {
        let operation = self.nexus_operations.by_event.get_mut(&scheduled_event_id);
        let Some(requests) = operation.and_then(|operation| operation.requests_mut(call)) else {
            return;
        };
        if requests.is_under_way() {
            let failure = handler_failure("UPSTREAM_TIMEOUT", "upstream timeout");
            self.retry_nexus_request(now_ms, scheduled_event_id, call, failure);
        } else {
            requests.phase = Phase::Scheduled { deadline_ms: None };
            self.offer_nexus_request(scheduled_event_id, call);
        }
    }

    /// Sends a request after the transaction.
    pub(super) fn offer_nexus_request(&mut self, scheduled_event_id: i64, call: NexusCall) {
        self.outbox.push(Transfer::NexusRequest {
            run: self.key,
            scheduled_event_id,
            call,
        });
    }
}

/// Returns the backoff after this many earlier requests.
pub(crate) fn backoff_ms(before: i32) -> u64 {
    let doublings = u32::try_from(before).unwrap_or(0).min(u64::BITS - 1);
    INITIAL_INTERVAL_MS
        .saturating_mul(1 << doublings)
        .min(MAXIMUM_INTERVAL_MS)
}

fn name_of(timeout_type: TimeoutType) -> &'static str {
    match timeout_type {
        TimeoutType::StartToClose => "StartToClose",
        TimeoutType::ScheduleToStart => "ScheduleToStart",
        TimeoutType::ScheduleToClose => "ScheduleToClose",
        TimeoutType::Heartbeat => "Heartbeat",
        TimeoutType::Unspecified => "Unspecified",
    }
}
