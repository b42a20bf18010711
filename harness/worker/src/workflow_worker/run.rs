//! One cached run: its state, its workflow instance, and the task it is working on.
//!
//! Does what Core does between a workflow task and its completion
//! (`temporalio-sdk-core: src/worker/workflow/managed_run.rs`), without anything to wait for.

use std::{rc::Rc, time::Duration};

use temporalio_protos::{
    coresdk::{
        workflow_activation::{
            QueryWorkflow, WorkflowActivation, workflow_activation_job::Variant as Job,
        },
        workflow_commands::{FailWorkflowExecution, QueryResult, workflow_command::Variant},
    },
    temporal::api::{enums::v1::WorkflowTaskFailedCause, failure::v1::Failure},
};

use super::{
    LocalActivityWork, WorkflowTaskHeartbeat,
    local_activities::{AfterAttempt, RunningLocalActivities},
};
use crate::{
    LocalActivityResolution, LocalActivityTask, Nondeterminism, TaskFailureReason,
    WorkflowDefinitions,
    execution::{
        CoreFlag, Execution, ExecutionError, IssuedCommand, LocalResolution, TaskResponse,
    },
    history::History,
    instance::{Instance, InstanceFailure, InstanceSettings},
    machines::{IncomingUpdate, MachineError},
};

/// The id that stands for the query of a task that is nothing but a query.
pub(super) const LEGACY_QUERY_ID: &str = "legacy_query";
/// The share of a workflow task's timeout after which it is completed although local activities
/// still run.
const HEARTBEAT_FRACTION: f32 = 0.8;
/// Used if history does not say (`temporalio/temporal: service/history/configs`).
const DEFAULT_TASK_TIMEOUT: Duration = Duration::from_secs(10);

/// The task a run is working on.
#[derive(Debug)]
pub(crate) struct OpenTask {
    pub(crate) workflow_type: String,
    pub(crate) token: Vec<u8>,
    pub(crate) attempt: u32,
    /// Queries that came with the task, to be answered when history is replayed.
    pub(crate) queries: Vec<QueryWorkflow>,
    /// Whether the task is a query and nothing else.
    pub(crate) is_legacy_query: bool,
}

/// What a run came to.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all are of the large one")]
pub(crate) enum RunOutcome {
    Completed {
        task: OpenTask,
        response: Box<TaskResponse>,
        queries: Vec<QueryResult>,
        force_new_task: bool,
    },
    QueryAnswered {
        task: OpenTask,
        result: QueryResult,
    },
    Failed {
        task: Option<OpenTask>,
        failed: Box<RunFailure>,
    },
    /// It waits for local activities, or has nothing to say.
    Waits,
}

/// Why a task failed.
#[derive(Debug)]
pub(crate) struct RunFailure {
    pub(crate) failure: Failure,
    pub(crate) cause: WorkflowTaskFailedCause,
    pub(crate) reason: TaskFailureReason,
    /// Set by strict replay.
    pub(crate) error: Option<ExecutionError>,
}

/// What a run shares with the others of its worker.
pub(crate) struct RunSettings {
    pub(crate) definitions: WorkflowDefinitions,
    pub(crate) instance: Rc<InstanceSettings>,
}

#[expect(clippy::large_enum_variant, reason = "nearly all are of the large one")]
enum Step {
    Activate(WorkflowActivation),
    /// Nothing for workflow code to do: go on as if it had answered nothing.
    Autocomplete,
}

/// How far the early completion of a task that waits for local activities has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heartbeat {
    /// The caller does not know yet when it is due.
    NotAsked,
    Asked,
    Due,
}

/// A run in the cache.
pub(crate) struct Run<'h> {
    pub(crate) execution: Execution<'h>,
    settings: Rc<RunSettings>,
    instance: Option<Instance>,
    task: Option<OpenTask>,
    /// Tells this task from all others of the worker.
    task_number: u64,
    waits_for_local: bool,
    heartbeat: Heartbeat,
    /// A completion was reported, so results of local activities wait for the next task.
    awaiting_next_task: bool,
    deferred: Vec<LocalResolution>,
    local: RunningLocalActivities,
    to_start: Vec<LocalActivityTask>,
    to_cancel: Vec<u32>,
    /// Activations as they were handed out, if they are kept.
    pub(crate) log: Option<Vec<WorkflowActivation>>,
}

type Failed = Box<RunFailure>;

impl<'h> Run<'h> {
    pub(crate) fn new(execution: Execution<'h>, settings: Rc<RunSettings>) -> Self {
        Self {
            execution,
            settings,
            instance: None,
            task: None,
            task_number: 0,
            waits_for_local: false,
            heartbeat: Heartbeat::NotAsked,
            awaiting_next_task: false,
            deferred: Vec::new(),
            local: RunningLocalActivities::default(),
            to_start: Vec::new(),
            to_cancel: Vec::new(),
            log: None,
        }
    }

    /// Whether it is working on a task.
    pub(crate) fn is_busy(&self) -> bool {
        self.task.is_some()
    }

    /// Whether the workflow closed the run, or history says that it is closed.
    pub(crate) fn is_finished(&self) -> bool {
        self.execution.finished
    }

    /// Works on a new task, which this number tells from all others.
    pub(crate) fn on_task(
        &mut self,
        history: History<'h>,
        messages: Vec<IncomingUpdate>,
        task: OpenTask,
        number: u64,
    ) -> RunOutcome {
        self.task = Some(task);
        self.task_number = number;
        self.heartbeat = Heartbeat::NotAsked;
        let step = self.first_step(history, messages);
        self.settle(step)
    }

    fn first_step(
        &mut self,
        history: History<'h>,
        messages: Vec<IncomingUpdate>,
    ) -> Result<Option<Step>, Failed> {
        self.execution.new_work(history, messages)?;
        self.awaiting_next_task = false;
        self.apply_deferred()?;
        let mut activation = self.execution.take_activation();
        if activation.jobs.is_empty() {
            self.execution.apply_next_task()?;
            activation = self.execution.take_activation();
        }
        Ok(if !activation.jobs.is_empty() {
            Some(Step::Activate(activation))
        } else if self.execution.outstanding_local_activities() > 0 {
            None
        } else {
            Some(Step::Autocomplete)
        })
    }

    /// Answers a query without touching the task at hand.
    pub(crate) fn answer_query(&mut self, task: OpenTask) -> RunOutcome {
        let under_way = self.task.replace(task);
        let activation = self.query_activation();
        let outcome = match self.activate(activation) {
            Ok(commands) => commands
                .into_iter()
                .find_map(|issued| match issued.command.variant {
                    Some(Variant::RespondToQuery(result)) => Some(result),
                    _ => None,
                }),
            Err(failed) => return self.fail(failed),
        };
        let task = std::mem::replace(&mut self.task, under_way);
        match (outcome, task) {
            (Some(result), Some(task)) => RunOutcome::QueryAnswered { task, result },
            _ => RunOutcome::Waits,
        }
    }

    /// Takes the end of an attempt of a local activity.
    pub(crate) fn on_local_activity(
        &mut self,
        seq: u32,
        resolution: LocalActivityResolution,
    ) -> RunOutcome {
        match self.local.on_attempt(seq, resolution) {
            AfterAttempt::Untracked => RunOutcome::Waits,
            AfterAttempt::Retry(task) => {
                self.to_start.push(*task);
                RunOutcome::Waits
            }
            AfterAttempt::Resolved(resolution) => {
                if self.awaiting_next_task {
                    self.deferred.push(*resolution);
                    return RunOutcome::Waits;
                }
                let step = self
                    .execution
                    .resolve_local(*resolution)
                    .map_err(Failed::from);
                let step = step.map(|()| self.next_step());
                self.settle(step)
            }
        }
    }

    /// Completes the task of this number early, since local activities take long.
    pub(crate) fn on_heartbeat_due(&mut self, task: u64) -> RunOutcome {
        if !self.waits_for_local || self.task.is_none() || self.task_number != task {
            return RunOutcome::Waits;
        }
        self.heartbeat = Heartbeat::Due;
        self.settle(Ok(Some(Step::Autocomplete)))
    }

    /// What its code does that something besides the SDK has woken; `None` if nothing has. Such a
    /// run is of no use any more.
    pub(crate) fn woken_from_outside(&mut self) -> Option<Nondeterminism> {
        self.instance.as_mut()?.woken_from_outside()
    }

    /// What is to be done about local activities since the last time this was asked.
    pub(crate) fn take_local_work(&mut self) -> Option<LocalActivityWork> {
        let asks =
            self.waits_for_local && self.task.is_some() && self.heartbeat == Heartbeat::NotAsked;
        if self.to_start.is_empty() && self.to_cancel.is_empty() && !asks {
            return None;
        }
        if asks {
            self.heartbeat = Heartbeat::Asked;
        }
        Some(LocalActivityWork {
            run_id: self.execution.run_id.clone(),
            cancel: std::mem::take(&mut self.to_cancel),
            start: std::mem::take(&mut self.to_start),
            heartbeat: asks.then(|| self.task_heartbeat()),
        })
    }

    fn task_heartbeat(&self) -> WorkflowTaskHeartbeat {
        let timeout = self
            .execution
            .workflow_task_timeout()
            .unwrap_or(DEFAULT_TASK_TIMEOUT);
        WorkflowTaskHeartbeat {
            task: self.task_number,
            after: timeout.mul_f32(HEARTBEAT_FRACTION),
        }
    }

    /// How often attempts were repeated in workflow tasks after the first.
    pub(crate) fn nonfirst_local_attempts(&self) -> u32 {
        self.local.nonfirst_attempts()
    }

    /// Goes on until there is something to say, or something to wait for.
    fn settle(&mut self, step: Result<Option<Step>, Failed>) -> RunOutcome {
        match step.and_then(|step| self.drive(step)) {
            Ok(outcome) => outcome,
            Err(failed) => self.fail(failed),
        }
    }

    fn drive(&mut self, mut step: Option<Step>) -> Result<RunOutcome, Failed> {
        while let Some(now) = step {
            let (commands, auto) = match now {
                Step::Activate(activation) => (self.activate(activation)?, false),
                Step::Autocomplete => (Vec::new(), true),
            };
            if let Some(outcome) = self.complete(commands, auto)? {
                return Ok(outcome);
            }
            if self.execution.seen_terminal_event
                && self
                    .task
                    .as_ref()
                    .is_some_and(|task| task.queries.is_empty())
            {
                // The history of a closed run, and nobody asks for anything: what came with its end
                // is not told.
                self.task = None;
            }
            step = self.next_step();
        }
        Ok(RunOutcome::Waits)
    }

    fn activate(
        &mut self,
        mut activation: WorkflowActivation,
    ) -> Result<Vec<IssuedCommand>, Failed> {
        if let Some(log) = &mut self.log {
            log.push(activation.clone());
        }
        let initial = self.instance.is_none();
        let instance = match &mut self.instance {
            Some(instance) => instance,
            none => none.insert(Instance::create(
                &self.settings.definitions,
                &self.settings.instance,
                &mut activation,
            )?),
        };
        Ok(instance.activate(activation, initial)?)
    }

    /// Takes the commands of an activation; what there is to report, if the task is done.
    fn complete(
        &mut self,
        commands: Vec<IssuedCommand>,
        auto: bool,
    ) -> Result<Option<RunOutcome>, Failed> {
        let (commands, queries) = self.in_order(commands);
        if let [only] = queries.as_slice()
            && only.query_id == LEGACY_QUERY_ID
        {
            let task = self.task.take();
            return Ok(task
                .zip(queries.into_iter().next())
                .map(|(task, result)| RunOutcome::QueryAnswered { task, result }));
        }
        let heartbeat = auto && self.waits_for_local;
        let completing_heartbeat = heartbeat || self.heartbeat == Heartbeat::Due;
        self.execution.handle_commands(commands)?;
        self.apply_deferred()?;
        self.execution.apply_tasks_until_jobs()?;
        let requests = self.execution.take_local_activity_requests();
        self.to_cancel.extend(requests.cancel);
        for scheduled in requests.start {
            let task = self.local.start(scheduled);
            self.to_start.push(task);
        }
        if self.execution.outstanding_local_activities() == 0 {
            self.waits_for_local = false;
            return Ok(self.report(queries, heartbeat));
        }
        self.waits_for_local = true;
        if completing_heartbeat || !queries.is_empty() {
            if completing_heartbeat {
                self.heartbeat = Heartbeat::Due;
            }
            return Ok(self.report(queries, true));
        }
        Ok(None)
    }

    /// Commands with the closing one last, as the flag says, and answers to queries apart.
    fn in_order(&mut self, commands: Vec<IssuedCommand>) -> (Vec<IssuedCommand>, Vec<QueryResult>) {
        let needs_care =
            commands
                .iter()
                .enumerate()
                .any(|(index, issued)| match &issued.command.variant {
                    Some(Variant::RespondToQuery(_)) => true,
                    variant => is_closing(variant.as_ref()) && index + 1 < commands.len(),
                });
        if !needs_care {
            return (commands, Vec::new());
        }
        let moves_closing = !self.execution.replaying
            || self
                .execution
                .try_use_flag(CoreFlag::MoveTerminalCommands, false);
        let mut queries = Vec::new();
        let mut kept = Vec::with_capacity(commands.len());
        let mut closing = None;
        for issued in commands {
            if let Some(Variant::RespondToQuery(result)) = issued.command.variant {
                queries.push(result);
            } else if is_closing(issued.command.variant.as_ref()) {
                closing.get_or_insert(issued);
            } else if closing.is_none() || moves_closing {
                kept.push(issued);
            }
        }
        kept.extend(closing);
        (kept, queries)
    }

    /// The completion of the task, unless there is more to do first.
    fn report(
        &mut self,
        queries: Vec<QueryResult>,
        mut force_new_task: bool,
    ) -> Option<RunOutcome> {
        let task = self.task.as_ref()?;
        let awaits_queries = !task.queries.is_empty() && queries.is_empty();
        let done = !(self.execution.has_pending_jobs()
            || self.execution.replaying
            || awaits_queries
            || self.execution.seen_terminal_event);
        if !done && queries.is_empty() {
            return None;
        }
        if !queries.is_empty() && self.execution.has_pending_local_resolutions() {
            force_new_task = true;
        }
        let task = self.task.take()?;
        let response = Box::new(self.execution.take_response());
        self.awaiting_next_task = true;
        self.local.task_ended();
        Some(RunOutcome::Completed {
            task,
            response,
            queries,
            force_new_task,
        })
    }

    fn next_step(&mut self) -> Option<Step> {
        let task = self.task.as_ref()?;
        let has_queries = !task.queries.is_empty();
        if self.execution.has_pending_jobs() {
            Some(Step::Activate(self.execution.take_activation()))
        } else if self.waits_for_local && self.execution.outstanding_local_activities() == 0 {
            self.waits_for_local = false;
            Some(Step::Autocomplete)
        } else if has_queries {
            Some(Step::Activate(self.query_activation()))
        } else if self.waits_for_local && self.heartbeat == Heartbeat::Due {
            Some(Step::Autocomplete)
        } else {
            None
        }
    }

    /// Queries go alone, after everything else.
    fn query_activation(&mut self) -> WorkflowActivation {
        let mut activation = self.execution.take_activation();
        if let Some(task) = &mut self.task {
            activation.jobs = task
                .queries
                .drain(..)
                .map(|query| Job::QueryWorkflow(query).into())
                .collect();
        }
        activation
    }

    fn apply_deferred(&mut self) -> Result<(), Failed> {
        for resolution in std::mem::take(&mut self.deferred) {
            self.execution.resolve_local(resolution)?;
        }
        Ok(())
    }

    fn fail(&mut self, failed: Failed) -> RunOutcome {
        RunOutcome::Failed {
            task: self.task.take(),
            failed,
        }
    }

    /// Fails the workflow itself, as the worker is told to do with such errors.
    pub(crate) fn fail_workflow(&mut self, failure: Failure) -> Option<TaskResponse> {
        let variant = Variant::FailWorkflowExecution(FailWorkflowExecution {
            failure: Some(failure),
        });
        let command = IssuedCommand {
            command: variant.into(),
            issued_at: None,
        };
        self.execution.handle_commands(vec![command]).ok()?;
        Some(self.execution.take_response())
    }
}

fn is_closing(variant: Option<&Variant>) -> bool {
    matches!(
        variant,
        Some(
            Variant::CompleteWorkflowExecution(_)
                | Variant::FailWorkflowExecution(_)
                | Variant::CancelWorkflowExecution(_)
                | Variant::ContinueAsNewWorkflowExecution(_)
        )
    )
}

impl From<Box<InstanceFailure>> for Failed {
    fn from(failed: Box<InstanceFailure>) -> Self {
        Box::new(RunFailure {
            failure: failed.failure,
            cause: match failed.cause {
                None | Some(WorkflowTaskFailedCause::Unspecified) => {
                    WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure
                }
                Some(cause) => cause,
            },
            reason: failed.reason,
            error: None,
        })
    }
}

impl From<MachineError> for Failed {
    fn from(error: MachineError) -> Self {
        ExecutionError::from(error).into()
    }
}

impl From<ExecutionError> for Failed {
    fn from(error: ExecutionError) -> Self {
        let (message, cause, nondeterminism) = error.report();
        Box::new(RunFailure {
            failure: Failure::application_failure(message, false),
            cause,
            reason: nondeterminism.map_or(TaskFailureReason::Other, |nondeterminism| {
                TaskFailureReason::Nondeterminism(Box::new(nondeterminism))
            }),
            error: Some(error),
        })
    }
}
