//! The workflow task of a run, as a state machine.
//!
//! At most one task is pending: scheduled, then started, then completed, failed or timed out. A
//! failure on the normal task queue increases the attempt, and makes the task *transient*: its
//! events are sent to the worker, but enter history only if it completes. A *speculative* task
//! carries updates, and leaves no trace if they are all rejected.
//!
//! Source: `temporalio/temporal: service/history/workflow/workflow_task_state_machine.go`.

pub(crate) mod endings;
mod lifecycle;

use crate::api::{
    common::WorkerVersionStamp,
    enums::{SuggestContinueAsNewReason, TimeoutType, WorkflowTaskFailedCause},
    failure::Failure,
};

/// The kinds of workflow tasks: a speculative task is not recorded when it is scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WorkflowTaskKind {
    Normal,
    Speculative,
}

/// A scheduled or started workflow task.
#[derive(Clone, Debug)]
pub(crate) struct WorkflowTask {
    pub(crate) kind: WorkflowTaskKind,
    pub(crate) scheduled_event_id: i64,
    /// The id of the started event; 0 until the task is started.
    pub(crate) started_event_id: i64,
    /// The place of the task among all starts of workflow tasks of the run.
    pub(crate) start_ordinal: u32,
    pub(crate) attempt: i32,
    pub(crate) timeout_ms: u64,
    pub(crate) scheduled_ms: u64,
    pub(crate) original_scheduled_ms: u64,
    pub(crate) started_ms: u64,
    /// The id of the request that started the task; empty once history has it.
    pub(crate) request_id: String,
    pub(crate) suggestions: Vec<SuggestContinueAsNewReason>,
    pub(crate) history_size_bytes: i64,
    /// The time at which a task that no worker has taken times out: on the sticky queue, or if it
    /// is speculative.
    pub(crate) sticky_deadline_ms: Option<u64>,
    /// True if the task tells a pinned workflow of a version that it does not move to by itself.
    pub(crate) target_changed: bool,
}

impl WorkflowTask {
    pub(crate) fn is_started(&self) -> bool {
        self.started_event_id != 0
    }
}

/// The sticky queue of the worker that has the run in its cache.
#[derive(Clone, Debug)]
pub(crate) struct Sticky {
    pub(crate) name: String,
    pub(crate) schedule_to_start_ms: u64,
}

/// The reason why the last workflow task did not complete, for descriptions, queries and reports.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WorkflowTaskProblem {
    Failed {
        cause: WorkflowTaskFailedCause,
        message: String,
    },
    TimedOut(TimeoutType),
}

/// The workflow task of a run, and the state that the next one depends on.
#[derive(Clone, Debug)]
pub(crate) struct WorkflowTaskState {
    pub(crate) current: Option<WorkflowTask>,
    /// The attempt of the current task, or of the next one.
    pub(crate) attempt: i32,
    pub(crate) sticky: Option<Sticky>,
    /// The started event of the last completed task; 0 until a task completed.
    pub(crate) last_completed_started_event_id: i64,
    pub(crate) last_problem: Option<WorkflowTaskProblem>,
    /// True if the last attempt to close the run failed because of buffered events.
    pub(crate) close_attempted: bool,
}

impl Default for WorkflowTaskState {
    fn default() -> Self {
        Self {
            current: None,
            attempt: 1,
            sticky: None,
            last_completed_started_event_id: 0,
            last_problem: None,
            close_attempted: false,
        }
    }
}

impl WorkflowTaskState {
    pub(crate) fn is_transient(&self) -> bool {
        self.attempt > 1
    }

    pub(crate) fn started(&self) -> Option<&WorkflowTask> {
        self.current.as_ref().filter(|task| task.is_started())
    }
}

/// The worker that starts a workflow task.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Starter<'a> {
    pub(crate) identity: &'a str,
    pub(crate) stamp: Option<&'a WorkerVersionStamp>,
}

impl<'a> From<&'a str> for Starter<'a> {
    /// Returns a worker without a version, or the service itself.
    fn from(identity: &'a str) -> Self {
        Self {
            identity,
            stamp: None,
        }
    }
}

/// The failure of a workflow task, as its worker sent it.
pub(crate) struct WorkflowTaskFailure {
    pub(crate) cause: WorkflowTaskFailedCause,
    pub(crate) failure: Option<Failure>,
    pub(crate) identity: String,
    pub(crate) stamp: Option<WorkerVersionStamp>,
    /// The build id of older SDKs.
    pub(crate) binary_checksum: String,
    /// The run that a reset takes as its base, if the task fails because of the reset.
    pub(crate) base_run_id: String,
    pub(crate) new_run_id: String,
}

impl WorkflowTaskFailure {
    pub(crate) fn new(
        cause: WorkflowTaskFailedCause,
        failure: Option<Failure>,
        identity: &str,
    ) -> Self {
        Self {
            cause,
            failure,
            identity: identity.to_owned(),
            stamp: None,
            binary_checksum: String::new(),
            base_run_id: String::new(),
            new_run_id: String::new(),
        }
    }
}
