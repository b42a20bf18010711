//! The workflow side of a worker process: workflow tasks in, completions out.

use std::{collections::BTreeSet, time::Duration};

use temporalio_common::data_converters::DataConverter;
use temporalio_protos::{
    coresdk::{activity_result::ActivityResolution, workflow_commands::ScheduleLocalActivity},
    temporal::api::{
        failure::v1::Failure,
        workflowservice::v1::{
            GetWorkflowExecutionHistoryRequest, GetWorkflowExecutionHistoryResponse,
            PollWorkflowTaskQueueResponse, RespondQueryTaskCompletedRequest,
            RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskFailedRequest,
        },
    },
};

use crate::WorkflowDefinitions;

/// Errors in workflow code that can be made to fail the workflow instead of its workflow task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum WorkflowErrorType {
    /// The commands did not match history.
    Nondeterminism,
}

/// How a [`WorkflowWorker`] runs workflow code.
#[derive(Clone)]
pub struct WorkflowWorkerOptions {
    /// The namespace that commands and query answers name.
    pub namespace: String,
    /// The task queue the worker polls; activities without one of their own go there.
    pub task_queue: String,
    /// How the worker names itself in its requests.
    pub identity: String,
    /// The sticky task queue of this worker; `None` asks for no stickiness.
    pub sticky_queue: Option<String>,
    /// How long the service lets a task wait in the sticky queue. Core's default is ten seconds.
    pub sticky_schedule_to_start_timeout: Duration,
    /// How many runs are kept between their tasks; 0 evicts a run after each completed task.
    pub max_cached: usize,
    /// How workflow inputs and results become payloads.
    pub data_converter: DataConverter,
    /// Errors that fail the workflow, whatever its type, instead of the workflow task.
    pub workflow_failure_errors: BTreeSet<WorkflowErrorType>,
    /// The worker's build id, as the SDK reports it with each completion.
    pub build_id: String,
    /// Whether a wake that no SDK future caused fails the workflow task, as the SDK does by default.
    pub detect_nondeterministic_futures: bool,
    /// Whether backtraces are kept, of panics and of the code that issued each command. Slow.
    pub backtraces: bool,
}

impl WorkflowWorkerOptions {
    /// The SDK's defaults for a worker of this task queue: 1,000 cached runs, a sticky queue, ten seconds.
    pub fn new(
        namespace: impl Into<String>,
        task_queue: impl Into<String>,
        identity: impl Into<String>,
    ) -> Self {
        let identity = identity.into();
        Self {
            namespace: namespace.into(),
            task_queue: task_queue.into(),
            sticky_queue: Some(format!("{identity}-sticky")),
            identity,
            sticky_schedule_to_start_timeout: Duration::from_secs(10),
            max_cached: 1000,
            data_converter: DataConverter::default(),
            workflow_failure_errors: BTreeSet::new(),
            build_id: String::new(),
            detect_nondeterministic_futures: true,
            backtraces: false,
        }
    }
}

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
    /// Part of the history is missing; ask for it and give the answer to [`WorkflowWorker::on_history_page`].
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
    /// The report for the service. `None` from the second attempt of a task on: Core keeps silent and
    /// lets the task time out.
    pub request: Option<Box<RespondWorkflowTaskFailedRequest>>,
    /// The failure, whether or not it is reported.
    pub failure: Failure,
    /// Set if the commands did not match history.
    pub nondeterminism: Option<Nondeterminism>,
    /// Set if workflow code panicked.
    pub panic: Option<WorkflowPanic>,
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
    /// Sequence numbers of running attempts to cancel; each must still be answered.
    pub cancel: Vec<u32>,
    /// How long after the start of the workflow task [`WorkflowWorker::on_heartbeat_due`] is to be called
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
    /// When the attempt ended, in milliseconds since the Unix epoch.
    pub now_ms: u64,
    /// How it ended.
    pub outcome: LocalActivityOutcome,
}

/// How one attempt of a local activity ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum LocalActivityOutcome {
    /// It completed, failed or was cancelled.
    Resolved(ActivityResolution),
}

/// Runs the workflow tasks of one worker process.
pub struct WorkflowWorker {
    options: WorkflowWorkerOptions,
    definitions: WorkflowDefinitions,
}

impl WorkflowWorker {
    /// A worker with an empty cache.
    pub fn new(options: WorkflowWorkerOptions, definitions: WorkflowDefinitions) -> Self {
        Self { options, definitions }
    }

    /// Handles the response of a workflow task poll.
    pub fn on_task(&mut self, task: PollWorkflowTaskQueueResponse) -> WorkflowTaskProgress {
        let _ = (task, &self.options, &self.definitions);
        unimplemented!("workflow tasks are not run yet")
    }

    /// Goes on with a task that needed more history.
    pub fn on_history_page(
        &mut self,
        run_id: &str,
        page: GetWorkflowExecutionHistoryResponse,
    ) -> WorkflowTaskProgress {
        let _ = (run_id, page);
        unimplemented!("workflow tasks are not run yet")
    }

    /// Goes on with a task that waits for a local activity.
    pub fn on_local_activity(
        &mut self,
        run_id: &str,
        seq: u32,
        resolution: LocalActivityResolution,
    ) -> WorkflowTaskProgress {
        let _ = (run_id, seq, resolution);
        unimplemented!("workflow tasks are not run yet")
    }

    /// Completes a task whose local activities take long, so that it does not time out.
    pub fn on_heartbeat_due(&mut self, run_id: &str) -> WorkflowTaskProgress {
        let _ = run_id;
        unimplemented!("workflow tasks are not run yet")
    }

    /// Forgets a run; its next task replays it from the first event.
    pub fn evict(&mut self, run_id: &str) {
        let _ = run_id;
        unimplemented!("workflow tasks are not run yet")
    }

    /// The run ids in the cache, the least recently used first.
    pub fn cached(&self) -> Vec<&str> {
        Vec::new()
    }
}
