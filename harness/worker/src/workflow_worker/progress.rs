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
    /// The report for the service. `None` from the second attempt of a task on: Core keeps silent
    /// and lets the task time out.
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
    /// Set if nothing that history holds made the code go on: something besides the SDK woke it.
    pub woken_from_outside: bool,
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
    /// Sequence numbers of local activities to cancel, before anything is started. Each must still
    /// be answered: with [`LocalActivityOutcome::CancelledBetweenAttempts`] if it waits for its
    /// next attempt.
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

/// One attempt of a local activity.
#[derive(Debug, Clone)]
pub struct LocalActivityTask {
    /// Names the local activity within its run.
    pub seq: u32,
    /// The attempt, from 1.
    pub attempt: u32,
    /// How long to wait before it starts: the backoff after the last attempt.
    pub after: Duration,
    /// What the workflow asked for.
    pub schedule: ScheduleLocalActivity,
}

/// What became of one attempt of a local activity.
#[derive(Debug, Clone)]
pub struct LocalActivityResolution {
    /// How long the attempt ran. Workflow time advances by it.
    pub runtime: Duration,
    /// How it ended.
    pub outcome: LocalActivityOutcome,
}

/// How one attempt of a local activity ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
#[expect(clippy::large_enum_variant, reason = "nearly all are of the large one")]
pub enum LocalActivityOutcome {
    /// It completed, failed or was cancelled. Whether a failure is retried is decided by the retry
    /// policy, and by the failure.
    Resolved(ActivityResolution),
    /// It took too long. Only [`TimeoutType::StartToClose`] is retried.
    TimedOut(TimeoutType),
    /// It was cancelled while it waited for its next attempt.
    CancelledBetweenAttempts,
}

impl WorkflowTaskHeartbeat {
    /// Returns the time at which the task is completed early, in milliseconds since the Unix epoch.
    pub fn due_ms(&self, now_ms: u64) -> u64 {
        time::millis_after(now_ms, self.after)
    }
}

impl LocalActivityTask {
    /// When an attempt that still runs is one too many, in milliseconds since the Unix epoch, for
    /// an activity whose first attempt was asked for at `requested_ms`. An activity that is carried
    /// over a backoff timer counts from its very first request.
    pub fn schedule_to_close_deadline_ms(&self, requested_ms: u64) -> Option<u64> {
        let timeout = time::duration(self.schedule.schedule_to_close_timeout)?;
        let from_ms = self
            .schedule
            .original_schedule_time
            .map_or(requested_ms, time::to_millis);
        Some(time::millis_after(from_ms, timeout))
    }

    /// How long after its request an attempt may still start.
    pub fn schedule_to_start_timeout(&self) -> Option<Duration> {
        self.within_schedule_to_close(self.schedule.schedule_to_start_timeout)
    }

    /// How long an attempt may take.
    pub fn start_to_close_timeout(&self) -> Option<Duration> {
        self.within_schedule_to_close(self.schedule.start_to_close_timeout)
    }

    fn within_schedule_to_close(&self, timeout: Option<prost_types::Duration>) -> Option<Duration> {
        let total = time::duration(self.schedule.schedule_to_close_timeout);
        let timeout = time::duration(timeout)?;
        Some(total.map_or(timeout, |total| timeout.min(total)))
    }
}
