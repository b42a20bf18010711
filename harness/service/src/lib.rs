//! A simulated Temporal service: a deterministic state machine with no input or output of its own.
//!
//! [`Service`] takes the requests of Temporal's `WorkflowService` as messages, keeps the mutable
//! state and the history of every run as the server does, and gives replies and timers back. It
//! knows no clock, no thread and no randomness: whoever drives it says what time it is, which timer
//! fires, and in which order requests arrive. That is what makes a world replayable.
//!
//! The rules are the server's; where a rule needed settling, the file of `temporalio/temporal` that
//! settles it is named beside it.

pub mod activity_retry;
mod api;
mod calendar;
mod commands;
mod config;
pub mod cron;
mod duration;
mod executions;
mod failure;
mod history;
pub mod history_rules;
mod identifiers;
mod inspect;
mod matching;
mod nexus;
mod payload;
mod priorities;
mod query;
mod reason;
pub mod request;
pub mod retry;
mod rpc;
mod run;
mod service;
mod status;
#[cfg(test)]
mod testing;
mod time;
mod timers;
mod token;
mod transfer;
mod undo;
mod updates;
mod validate;
mod workflow_id;
pub mod workflow_retry;

pub use config::{Limits, ServiceConfig};
pub use identifiers::RequestId;
pub use inspect::{
    ExecutionSummary, PendingActivitySummary, PendingChildSummary, PendingNexusOperationSummary,
    PendingTimerSummary, PendingWorkflowTaskSummary, RunHistory, TerminationSummary,
    UnpolledActivitySummary,
};
pub use matching::{PolledWorkflowTask, TaskQueueSummary};
pub use nexus::{CompleteNexusOperationRequest, CompleteNexusOperationResponse};
pub use reason::Reason;
pub use request::{Request, Response, Rpc};
pub use service::{Reply, Service};
