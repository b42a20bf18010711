//! Runs workflow code written with the Temporal SDK from history, one activation at a time.
//!
//! A [`WorkflowWorker`] does what a worker process does for a Temporal service: it takes the
//! response of a workflow task poll, and returns the request that completes or fails the task. In
//! between, it turns history into workflow activations, runs the user's unmodified workflow code,
//! and matches the commands of that code with the events of history, by the rules of the SDK's
//! Core. Nothing here waits, reads a clock or draws a random number: the same tasks lead to the
//! same answers.
//!
//! [`replay()`] feeds a whole history to a fresh workflow instance, and compares every command of
//! the instance with the one that history recorded, inputs included.
//!
//! # Modules
//!
//! Each module imports only modules above it in this list:
//!
//! - `time`, `codec`, `sdk_words`: conversions of timestamps, the test for a codec, and the
//!   messages that the SDK and Core give.
//! - `failures`: the reasons for which a workflow task fails.
//! - `definitions`: the workflow types that a worker can run.
//! - `local_activity`: the attempts of local activities, and their outcomes.
//! - `history`: the history of a run, one workflow task after another, and Core's markers.
//! - `machines`: one state machine for each kind of command.
//! - `execution`: the state of a run. It takes history and commands, and makes activations.
//! - `instance`: one workflow instance. It takes activations, and issues commands.
//! - `workflow_worker`: the workflow side of a worker process. It takes tasks, and completes them.
//! - `replay`: the replay of a whole history.
//! - [`activity`]: the activity side of a worker process: attempts, their heartbeats, and the
//!   clocks of local activities.

pub mod activity;
mod codec;
mod definitions;
mod execution;
mod failures;
mod history;
mod instance;
mod local_activity;
mod machines;
mod replay;
mod sdk_words;
mod time;
mod workflow_worker;

pub use definitions::{RegistrationError, WorkflowDefinitions};
pub use failures::{Nondeterminism, TaskFailureReason, WorkflowPanic};
pub use local_activity::{LocalActivityOutcome, LocalActivityResolution, LocalActivityTask};
pub use replay::{
    ReplayError, ReplayLog, ReplayMode, ReplayOptions, follows_other_cuts, replay, replay_shared,
};
pub use workflow_worker::{
    HistoryFetch, LocalActivityWork, QueryFailure, WorkflowErrorType, WorkflowTaskFailure,
    WorkflowTaskHeartbeat, WorkflowTaskProgress, WorkflowWorker, WorkflowWorkerOptions,
};
