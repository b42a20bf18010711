//! The ways in which a run closes.
//!
//! All of them end in [`Run::closed`], which drops pending work and notifies the rest of the
//! service.

use crate::{
    api::{
        Payloads, WorkflowExecution,
        common::Link,
        enums::{
            ContinueAsNewInitiator, EventType, RetryState, TimeoutType, WorkflowExecutionStatus,
            WorkflowTaskFailedCause,
        },
        failure::Failure,
        history::{
            WorkflowExecutionCancelRequestedEventAttributes,
            WorkflowExecutionTerminatedEventAttributes, WorkflowExecutionTimedOutEventAttributes,
        },
    },
    base::{failure, reason::Reason},
    history::EventDecoration,
    policies::{cron::Schedule, workflow_retry::WorkflowRetry},
    run::{
        Run, chain::Repetition, start::NewRun, transfer::Transfer,
        workflow_task::WorkflowTaskFailure,
    },
};

/// The identity that the server writes for its own actions.
pub(crate) const HISTORY_SERVICE: &str = "history-service";
/// The identity that the server writes for the actions of a reset.
pub(crate) const HISTORY_RESETTER: &str = "history-resetter";

/// The reason and the identity of a termination.
#[derive(Clone, Debug, Default)]
pub(crate) struct Termination {
    pub(crate) reason: String,
    pub(crate) details: Option<Payloads>,
    pub(crate) identity: String,
    pub(crate) links: Vec<Link>,
    /// The reason that programs recognise, if the service itself terminates the run for one.
    pub(crate) typed_reason: Option<Reason>,
}

/// The reason and the identity of a cancel request.
#[derive(Clone, Debug, Default)]
pub(crate) struct CancelRequest {
    pub(crate) reason: String,
    pub(crate) identity: String,
    pub(crate) links: Vec<Link>,
    /// The run that sends the request; `None` for a client. Its event is the next field.
    pub(crate) sender: Option<WorkflowExecution>,
    pub(crate) sender_initiated_event_id: i64,
}

impl Run {
    /// Terminates the run. A started workflow task fails first.
    ///
    /// Source: `temporalio/temporal: service/history/workflow/util.go` (`TerminateWorkflow`).
    pub(crate) fn terminate(&mut self, now_ms: u64, termination: Termination) {
        self.fail_started_workflow_task(now_ms);
        self.history.add_decorated(
            now_ms,
            WorkflowExecutionTerminatedEventAttributes {
                reason: termination.reason,
                details: termination.details,
                identity: termination.identity,
            },
            EventDecoration {
                links: termination.links,
                ..EventDecoration::default()
            },
        );
        self.state.terminated_for = termination.typed_reason;
        self.closed(now_ms, WorkflowExecutionStatus::Terminated);
    }

    /// Times the run out.
    ///
    /// If its retry policy or its cron schedule asks for another run, the start of that run is
    /// returned; the caller starts it with the id `next_run_id`.
    ///
    /// Source: `temporalio/temporal: service/history/timer_queue_active_task_executor.go`
    /// (`executeWorkflowRunTimeoutTask`).
    pub(crate) fn time_out(&mut self, now_ms: u64, next_run_id: String) -> Option<NewRun> {
        let failure = failure::timeout("workflow timeout", TimeoutType::StartToClose);
        let is_expired = self
            .state
            .execution_expiration_ms
            .is_some_and(|at_ms| at_ms <= now_ms);
        // Once the execution timeout has passed, no run follows.
        let (next, retry_state) = if is_expired {
            (None, RetryState::Timeout)
        } else {
            match self.retry_backoff_ms(now_ms, Some(&failure)) {
                Ok(backoff_ms) => (
                    Some((ContinueAsNewInitiator::Retry, backoff_ms)),
                    RetryState::InProgress,
                ),
                Err(retry_state) => {
                    let cron = self.cron_backoff_ms(now_ms);
                    (
                        cron.map(|backoff_ms| (ContinueAsNewInitiator::CronSchedule, backoff_ms)),
                        retry_state,
                    )
                }
            }
        };
        let next_run = next.map(|(initiator, backoff_ms)| {
            let last_completion_result = self.started().last_completion_result.clone();
            let repetition = Repetition {
                initiator,
                backoff_ms,
                last_completion_result,
                failure: Some(failure),
            };
            self.repetition(repetition, now_ms)
        });
        // Close this run.
        self.fail_started_workflow_task(now_ms);
        let new_execution_run_id = if next_run.is_some() {
            next_run_id
        } else {
            String::new()
        };
        self.state.next_run_id = next_run.is_some().then(|| new_execution_run_id.clone());
        self.history.add(
            now_ms,
            WorkflowExecutionTimedOutEventAttributes {
                retry_state: retry_state.into(),
                new_execution_run_id,
            },
        );
        self.closed(now_ms, WorkflowExecutionStatus::TimedOut);
        next_run
    }

    /// Returns the pause before the retry of this run after a failure.
    ///
    /// # Errors
    ///
    /// The reason why the run is not retried.
    pub(crate) fn retry_backoff_ms(
        &self,
        now_ms: u64,
        failure: Option<&Failure>,
    ) -> Result<u64, RetryState> {
        let started = self.started();
        WorkflowRetry {
            policy: started.retry_policy.as_ref(),
            attempt: started.attempt,
            execution_expires_at_ms: self.state.execution_expiration_ms,
        }
        .next_run(now_ms, failure)
    }

    /// Returns the pause before the next run of the cron schedule, if there is one.
    pub(crate) fn cron_backoff_ms(&self, now_ms: u64) -> Option<u64> {
        let spec = &self.started().cron_schedule;
        if spec.is_empty() {
            return None;
        }
        // The schedule was checked when the chain began. If it has no next time, the chain ends.
        Schedule::parse(spec)
            .ok()?
            .backoff_ms(self.execution_ms(), now_ms)
    }

    /// Returns `true` if the cancellation of the run is requested and no completed workflow task
    /// knew of the request.
    pub(crate) fn has_unseen_cancel_request(&self) -> bool {
        let seen = usize::try_from(self.state.workflow_task.last_completed_started_event_id);
        let mut seen = self.history.events().iter().take(seen.unwrap_or(0));
        self.state.cancel_requested
            && !seen.any(|it| it.event_type() == EventType::WorkflowExecutionCancelRequested)
    }

    /// Requests the cancellation of the run, once.
    pub(crate) fn request_cancel(&mut self, now_ms: u64, request: CancelRequest) {
        if !self.is_running() || self.state.cancel_requested {
            return;
        }
        self.state.cancel_requested = true;
        self.history.add_decorated(
            now_ms,
            WorkflowExecutionCancelRequestedEventAttributes {
                cause: request.reason,
                external_initiated_event_id: request.sender_initiated_event_id,
                external_workflow_execution: request.sender,
                identity: request.identity,
            },
            EventDecoration {
                links: request.links,
                ..EventDecoration::default()
            },
        );
        // Unlike a signal, the request does not wait for a delayed first workflow task.
        self.hasten_workflow_task(now_ms);
    }

    /// Fails a started workflow task before the server itself closes the run, and writes the events
    /// that waited for the task.
    fn fail_started_workflow_task(&mut self, now_ms: u64) {
        if self.has_started_workflow_task() {
            let cause = WorkflowTaskFailedCause::ForceCloseCommand;
            self.fail_workflow_task(
                now_ms,
                WorkflowTaskFailure::new(cause, None, HISTORY_SERVICE),
            );
        }
        self.flush_buffered_events();
    }

    /// Updates the state after the closing event was written.
    pub(crate) fn closed(&mut self, now_ms: u64, status: WorkflowExecutionStatus) {
        self.state.status = status;
        self.state.close_ms = Some(now_ms);
        self.state.workflow_task.current = None;
        self.state.first_workflow_task_ms = None;
        self.updates.fail_accepted();
        self.outbox.push(Transfer::Closed { run: self.key });
    }
}
