//! One cached run: its state, its workflow instance, and the task that it works on.
//!
//! A run does what Core does between a workflow task and its completion
//! (`temporalio-sdk-core: src/worker/workflow/managed_run.rs`), but never waits by itself.

use std::{rc::Rc, time::Duration};

use temporalio_protos::{
    coresdk::{
        workflow_activation::{WorkflowActivation, workflow_activation_job::Variant as Job},
        workflow_commands::{FailWorkflowExecution, QueryResult, workflow_command::Variant},
    },
    temporal::api::failure::v1::Failure,
};

use super::{
    LocalActivityWork, WorkflowTaskHeartbeat,
    local_activities::{AfterAttempt, RunningLocalActivities},
    outcome::{Failed, RunOutcome},
    task::{LEGACY_QUERY_ID, OpenTask},
};
use crate::{
    LocalActivityResolution, LocalActivityTask, Nondeterminism, WorkflowDefinitions,
    execution::{CoreFlag, Execution, IssuedCommand, LocalResolution, TaskResponse},
    history::History,
    instance::{Instance, InstanceSettings},
    machines::IncomingUpdate,
};

/// The share of a workflow task's timeout after which it is completed although local activities
/// still run.
const HEARTBEAT_FRACTION: f32 = 0.8;
/// The timeout of a workflow task if history does not have it
/// (`temporalio/temporal: service/history/configs`).
const DEFAULT_TASK_TIMEOUT: Duration = Duration::from_secs(10);

/// The settings that the runs of a worker share.
pub(crate) struct RunSettings {
    pub(crate) definitions: WorkflowDefinitions,
    pub(crate) instance: Rc<InstanceSettings>,
}

/// A step of a run's work on its task.
#[expect(clippy::large_enum_variant, reason = "nearly all are of the large one")]
enum Step {
    Activate(WorkflowActivation),
    /// Continues as if workflow code had answered an activation without commands.
    Autocomplete,
}

/// The stage of the early completion of a task that waits for local activities.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Heartbeat {
    /// The caller does not know yet when the completion is due.
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
    /// The number of the task, unique within the worker.
    task_number: u64,
    waits_for_local: bool,
    heartbeat: Heartbeat,
    /// True if a completion was reported: results of local activities wait for the next task.
    awaiting_next_task: bool,
    deferred: Vec<LocalResolution>,
    local: RunningLocalActivities,
    to_start: Vec<LocalActivityTask>,
    to_cancel: Vec<u32>,
    /// The activations of the instance, if they are kept.
    pub(crate) log: Option<Vec<WorkflowActivation>>,
}

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

    /// Returns `true` if the run works on a task.
    pub(crate) fn is_busy(&self) -> bool {
        self.task.is_some()
    }

    /// Returns `true` if workflow code has closed the run.
    pub(crate) fn is_finished(&self) -> bool {
        self.execution.finished
    }

    /// Works on a new task. Its `number` is unique within the worker.
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

    /// Applies the history of a new task, and returns the first step of the work on it.
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

    /// Answers a query beside the task that the run works on.
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

    /// Continues the task with the end of an attempt of a local activity.
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

    /// Completes the task of this number early, because its local activities take long.
    pub(crate) fn on_heartbeat_due(&mut self, task: u64) -> RunOutcome {
        if !self.waits_for_local || self.task.is_none() || self.task_number != task {
            return RunOutcome::Waits;
        }
        self.heartbeat = Heartbeat::Due;
        self.settle(Ok(Some(Step::Autocomplete)))
    }

    /// Lets workflow code that something besides the SDK has woken go on, and returns what it does;
    /// `None` if nothing has woken it. Such a run must not be used any more.
    pub(crate) fn woken_from_outside(&mut self) -> Option<Nondeterminism> {
        self.instance.as_mut()?.woken_from_outside()
    }

    /// Takes the work for local activities that came up since the last call.
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

    /// Returns the number of attempts that were repeated in workflow tasks after the first.
    pub(crate) fn nonfirst_local_attempts(&self) -> u32 {
        self.local.nonfirst_attempts()
    }

    /// Works on the task until there is something to report, or something to wait for.
    fn settle(&mut self, step: Result<Option<Step>, Failed>) -> RunOutcome {
        match step.and_then(|step| self.drive(step)) {
            Ok(outcome) => outcome,
            Err(failed) => self.fail(failed),
        }
    }

    /// Takes one step after another.
    fn drive(&mut self, mut step: Option<Step>) -> Result<RunOutcome, Failed> {
        while let Some(now) = step {
            // Run workflow code, and handle its commands.
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
                // The run is closed, and there is no query: workflow code does not see the jobs
                // that came with the end.
                self.task = None;
            }
            step = self.next_step();
        }
        Ok(RunOutcome::Waits)
    }

    /// Hands an activation to the instance, which the first one creates.
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

    /// Handles the commands of an activation, and returns the outcome if the task is done. `auto`
    /// means that workflow code did not run.
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

        // Apply the commands, and then history up to the next job.
        let heartbeat = auto && self.waits_for_local;
        let completing_heartbeat = heartbeat || self.heartbeat == Heartbeat::Due;
        self.execution.handle_commands(commands)?;
        self.apply_deferred()?;
        self.execution.apply_tasks_until_jobs()?;

        // Collect the work for local activities.
        let requests = self.execution.take_local_activity_requests();
        self.to_cancel.extend(requests.cancel);
        for scheduled in requests.start {
            let task = self.local.start(scheduled);
            self.to_start.push(task);
        }

        // The task is complete, unless local activities are under way. Then it completes only for
        // the sake of a heartbeat or of answers to queries.
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

    /// Separates the answers to queries from the commands, and moves the command that closes the
    /// run to the end. Without the flag `MoveTerminalCommands`, the commands after it are dropped.
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

    /// Returns the completion of the task, unless there is more to do first.
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

    /// Returns the next step of the work on the task, if there is one.
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

    /// Returns an activation with the queries of the task, which come alone, after everything else.
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

    /// Resolves the local activities that ended between two tasks.
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

    /// Fails the workflow itself, instead of its workflow task.
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
