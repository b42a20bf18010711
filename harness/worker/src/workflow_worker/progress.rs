//! What comes of a workflow task.

use std::time::Duration;

use temporalio_protos::{
    coresdk::{activity_result::ActivityResolution, workflow_commands::ScheduleLocalActivity},
    temporal::api::{
        enums::v1::{TimeoutType, WorkflowTaskFailedCause},
        failure::v1::Failure,
        workflowservice::v1::{
            GetWorkflowExecutionHistoryRequest, RespondQueryTaskCompletedRequest,
            RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskFailedRequest,
        },
    },
};

use crate::time;

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
    /// The report for the service. `None` from the second attempt of a task on: Core keeps silent and
    /// lets the task time out.
    pub request: Option<Box<RespondWorkflowTaskFailedRequest>>,
    /// The failure, whether or not it is reported.
    pub failure: Failure,
    /// Its cause, as the service records it.
    pub cause: WorkflowTaskFailedCause,
    /// Set if the commands did not match history.
    pub nondeterminism: Option<Nondeterminism>,
    /// Set if workflow code panicked.
    pub panic: Option<WorkflowPanic>,
}

/// A query whose run could not be rebuilt.
#[derive(Debug)]
pub struct QueryFailure {
    /// The answer for the service.
    pub request: RespondQueryTaskCompletedRequest,
    /// Set if the commands did not match history.
    pub nondeterminism: Option<Nondeterminism>,
}

/// Where commands and history part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nondeterminism {
    /// The event that did not match, if there is one.
    pub event_id: Option<i64>,
    /// The event in words: what history holds.
    pub expected: String,
    /// The command in words: what workflow code issued.
    pub got: String,
    /// Core's own wording, with `[TMPRL1100]`.
    pub message: String,
    /// The backtrace of the code that issued the command, if backtraces are on.
    pub issued_at: Option<String>,
}

/// A panic in workflow code, caught.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowPanic {
    /// What the panic said.
    pub message: String,
    /// `file:line:column` of the panic.
    pub location: Option<String>,
    /// Its backtrace, if backtraces are on.
    pub backtrace: Option<String>,
}

/// Local activities to start and to cancel before the workflow task can go on.
#[derive(Debug, Clone)]
pub struct LocalActivityWork {
    /// The run that waits.
    pub run_id: String,
    /// Attempts to start.
    pub start: Vec<LocalActivityTask>,
    /// Sequence numbers of local activities to cancel. Each must still be answered, as
    /// cancelled if its next attempt is yet to start.
    pub cancel: Vec<u32>,
    /// How long after the start of the workflow task [`on_heartbeat_due`](crate::WorkflowWorker::on_heartbeat_due) is to be called
    /// if local activities are still running: 80 % of the task's timeout.
    pub heartbeat_after: Duration,
}

/// One attempt of a local activity.
#[derive(Debug, Clone)]
pub struct LocalActivityTask {
    /// Names the local activity within its run.
    pub seq: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// How long to wait before it starts: the backoff after the last attempt.
    pub after: Duration,
    /// When the first attempt was scheduled, in milliseconds since the Unix epoch.
    pub original_schedule_ms: u64,
    /// What the workflow asked for.
    pub schedule: ScheduleLocalActivity,
}

/// What became of one attempt of a local activity.
#[derive(Debug, Clone)]
pub struct LocalActivityResolution {
    /// When the attempt ended, in milliseconds since the Unix epoch. Workflow time advances to it.
    pub now_ms: u64,
    /// How it ended.
    pub outcome: LocalActivityOutcome,
}

/// How one attempt of a local activity ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "nearly all are of the large one")]
pub enum LocalActivityOutcome {
    /// It completed, failed or was cancelled. Whether a failure is retried is decided by the retry policy, and
    /// by the failure.
    Resolved(ActivityResolution),
    /// It ran too long. Only [`TimeoutType::StartToClose`] is retried.
    TimedOut(TimeoutType),
}

impl LocalActivityTask {
    /// When the local activity as a whole must be done, over all its attempts, in milliseconds since the Unix
    /// epoch.
    pub fn schedule_to_close_deadline_ms(&self) -> Option<u64> {
        let timeout = time::duration(self.schedule.schedule_to_close_timeout)?;
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        Some(self.original_schedule_ms.saturating_add(timeout_ms))
    }

    /// How long this attempt may take.
    pub fn start_to_close_timeout(&self) -> Option<Duration> {
        let total = time::duration(self.schedule.schedule_to_close_timeout);
        let attempt = time::duration(self.schedule.start_to_close_timeout)?;
        Some(total.map_or(attempt, |total| attempt.min(total)))
    }
}
