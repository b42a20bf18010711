//! The progress of a workflow task, as the worker tells it to its caller.

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

/// The outcome of a task, or what the worker needs to continue the task.
#[derive(Debug)]
#[non_exhaustive]
pub enum WorkflowTaskProgress {
    /// The workflow task is done: send this completion.
    Completed(Box<RespondWorkflowTaskCompletedRequest>),
    /// The workflow task failed. The run is no longer cached.
    Failed(Box<WorkflowTaskFailure>),
    /// A legacy query was answered: send this answer.
    QueryAnswered(Box<RespondQueryTaskCompletedRequest>),
    /// A legacy query could not be answered, because its run could not be rebuilt: send the answer
    /// in this failure.
    QueryFailed(Box<QueryFailure>),
    /// A part of history is missing: send this request, and give the response to
    /// [`on_history_page`](crate::WorkflowWorker::on_history_page).
    NeedsHistory {
        /// The fetch that the response belongs to.
        fetch: HistoryFetch,
        /// The request for the missing part.
        request: Box<GetWorkflowExecutionHistoryRequest>,
    },
    /// The task waits for local activities.
    RunLocalActivities(Box<LocalActivityWork>),
    /// There is nothing to do: the task in question is over, or waits for something else.
    Idle,
}

/// A fetch of history, for one task of a run.
///
/// A newer task may replace the one that waits. The page for the older task then comes too late,
/// and must not be taken for that of the newer one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryFetch {
    /// The run whose history is missing.
    pub run_id: String,
    /// The number of the fetch, which is new for each task.
    pub number: u64,
}

/// A workflow task that failed.
#[derive(Debug)]
pub struct WorkflowTaskFailure {
    /// The token of the task; empty if the run failed between its tasks.
    pub task_token: Vec<u8>,
    /// The report for the service. `None` from the second attempt of a task on: Core keeps silent
    /// and lets the task time out.
    pub request: Option<Box<RespondWorkflowTaskFailedRequest>>,
    /// The failure, reported or not.
    pub failure: Failure,
    /// The cause that history records.
    pub cause: WorkflowTaskFailedCause,
    /// The reason of the failure, for a report to a person.
    pub reason: TaskFailureReason,
}

/// A query whose run could not be rebuilt.
#[derive(Debug)]
pub struct QueryFailure {
    /// The answer for the service.
    pub request: RespondQueryTaskCompletedRequest,
    /// The difference between commands and history, if that is the reason.
    pub nondeterminism: Option<Nondeterminism>,
}

/// Local activities to start and to cancel before the workflow task can go on.
#[derive(Debug, Clone)]
pub struct LocalActivityWork {
    /// The run that waits.
    pub run_id: String,
    /// The sequence numbers of the local activities to cancel, before any is started. Each still
    /// needs a resolution: [`CancelledBetweenAttempts`] if it waits for its next attempt.
    ///
    /// [`CancelledBetweenAttempts`]: crate::LocalActivityOutcome::CancelledBetweenAttempts
    pub cancel: Vec<u32>,
    /// The attempts to start.
    pub start: Vec<LocalActivityTask>,
    /// The heartbeat of the workflow task; set once for each task that waits for local activities,
    /// including those of earlier tasks.
    pub heartbeat: Option<WorkflowTaskHeartbeat>,
}

/// The early completion of a workflow task that waits for local activities, which keeps the task
/// from timing out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkflowTaskHeartbeat {
    /// The number of the workflow task, for
    /// [`on_heartbeat_due`](crate::WorkflowWorker::on_heartbeat_due).
    pub task: u64,
    /// The time from now until the completion: 80 % of the task's timeout.
    pub after: Duration,
}

impl WorkflowTaskHeartbeat {
    /// Returns the time at which the task is completed early, in milliseconds since the Unix epoch.
    pub fn due_ms(&self, now_ms: u64) -> u64 {
        time::millis_after(now_ms, self.after)
    }
}
