//! Replays a whole history with a fresh workflow instance, and compares its commands with those
//! that history recorded.

use std::{borrow::Cow, rc::Rc, sync::Arc};

use durasim_events::{Attributes, HistoryEvent};
use serde::{Deserialize, Serialize};
use temporalio_common::data_converters::DataConverter;
use temporalio_protos::{
    coresdk::workflow_activation::WorkflowActivation,
    temporal::api::{
        command::v1::Command, enums::v1::EventType, failure::v1::Failure, history::v1 as sdk,
    },
};

use crate::{
    Nondeterminism, TaskFailureReason, WorkflowDefinitions, WorkflowPanic,
    codec::{default_converter, uses_codec},
    execution::{Execution, ExecutionError, WorkerFacts, describe},
    history::{History, updates_cut_in_two_ways},
    instance::InstanceSettings,
    workflow_worker::{OpenTask, Run, RunFailure, RunOutcome, RunSettings},
};

/// A way to compare commands with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplayMode {
    /// Compares whole commands, inputs included.
    #[default]
    Strict,
    /// Compares commands without their inputs, which another version of the code may change. Each
    /// command must belong to the workflow task that recorded it.
    Commands,
    /// Compares as Core does: by type and id.
    LikeCore,
}

/// The options of a replay.
#[derive(Clone)]
pub struct ReplayOptions {
    /// The namespace that workflow code sees.
    pub namespace: String,
    /// The task queue that workflow code sees.
    pub task_queue: String,
    /// The workflow id of the history, which does not contain it.
    pub workflow_id: String,
    /// The run id; `None` stands for the original run id of the first event.
    pub run_id: Option<String>,
    /// The converter that makes values of workflow inputs.
    pub data_converter: DataConverter,
    /// The build id that workflow code sees after the end of history.
    pub build_id: String,
    /// The way to compare commands with events.
    pub mode: ReplayMode,
    /// True if [`ReplayLog::activations`] is filled, which costs time.
    pub keep_activations: bool,
    /// True if a wake that no SDK future caused is an error.
    pub detect_nondeterministic_futures: bool,
    /// True if backtraces are kept, of panics and of the code that issued each command.
    pub backtraces: bool,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self {
            namespace: "ReplayNamespace".to_owned(),
            task_queue: "ReplayTaskQueue".to_owned(),
            workflow_id: "replay-workflow".to_owned(),
            run_id: None,
            data_converter: default_converter(),
            build_id: String::new(),
            keep_activations: true,
            mode: ReplayMode::Strict,
            detect_nondeterministic_futures: true,
            backtraces: false,
        }
    }
}

/// The result of a replay.
#[derive(Debug, Clone, Default)]
pub struct ReplayLog {
    /// Every activation of the instance, in order.
    pub activations: Vec<WorkflowActivation>,
    /// The commands after the last event: what the instance would do next.
    pub commands: Vec<Command>,
}

/// The reason for which a history cannot be replayed.
#[derive(Debug, Clone, thiserror::Error, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ReplayError {
    /// Commands did not match history, by Core's rules.
    #[error("{}", .0.message)]
    Nondeterminism(Box<Nondeterminism>),
    /// A command differs from its event in something that Core does not compare.
    #[error("command differs from event {event_id}: {what}")]
    CommandDiffers {
        /// The event that the command matches by type and id.
        event_id: i64,
        /// A description of the event.
        event: String,
        /// A description of the command.
        command: String,
        /// The difference: the field, its value in the event, and its value in the command.
        what: String,
        /// The backtrace of the code that issued the command, if backtraces are on.
        issued_at: Option<String>,
    },
    /// The code does what its history holds if it gets its updates as it got them then. Core hands
    /// them over otherwise, and refuses the history.
    #[error("{0}")]
    CutOtherwise(Box<ReplayError>),
    /// Workflow code panicked.
    #[error("workflow function panicked: {}", .0.message)]
    Panicked(WorkflowPanic),
    /// The workflow task failed for another reason.
    #[error("workflow task failed: {}", .0.message)]
    TaskFailed(Box<Failure>),
    /// The workflow type is not registered.
    #[error("no workflow type {workflow_type} is registered")]
    UnknownWorkflowType {
        /// The type in the first event.
        workflow_type: String,
    },
    /// The events do not form a history.
    #[error("malformed history: {0}")]
    MalformedHistory(String),
}

/// Replays a history, of the SDK's own events, with a fresh instance.
///
/// # Errors
///
/// The instance does not do what history recorded.
pub fn replay(
    definitions: &WorkflowDefinitions,
    options: &ReplayOptions,
    history: &[sdk::HistoryEvent],
) -> Result<ReplayLog, ReplayError> {
    let events = history.iter().cloned();
    let shared: Vec<_> = events.map(|event| Arc::new(event.into())).collect();
    replay_shared(definitions, options, &shared)
}

/// Replays a history of shared events, as [`replay`] does.
///
/// # Errors
///
/// The instance does not do what history recorded.
pub fn replay_shared(
    definitions: &WorkflowDefinitions,
    options: &ReplayOptions,
    history: &[Arc<HistoryEvent>],
) -> Result<ReplayLog, ReplayError> {
    let replayed = replay_joining(definitions, options, history, Vec::new());
    if replayed.is_ok() || options.mode == ReplayMode::LikeCore {
        return replayed;
    }
    let Some(log) = replay_as_rebuilt(definitions, options, history) else {
        return replayed;
    };
    let like_core = ReplayOptions {
        mode: ReplayMode::LikeCore,
        ..options.clone()
    };
    match replay_joining(definitions, &like_core, history, Vec::new()) {
        Ok(_) => Ok(log),
        Err(refused) => Err(ReplayError::CutOtherwise(Box::new(refused))),
    }
}

/// Returns `true` if the code does what its history holds once some updates are handed over
/// together with the workflow tasks before them, as workers did that were rebuilt meanwhile.
///
/// Core then is at fault if it refuses the history: it cuts the same events otherwise.
pub fn follows_other_cuts(
    definitions: &WorkflowDefinitions,
    options: &ReplayOptions,
    history: &[Arc<HistoryEvent>],
) -> bool {
    replay_as_rebuilt(definitions, options, history).is_some()
}

/// The number of updates whose tasks a replay cuts in both ways, at most: each doubles the replays.
const CUT_BOTH_WAYS: usize = 4;

/// Replays a history as workers did that were rebuilt while they worked on some of its updates, and
/// returns the log of the first replay that succeeds.
///
/// Such a worker hands its code an update together with the tasks before, and a later replay hands
/// it over on its own. The code then may number its commands otherwise, and draw random numbers in
/// another order. It is right if it did the same with the same activations.
fn replay_as_rebuilt(
    definitions: &WorkflowDefinitions,
    options: &ReplayOptions,
    history: &[Arc<HistoryEvent>],
) -> Option<ReplayLog> {
    let mut updates = updates_cut_in_two_ways(history);
    updates.truncate(CUT_BOTH_WAYS);
    (1..1_usize << updates.len()).find_map(|chosen| {
        let joined = updates.iter().enumerate();
        let joined = joined.filter(|(bit, _)| chosen & (1 << bit) != 0);
        let joined = joined.map(|(_, update)| *update).collect();
        replay_joining(definitions, options, history, joined).ok()
    })
}

/// Replays a history in which the tasks of the updates `joined` are joined with those before them.
fn replay_joining(
    definitions: &WorkflowDefinitions,
    options: &ReplayOptions,
    history: &[Arc<HistoryEvent>],
    joined: Vec<i64>,
) -> Result<ReplayLog, ReplayError> {
    // Learn the type of the workflow from its first event.
    let first = history.first().and_then(|event| event.attributes.as_ref());
    let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) = first else {
        return Err(ReplayError::MalformedHistory(
            "the first event is not WorkflowExecutionStarted".to_owned(),
        ));
    };
    let workflow_type = started
        .workflow_type
        .as_ref()
        .map(|t| t.name.clone())
        .unwrap_or_default();
    if !definitions.contains(&workflow_type) {
        return Err(ReplayError::UnknownWorkflowType { workflow_type });
    }
    let run_id = options
        .run_id
        .clone()
        .unwrap_or_else(|| started.original_execution_run_id.clone());

    // Run one workflow task whose history is the whole history.
    let mut run = fresh_run(definitions, options, run_id);
    let task = OpenTask {
        workflow_type: String::new(),
        token: Vec::new(),
        attempt: 1,
        queries: Vec::new(),
        is_legacy_query: false,
    };
    let known = History::new(Cow::Borrowed(history), last_started(history), true).joining(joined);
    let outcome = run.on_task(known, Vec::new(), task, 0);
    let activations = run.log.take().unwrap_or_default();
    if options.mode != ReplayMode::LikeCore && closed_before_any_task(history) {
        // There is nothing to compare the commands with.
        return Ok(ReplayLog {
            activations,
            commands: Vec::new(),
        });
    }
    // A strict replay must also use up its commands: none may be left for a task that history has.
    match outcome {
        RunOutcome::Completed { response, .. } => Ok(ReplayLog {
            activations,
            commands: response.commands,
        }),
        RunOutcome::Failed { failed, .. } => Err(failed.into()),
        RunOutcome::QueryAnswered { .. } | RunOutcome::Waits => {
            if options.mode != ReplayMode::LikeCore
                && let Some((command, issued_at)) = run.execution.unrecorded_command()
            {
                return Err(left_over(command, issued_at, history));
            }
            Ok(ReplayLog {
                activations,
                commands: Vec::new(),
            })
        }
    }
}

/// Returns `true` if a run was stopped before it completed a workflow task: history then holds
/// nothing that its code did.
fn closed_before_any_task(history: &[Arc<HistoryEvent>]) -> bool {
    history
        .last()
        .is_some_and(|event| event.is_final_wf_execution_event())
        && !history
            .iter()
            .any(|event| event.event_type() == EventType::WorkflowTaskCompleted)
}

fn fresh_run<'h>(
    definitions: &WorkflowDefinitions,
    options: &ReplayOptions,
    run_id: String,
) -> Run<'h> {
    let uses_codec = uses_codec(&options.data_converter);
    let facts = WorkerFacts {
        namespace: options.namespace.clone(),
        task_queue: options.task_queue.clone(),
        build_id: options.build_id.clone(),
        deployment_name: String::new(),
        sdk_name: String::new(),
        sdk_version: String::new(),
        strict: options.mode != ReplayMode::LikeCore,
        compares_inputs: options.mode == ReplayMode::Strict,
        codec: uses_codec.then(|| options.data_converter.clone()),
    };
    let instance = InstanceSettings {
        namespace: options.namespace.clone(),
        task_queue: options.task_queue.clone(),
        data_converter: options.data_converter.clone(),
        codec: uses_codec,
        detect_nondeterministic_futures: options.detect_nondeterministic_futures,
        // History says which patches are active.
        patch_activation_callback: None,
        backtraces: options.backtraces,
    };
    let settings = RunSettings {
        definitions: definitions.clone(),
        instance: Rc::new(instance),
    };
    let execution = Execution::new(Rc::new(facts), options.workflow_id.clone(), run_id);
    let mut run = Run::new(execution, Rc::new(settings));
    run.log = options.keep_activations.then(Vec::new);
    run
}

/// Returns the started event of the last workflow task that was completed. If history ends with a
/// started workflow task, the replay completes that task, as the SDK's replayer does.
fn last_started(history: &[Arc<HistoryEvent>]) -> i64 {
    let mut before_last = 0;
    let mut last = 0;
    for (index, event) in history.iter().enumerate() {
        if event.event_type() != EventType::WorkflowTaskStarted {
            continue;
        }
        match history.get(index + 1).map(|event| event.event_type()) {
            None => return last.max(before_last),
            Some(EventType::WorkflowTaskCompleted) => {
                before_last = last;
                last = event.event_id;
            }
            Some(_) => {}
        }
    }
    last
}

/// Returns the error for a command that history has no event for.
fn left_over(
    command: &Command,
    issued_at: Option<&str>,
    history: &[Arc<HistoryEvent>],
) -> ReplayError {
    ReplayError::CommandDiffers {
        event_id: history.last().map_or(0, |event| event.event_id),
        event: "the end of history".to_owned(),
        command: describe(command),
        what: "the command has no event in history".to_owned(),
        issued_at: issued_at.map(str::to_owned),
    }
}

impl From<Box<RunFailure>> for ReplayError {
    fn from(failed: Box<RunFailure>) -> Self {
        let RunFailure {
            failure,
            reason,
            error,
            ..
        } = *failed;
        match (error, reason) {
            (
                Some(ExecutionError::Differs {
                    difference,
                    issued_at,
                }),
                _,
            ) => Self::CommandDiffers {
                event_id: difference.event_id,
                event: difference.event,
                command: difference.command,
                what: difference.what,
                issued_at: issued_at.as_deref().map(str::to_owned),
            },
            (_, TaskFailureReason::Panic(panic)) => Self::Panicked(*panic),
            (_, TaskFailureReason::Nondeterminism(nondeterminism)) => {
                Self::Nondeterminism(nondeterminism)
            }
            _ => Self::TaskFailed(Box::new(failure)),
        }
    }
}
