//! Runs workflow code written with the Temporal SDK from history, one activation at a time.
//!
//! A [`WorkflowWorker`] is what a worker process is to a Temporal service: it is handed the
//! response of a workflow task poll, and answers with the request that completes or fails the task.
//! In between, the history becomes workflow activations, the user's unmodified workflow code runs,
//! and its commands are matched with the events that history already holds, by the rules of the
//! SDK's Core. Nothing here waits, reads a clock or draws a random number: the same tasks give the
//! same answers.
//!
//! [`replay()`] feeds a whole history to a fresh workflow instance and compares every command it
//! issues with what the history recorded, inputs included.

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
pub use replay::{ReplayError, ReplayLog, ReplayMode, ReplayOptions, replay, replay_shared};
pub use workflow_worker::{
    LocalActivityWork, QueryFailure, WorkflowErrorType, WorkflowTaskFailure, WorkflowTaskHeartbeat,
    WorkflowTaskProgress, WorkflowWorker, WorkflowWorkerOptions,
};
