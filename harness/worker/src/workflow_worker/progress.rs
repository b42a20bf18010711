//! What comes of a workflow task.

use std::time::Duration;

use temporalio_protos::temporal::api::{
    enums::v1::WorkflowTaskFailedCause,
    failure::v1::Failure,
    workflowservice::v1::{
        GetWorkflowExecutionHistoryRequest, RespondQueryTaskCompletedRequest,
        RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskFailedRequest,
    },
};

use crate::{LocalActivityTask, Nondeterminism, TaskFailureReason, time};

/// What became of a task, or what is needed to go on with it.
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkflowTaskProgress {
    /// The workflow task is done; send this.
    Completed(Box<RespondWorkflowTaskCompletedRequest>),
    /// The workflow task failed; the run is no longer cached.
    Failed(Box<WorkflowTaskFailure>),
    /// A legacy query was answered; send this.
    QueryAnswered(Box<RespondQueryTaskCompletedRequest>),
    /// A legacy query could not be answered, for its run could not be rebuilt; send what it holds.
    QueryFailed(Box<QueryFailure>),
    /// Part of the history is missing; ask for it and give the answer to
    /// [`on_history_page`](crate::WorkflowWorker::on_history_page).
    NeedsHistory {
        /// The run whose history is missing.
        run_id: String,
        /// What to ask the service for.
        request: Box<GetWorkflowExecutionHistoryRequest>,
    },
    /// The task waits for local activities.
    RunLocalActivities(Box<LocalActivityWork>),
    /// Nothing to do: the task that this belonged to is over, or something else is still under way.
    Idle,
}

/// A workflow task that failed.
#[derive(Debug)]
pub struct WorkflowTaskFailure {
    /// The token of the task; empty if the run failed between its tasks.
    pub task_token: Vec<u8>,
    /// The report for the service. `None` from the second attempt of a task on: Core keeps silent
    /// and lets the task time out.
    pub request: Option<Box<RespondWorkflowTaskFailedRequest>>,
    /// The failure, whether or not it is reported.
    pub failure: Failure,
    /// Its cause, as the service records it.
    pub cause: WorkflowTaskFailedCause,
    /// The reason for which it failed, typed.
    pub reason: TaskFailureReason,
}

/// A query whose run could not be rebuilt.
#[derive(Debug)]
pub struct QueryFailure {
    /// The answer for the service.
    pub request: RespondQueryTaskCompletedRequest,
    /// Set if the commands did not match history.
    pub nondeterminism: Option<Nondeterminism>,
}

/// Local activities to start and to cancel before the workflow task can go on.
#[derive(Debug, Clone)]
pub struct LocalActivityWork {
    /// The run that waits.
    pub run_id: String,
    /// Sequence numbers of local activities to cancel, before anything is started. Each must still
    /// be answered: with [`CancelledBetweenAttempts`] if it waits for its next attempt.
    ///
    /// [`CancelledBetweenAttempts`]: crate::LocalActivityOutcome::CancelledBetweenAttempts
    pub cancel: Vec<u32>,
    /// Attempts to start.
    pub start: Vec<LocalActivityTask>,
    /// Set once for each workflow task that waits for local activities, those of earlier tasks
    /// included.
    pub heartbeat: Option<WorkflowTaskHeartbeat>,
}

/// When a workflow task that waits for local activities is to be completed early, so that it does
/// not time out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkflowTaskHeartbeat {
    /// Names the workflow task to [`on_heartbeat_due`](crate::WorkflowWorker::on_heartbeat_due).
    pub task: u64,
    /// How long from now: 80 % of the task's timeout.
    pub after: Duration,
}

impl WorkflowTaskHeartbeat {
    /// Returns the time at which the task is completed early, in milliseconds since the Unix epoch.
    pub fn due_ms(&self, now_ms: u64) -> u64 {
        time::millis_after(now_ms, self.after)
    }
}
