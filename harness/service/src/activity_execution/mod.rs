//! One standalone activity: an activity that a client starts, without a workflow.
//!
//! It has no history. A client waits for its outcome, or looks at its state.
//!
//! Source: `temporalio/temporal: chasm/lib/activity/{activity,statemachine,activity_tasks}.go`.

mod lifecycle;
#[cfg(test)]
mod tests;

use crate::{
    api::{
        Payloads,
        activity::{ActivityExecutionOutcome, activity_execution_outcome::Value},
        enums::{ActivityExecutionStatus, PendingActivityState, RetryState, TimeoutType},
        failure::Failure,
        rpc::StartActivityExecutionRequest,
    },
    base::{
        identifiers::ActivityKey,
        time::{duration_ms, limit_ms},
    },
    run::callbacks::CompletionCallback,
};

/// The states of a standalone activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Scheduled,
    Started,
    CancelRequested,
    Closed(ActivityExecutionStatus),
}

/// The client's request to cancel an activity.
#[derive(Clone, Debug)]
pub(crate) struct CancelState {
    pub(crate) request_id: String,
    pub(crate) identity: String,
    pub(crate) reason: String,
}

/// The result of an activity, or its failure.
pub(crate) type Ending = Result<Option<Payloads>, Box<Failure>>;

/// The outcome of a closed activity.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) ending: Ending,
    pub(crate) retry_state: RetryState,
}

impl Outcome {
    pub(crate) fn message(&self) -> ActivityExecutionOutcome {
        let value = match &self.ending {
            Ok(result) => Value::Result(result.clone().unwrap_or_default()),
            Err(failure) => Value::Failure((**failure).clone()),
        };
        ActivityExecutionOutcome {
            value: Some(value),
            retry_state: self.retry_state.into(),
        }
    }
}

/// The things that fall due in an activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The attempt is offered to workers.
    Dispatch,
    Timeout(TimeoutType),
}

/// A standalone activity.
#[derive(Debug)]
pub(crate) struct ActivityExecution {
    pub(crate) key: ActivityKey,
    pub(crate) run_id: String,
    /// The request that started it, with its options completed.
    pub(crate) request: Box<StartActivityExecutionRequest>,
    pub(crate) scheduled_ms: u64,
    pub(crate) status: Status,
    /// The current attempt, from 1.
    pub(crate) attempt: i32,
    /// The number of the offer of the attempt: a task with another stamp is stale.
    pub(crate) stamp: u32,
    /// The time at which the attempt is offered to workers.
    pub(crate) dispatch_ms: u64,
    is_offered: bool,
    pub(crate) started_ms: Option<u64>,
    pub(crate) worker_identity: String,
    pub(crate) heartbeat_ms: Option<u64>,
    pub(crate) heartbeat_details: Option<Payloads>,
    pub(crate) heartbeats: i64,
    pub(crate) last_failure: Option<Failure>,
    pub(crate) attempt_complete_ms: Option<u64>,
    pub(crate) retry_interval_ms: Option<u64>,
    pub(crate) cancel: Option<CancelState>,
    pub(crate) terminate_request_id: Option<String>,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) close_ms: Option<u64>,
    pub(crate) callbacks: Vec<CompletionCallback>,
    /// The number of changes so far.
    pub(crate) transitions: i64,
}

impl ActivityExecution {
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.status, Status::Closed(_))
    }

    /// Returns `true` if a worker has an attempt.
    pub(crate) fn is_started(&self) -> bool {
        matches!(self.status, Status::Started | Status::CancelRequested)
    }

    pub(crate) fn activity_id(&self) -> &str {
        &self.request.activity_id
    }

    pub(crate) fn activity_type(&self) -> &str {
        let activity_type = self.request.activity_type.as_ref();
        activity_type.map_or("", |activity_type| &activity_type.name)
    }

    pub(crate) fn task_queue(&self) -> &str {
        let queue = self.request.task_queue.as_ref();
        queue.map_or("", |queue| &queue.name)
    }

    /// Returns the status that clients see.
    pub(crate) fn api_status(&self) -> ActivityExecutionStatus {
        match self.status {
            Status::Closed(status) => status,
            _ => ActivityExecutionStatus::Running,
        }
    }

    pub(crate) fn run_state(&self) -> PendingActivityState {
        match self.status {
            Status::Scheduled => PendingActivityState::Scheduled,
            Status::Started => PendingActivityState::Started,
            Status::CancelRequested => PendingActivityState::CancelRequested,
            Status::Closed(_) => PendingActivityState::Unspecified,
        }
    }

    /// Returns the time at which the first attempt is offered: at once, or after the start delay.
    pub(crate) fn first_dispatch_ms(&self) -> u64 {
        let delay_ms = duration_ms(self.request.start_delay.as_ref());
        self.scheduled_ms.saturating_add(delay_ms)
    }

    /// Returns the end of schedule-to-close, which counts from the end of the start delay.
    pub(crate) fn expires_at_ms(&self) -> Option<u64> {
        let timeout_ms = limit_ms(self.request.schedule_to_close_timeout.as_ref())?;
        Some(self.first_dispatch_ms().saturating_add(timeout_ms))
    }

    /// Returns the next thing that is due, with its time.
    pub(crate) fn next_due(&self) -> Option<(u64, Due)> {
        if self.is_closed() {
            return None;
        }
        let after = |from_ms: u64, timeout: &Option<prost_types::Duration>| {
            limit_ms(timeout.as_ref()).map(|ms| from_ms.saturating_add(ms))
        };
        let request = &self.request;
        let mut due = Vec::new();
        let mut add = |at_ms: Option<u64>, what| due.extend(at_ms.map(|at_ms| (at_ms, what)));
        if self.is_started() {
            let started_ms = self.started_ms.unwrap_or(self.dispatch_ms);
            let heard_ms = self
                .heartbeat_ms
                .map_or(started_ms, |ms| ms.max(started_ms));
            add(
                after(started_ms, &request.start_to_close_timeout),
                Due::Timeout(TimeoutType::StartToClose),
            );
            add(
                after(heard_ms, &request.heartbeat_timeout),
                Due::Timeout(TimeoutType::Heartbeat),
            );
        } else {
            add(
                (!self.is_offered).then_some(self.dispatch_ms),
                Due::Dispatch,
            );
            add(
                after(self.dispatch_ms, &request.schedule_to_start_timeout),
                Due::Timeout(TimeoutType::ScheduleToStart),
            );
        }
        add(
            self.expires_at_ms(),
            Due::Timeout(TimeoutType::ScheduleToClose),
        );
        due.into_iter().min_by_key(|(at_ms, _)| *at_ms)
    }
}
