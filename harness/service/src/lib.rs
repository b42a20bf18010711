//! A simulated Temporal service: a deterministic state machine with no input or output of its own.
//!
//! [`Service`] takes the requests of Temporal's `WorkflowService` as messages, keeps the mutable
//! state and the history of every run as the server does, and returns replies and timers. It has no
//! clock, no thread and no randomness: its caller decides what time it is, which timer fires, and
//! in which order requests arrive. This makes a world replayable.
//!
//! The rules are the server's. Where a rule is not obvious, its source in `temporalio/temporal` is
//! named beside it.
//!
//! # Floors
//!
//! The folders of this crate form floors: each uses only those below it.
//!
//! | floor | folder | what it is |
//! | --- | --- | --- |
//! | 11 | `cluster` | [`Cluster`]: several namespaces, each with a [`Service`] |
//! | 10 | `interface` | the methods of [`Service`] that its driver calls, and a look at its state |
//! | 9 | `frontend` | requests: validated, then handled, one file for each RPC |
//! | 8 | `executors` | transfer tasks, deliveries between runs, and timers that fire |
//! | 7 | `matching` | tasks and polls that meet |
//! | 6 | `state` | [`Service`]: all runs, queues, timers and callers that wait; transactions |
//! | 5 | `commands` | commands of a workflow task, applied to a run |
//! | 4 | `visibility` | queries for runs, in the dialect of SQL that the server takes |
//! | 5 | `activity_execution` | one standalone activity |
//! | 5 | `batch_operation` | one batch operation, which does the same to many executions |
//! | 5 | `nexus_operation_execution` | one standalone Nexus operation |
//! | 4 | `deployments` | worker deployments: their versions, and the routing of task queues |
//! | 4 | `schedules` | schedules: the times at which they act, and what they do then |
//! | 4 | `run` | one run: its history and its mutable state |
//! | 3 | `history` | events, the buffer of those that wait for an id, and rules of histories |
//! | 2 | `policies` | retries, timeouts and cron schedules, as pure functions |
//! | 2 | `messages` | [`Request`], [`Response`] and [`Reply`] |
//! | 1 | `base` | configuration, ids, time, statuses, and checks that others share |
//! | 0 | `api` | short names for the packages of Temporal's API |

mod activity_execution;
mod api;
mod base;
mod batch_operation;
mod cluster;
mod commands;
mod deployments;
mod executors;
mod frontend;
mod history;
mod interface;
mod matching;
mod messages;
mod nexus_operation_execution;
mod policies;
mod run;
mod schedules;
mod state;
#[cfg(test)]
mod testing;
mod visibility;

pub use base::{
    config::{Limits, Retention, ServiceConfig},
    identifiers::{DeliveryId, RequestId},
    reason::Reason,
    search_attributes::SearchAttributeRegistry,
    time,
};
pub use cluster::{Cluster, operator::OPERATOR_SERVICE};
pub use history::rules as history_rules;
pub use interface::{
    deliveries::{DeliveryKind, DeliverySummary},
    import::ImportError,
    inspect::{
        ExecutionSummary, PendingActivitySummary, PendingChildSummary,
        PendingNexusOperationSummary, PendingTimerSummary, PendingWorkflowTaskSummary, RunHistory,
        TerminationSummary, UnpolledActivitySummary,
    },
    short_timers::ShortTimer,
    standing_poll::StandingPoll,
    task_queues::TaskQueueSummary,
};
pub use messages::{
    nexus_completion::{CompleteNexusOperationRequest, CompleteNexusOperationResponse},
    polled_workflow_task::PolledWorkflowTask,
    reply::Reply,
    request::{self, Request, Response, Rpc},
};
pub use policies::activity_retry;
pub use run::import::{ImportedActivity, ImportedRun};
pub use state::service::Service;
