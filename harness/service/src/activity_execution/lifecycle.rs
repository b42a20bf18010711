//! The life of a standalone activity: scheduled, started, heard from, retried, closed.

use crate::{
    activity_execution::{ActivityExecution, CancelState, Due, Ending, Outcome, Status},
    api::{
        Payloads,
        enums::{ActivityExecutionStatus, CallbackState, RetryState, TimeoutType},
        failure::{CanceledFailureInfo, Failure, failure::FailureInfo},
        rpc::StartActivityExecutionRequest,
    },
    base::{failure, identifiers::ActivityKey, payload},
    policies::{activity_retry::ActivityRetry, retry},
    run::callbacks::CompletionCallback,
};

impl ActivityExecution {
    /// Returns an activity that is scheduled now.
    pub(crate) fn schedule(
        now_ms: u64,
        key: ActivityKey,
        run_id: String,
        request: StartActivityExecutionRequest,
    ) -> Self {
        let mut activity = Self {
            key,
            run_id,
            request: Box::new(request),
            scheduled_ms: now_ms,
            status: Status::Scheduled,
            attempt: 1,
            stamp: 1,
            dispatch_ms: now_ms,
            is_offered: false,
            started_ms: None,
            worker_identity: String::new(),
            heartbeat_ms: None,
            heartbeat_details: None,
            heartbeats: 0,
            last_failure: None,
            attempt_complete_ms: None,
            retry_interval_ms: None,
            cancel: None,
            terminate_request_id: None,
            outcome: None,
            close_ms: None,
            callbacks: Vec::new(),
            transitions: 1,
        };
        activity.dispatch_ms = activity.first_dispatch_ms();
        let request = activity.request.clone();
        activity.attach(now_ms, &request);
        activity
    }

    /// Registers the callbacks of a request.
    pub(crate) fn attach(&mut self, now_ms: u64, request: &StartActivityExecutionRequest) {
        let new = request.completion_callbacks.iter();
        self.callbacks
            .extend(new.map(|callback| CompletionCallback {
                callback: callback.clone(),
                request_id: request.request_id.clone(),
                registered_ms: now_ms,
                state: CallbackState::Standby,
                called_ms: None,
                last_failure: None,
            }));
    }

    /// Hands the attempt to a worker.
    pub(crate) fn start(&mut self, now_ms: u64, identity: &str) {
        self.status = Status::Started;
        self.started_ms = Some(now_ms);
        identity.clone_into(&mut self.worker_identity);
    }

    pub(crate) fn record_heartbeat(&mut self, now_ms: u64, details: Option<Payloads>) {
        self.heartbeat_ms = Some(now_ms);
        self.heartbeat_details = details;
        self.heartbeats += 1;
    }

    /// Completes the activity, which a client may do before any worker has started it.
    pub(crate) fn complete(&mut self, now_ms: u64, result: Option<Payloads>, identity: String) {
        if !self.is_started() {
            self.started_ms = Some(now_ms);
        }
        self.attempt_complete_ms = Some(now_ms);
        self.worker_identity = identity;
        self.close(
            now_ms,
            ActivityExecutionStatus::Completed,
            Ok(result),
            RetryState::Unspecified,
        );
    }

    /// Fails an attempt: the activity is retried, or it fails.
    pub(crate) fn fail(&mut self, now_ms: u64, failure: Option<Failure>, identity: String) {
        let Err(retry_state) = self.retry(now_ms, failure.as_ref()) else {
            return;
        };
        // A client could not tell an outcome without a failure from no outcome.
        let failure = failure.unwrap_or_else(|| Failure {
            message: "activity task failed without failure details".to_owned(),
            ..Failure::default()
        });
        self.worker_identity = identity;
        self.end_attempt(now_ms, Some(failure.clone()));
        self.close(
            now_ms,
            ActivityExecutionStatus::Failed,
            Err(Box::new(failure)),
            retry_state,
        );
    }

    fn end_attempt(&mut self, now_ms: u64, failure: Option<Failure>) {
        self.last_failure = failure;
        self.attempt_complete_ms = Some(now_ms);
        self.retry_interval_ms = None;
    }

    /// Schedules the next attempt.
    ///
    /// # Errors
    ///
    /// The reason why there is none.
    fn retry(&mut self, now_ms: u64, failure: Option<&Failure>) -> Result<(), RetryState> {
        // A delay of 0 is none here. (It ends the retries of an activity of a workflow.)
        let undelayed = failure
            .filter(|failure| retry::requested_delay_nanos(Some(failure)) == Some(0))
            .map(without_delay);
        let delay_ms = ActivityRetry {
            policy: self.request.retry_policy.as_ref(),
            attempt: self.attempt,
            cancel_requested: self.status == Status::CancelRequested,
            // The next attempt has to begin before the deadline.
            expires_at_ms: self.expires_at_ms().map(|at_ms| at_ms.saturating_sub(1)),
        }
        .next_attempt(now_ms, undelayed.as_ref().or(failure))?;
        self.end_attempt(now_ms, failure.map(failure::of_attempt));
        self.retry_interval_ms = Some(delay_ms);
        self.status = Status::Scheduled;
        self.attempt += 1;
        self.stamp += 1;
        self.dispatch_ms = now_ms.saturating_add(delay_ms);
        self.is_offered = false;
        Ok(())
    }

    /// Requests the cancellation. An activity that no worker has is canceled at once.
    pub(crate) fn request_cancel(&mut self, now_ms: u64, cancel: CancelState) {
        let is_started = self.is_started();
        let reason = payload::words(&cancel.reason);
        self.status = Status::CancelRequested;
        self.cancel = Some(cancel);
        if !is_started {
            self.cancel(now_ms, Some(reason));
        }
    }

    /// Closes an activity whose cancellation is requested.
    pub(crate) fn cancel(&mut self, now_ms: u64, details: Option<Payloads>) {
        let identity = self.cancel.as_ref().map(|cancel| cancel.identity.clone());
        let failure = Failure {
            message: "Activity canceled".to_owned(),
            failure_info: Some(FailureInfo::CanceledFailureInfo(CanceledFailureInfo {
                details,
                identity: identity.unwrap_or_default(),
            })),
            ..Failure::default()
        };
        self.close(
            now_ms,
            ActivityExecutionStatus::Canceled,
            Err(Box::new(failure)),
            RetryState::Unspecified,
        );
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
        self.close(
            now_ms,
            ActivityExecutionStatus::Terminated,
            Err(Box::new(failure)),
            RetryState::Unspecified,
        );
    }

    /// Does the next thing that is due. Returns `true` if the attempt is to be offered to workers.
    pub(crate) fn fire(&mut self, now_ms: u64) -> bool {
        match self.next_due() {
            Some((due_ms, Due::Dispatch)) if due_ms <= now_ms => {
                self.is_offered = true;
                true
            }
            Some((due_ms, Due::Timeout(timeout))) if due_ms <= now_ms => {
                self.time_out(now_ms, timeout);
                false
            }
            _ => false,
        }
    }

    fn time_out(&mut self, now_ms: u64, timeout: TimeoutType) {
        let is_of_attempt = matches!(timeout, TimeoutType::StartToClose | TimeoutType::Heartbeat);
        let mut failure = failure::activity_timeout(timeout);
        let retry_state = if is_of_attempt {
            match self.retry(now_ms, Some(&failure)) {
                Ok(()) => return,
                Err(retry_state) => retry_state,
            }
        } else if self.status == Status::CancelRequested {
            RetryState::CancelRequested
        } else {
            RetryState::Timeout
        };
        if let Some(FailureInfo::TimeoutFailureInfo(info)) = &mut failure.failure_info {
            info.last_heartbeat_details
                .clone_from(&self.heartbeat_details);
        }
        failure.cause = self.last_failure.clone().map(Box::new);
        if is_of_attempt {
            self.end_attempt(now_ms, Some(failure.clone()));
        }
        self.close(
            now_ms,
            ActivityExecutionStatus::TimedOut,
            Err(Box::new(failure)),
            retry_state,
        );
    }

    fn close(
        &mut self,
        now_ms: u64,
        status: ActivityExecutionStatus,
        ending: Ending,
        retry_state: RetryState,
    ) {
        self.status = Status::Closed(status);
        self.close_ms = Some(now_ms);
        self.outcome = Some(Outcome {
            ending,
            retry_state,
        });
    }
}

fn without_delay(failure: &Failure) -> Failure {
    let mut failure = failure.clone();
    if let Some(FailureInfo::ApplicationFailureInfo(info)) = &mut failure.failure_info {
        info.next_retry_delay = None;
    }
    failure
}
