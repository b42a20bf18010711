//! Feeds a whole history to a fresh workflow instance and compares what it does with what is recorded.

use temporalio_common::data_converters::DataConverter;
use temporalio_protos::{
    coresdk::workflow_activation::WorkflowActivation,
    temporal::api::{command::v1::Command, failure::v1::Failure, history::v1::HistoryEvent},
};

use crate::{Nondeterminism, WorkflowDefinitions, WorkflowPanic};

/// How commands are compared with events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReplayMode {
    /// Whole commands, inputs included.
    #[default]
    Strict,
    /// As Core does: by type and id.
    LikeCore,
}

/// How a history is replayed.
#[derive(Clone)]
pub struct ReplayOptions {
    /// The namespace that workflow code sees.
    pub namespace: String,
    /// The task queue that workflow code sees.
    pub task_queue: String,
    /// The workflow id the history belongs to: it is not part of the history itself.
    pub workflow_id: String,
    /// The run id; `None` takes the original run id of the first event.
    pub run_id: Option<String>,
    /// How workflow inputs become values.
    pub data_converter: DataConverter,
    /// How commands are compared with events.
    pub mode: ReplayMode,
    /// Whether a wake that no SDK future caused is an error.
    pub detect_nondeterministic_futures: bool,
    /// Whether backtraces are kept, of panics and of the code that issued each command.
    pub backtraces: bool,
}

impl Default for ReplayOptions {
    fn default() -> Self {
        Self {
            namespace: "ReplayNamespace".to_owned(),
            task_queue: "ReplayTaskQueue".to_owned(),
            workflow_id: "replay-workflow".to_owned(),
            run_id: None,
            data_converter: DataConverter::default(),
            mode: ReplayMode::Strict,
            detect_nondeterministic_futures: true,
            backtraces: false,
        }
    }
}

/// What a replay did.
#[derive(Debug, Clone, Default)]
pub struct ReplayLog {
    /// Every activation the instance got, in order.
    pub activations: Vec<WorkflowActivation>,
    /// The commands that are left after the last event: what the instance would do next.
    pub commands: Vec<Command>,
}

/// Why a history cannot be replayed.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// Commands did not match history, by Core's rules.
    #[error("{}", .0.message)]
    Nondeterminism(Box<Nondeterminism>),
    /// A command differs from its event in what Core does not compare.
    #[error("command differs from event {event_id}: {what}")]
    CommandDiffers {
        /// The event the command matches by type and id.
        event_id: i64,
        /// The event in words.
        event: String,
        /// The command in words.
        command: String,
        /// What differs: the field, what the event has, what the command has.
        what: String,
        /// The backtrace of the code that issued the command, if backtraces are on.
        issued_at: Option<String>,
    },
    /// Workflow code panicked.
    #[error("workflow function panicked: {}", .0.message)]
    Panicked(WorkflowPanic),
    /// The workflow task failed in another way.
    #[error("workflow task failed: {}", .0.message)]
    TaskFailed(Box<Failure>),
    /// Nobody registered the workflow type.
    #[error("no workflow type {workflow_type} is registered")]
    UnknownWorkflowType {
        /// The type in the first event.
        workflow_type: String,
    },
    /// The history itself is not one.
    #[error("malformed history: {0}")]
    MalformedHistory(String),
}

/// Replays a history with a fresh instance.
///
/// # Errors
/// [`ReplayError`] if the instance does not do again what the history says it did.
pub fn replay(
    definitions: &WorkflowDefinitions,
    options: &ReplayOptions,
    history: &[HistoryEvent],
) -> Result<ReplayLog, ReplayError> {
    let _ = (definitions, options, history);
    unimplemented!("replay is not there yet")
}
