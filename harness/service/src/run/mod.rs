//! One run of a workflow: its history and its mutable state.
//!
//! The server calls this the mutable state (`temporalio/temporal:
//! service/history/workflow/mutable_state_impl.go`). Each concern of a run is a file or a folder
//! here: the workflow task, activities, user timers, closing, and so on. In a folder, `mod.rs` has
//! the state and knows nothing of [`Run`]; the other files are methods of [`Run`] that change it.
//!
//! A run changes in transactions: a handler adds events, changes state, and leaves later work in
//! the outbox. Then `Service::close_transaction` flushes the buffer, arms the timers and takes the
//! outbox.

pub(crate) mod activities;
pub(crate) mod callbacks;
pub(crate) mod chain;
pub(crate) mod children;
pub(crate) mod close;
mod deadline;
pub(crate) mod external_workflows;
pub(crate) mod import;
pub(crate) mod nexus_operations;
pub(crate) mod rebuild;
mod reimport;
pub(crate) mod signals;
pub(crate) mod start;
#[cfg(test)]
mod tests;
pub(crate) mod timers;
pub(crate) mod token;
pub(crate) mod transaction;
pub(crate) mod transfer;
pub(crate) mod undo;
pub(crate) mod updates;
pub(crate) mod user_timers;
pub(crate) mod versioning;
pub(crate) mod workflow_id;
pub(crate) mod workflow_task;

use std::collections::BTreeSet;

use crate::{
    api::{
        Attributes, WorkflowExecution, common, enums::WorkflowExecutionStatus,
        history::WorkflowExecutionStartedEventAttributes, taskqueue,
        workflow::WorkflowExecutionOptions,
    },
    base::{identifiers::RunKey, reason::Reason, versions::Version},
    history::EventStore,
    run::{
        activities::Activities,
        callbacks::CompletionCallback,
        children::Children,
        external_workflows::ExternalRequests,
        nexus_operations::{NexusOperations, PendingNexusOperation},
        timers::DueTimes,
        transfer::Transfer,
        updates::Updates,
        user_timers::UserTimers,
        versioning::Versioning,
        workflow_task::WorkflowTaskState,
    },
};

/// One run of a workflow.
#[allow(
    clippy::struct_field_names,
    reason = "a run id is what Temporal calls it"
)]
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) key: RunKey,
    pub(crate) workflow_id: String,
    pub(crate) run_id: String,
    pub(crate) start_ms: u64,
    pub(crate) history: EventStore,
    pub(crate) state: RunState,
    pub(crate) activities: Activities,
    pub(crate) user_timers: UserTimers,
    pub(crate) children: Children,
    pub(crate) external: ExternalRequests,
    pub(crate) nexus_operations: NexusOperations,
    pub(crate) updates: Updates,
    pub(crate) callbacks: Vec<CompletionCallback>,
    /// The request id with which the run was started.
    pub(crate) start_request_id: String,
    /// The request id of the reset that created the run; empty if none did.
    pub(crate) reset_request_id: String,
    /// The request ids of the start and of later starts that attached to the run, to recognise
    /// repetitions.
    pub(crate) start_request_ids: BTreeSet<String>,
    /// The request ids of the recorded signals, to recognise repetitions.
    pub(crate) signal_request_ids: BTreeSet<String>,
    /// The ordinals of the queries that go along with the next workflow task.
    pub(crate) buffered_queries: BTreeSet<u64>,
    /// The number of times that a workflow task was started, including tasks that left no trace.
    pub(crate) workflow_task_starts: u32,
    /// The next due time of each query, with the query.
    pub(crate) query_timers: BTreeSet<(u64, u64)>,
    /// The earliest deadline of the callers that wait for updates of the run.
    pub(crate) update_deadline_ms: Option<u64>,
    /// The version that counts the run among its open pinned runs.
    pub(crate) pinned_to: Option<Version>,
    /// The number of transactions so far.
    pub(crate) transitions: i64,
    /// The work for after the transaction.
    pub(crate) outbox: Vec<Transfer>,
    /// The due times that are in the set of all timers.
    pub(crate) armed: DueTimes,
    /// True if a speculative workflow task remains speculative after the current transaction. Other
    /// transactions write it to history.
    pub(crate) keeps_speculative: bool,
}

/// The small part of a run. It is copied before the commands of a workflow task are applied, and
/// restored if one of them is bad.
#[derive(Clone, Debug)]
pub(crate) struct RunState {
    pub(crate) status: WorkflowExecutionStatus,
    pub(crate) close_ms: Option<u64>,
    pub(crate) workflow_task: WorkflowTaskState,
    pub(crate) cancel_requested: bool,
    pub(crate) signals: u64,
    /// The due time of the first workflow task, if it is delayed.
    pub(crate) first_workflow_task_ms: Option<u64>,
    pub(crate) run_expiration_ms: Option<u64>,
    pub(crate) execution_expiration_ms: Option<u64>,
    pub(crate) memo: Option<common::Memo>,
    pub(crate) search_attributes: Option<common::SearchAttributes>,
    /// The options that an update may replace.
    pub(crate) options: WorkflowExecutionOptions,
    /// The versioning; `None` for a run that only unversioned workers have seen.
    pub(crate) versioning: Option<Box<Versioning>>,
    /// The reason for which the service terminated the run by itself, if programs recognise it.
    pub(crate) terminated_for: Option<Reason>,
    /// The run that follows this one in its chain.
    pub(crate) next_run_id: Option<String>,
    /// The run that this one was reset to.
    pub(crate) reset_run_id: Option<String>,
}

impl Run {
    /// Returns the attributes with which the run was started.
    ///
    /// # Panics
    ///
    /// If the first event is of another type, which it never is.
    pub(crate) fn started(&self) -> &WorkflowExecutionStartedEventAttributes {
        match self.history.attributes(1) {
            Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => started,
            other => panic!("a run begins with WorkflowExecutionStarted, not {other:?}"),
        }
    }

    pub(crate) fn is_running(&self) -> bool {
        self.state.status == WorkflowExecutionStatus::Running
    }

    /// Returns `true` if a worker has a task of the run.
    pub(crate) fn is_being_worked_on(&self) -> bool {
        let has_request = PendingNexusOperation::has_request_under_way;
        self.is_running()
            && (self.state.workflow_task.started().is_some()
                || self.activities.iter().any(|it| it.started.is_some())
                || self.nexus_operations.iter().any(has_request))
    }

    pub(crate) fn execution(&self) -> WorkflowExecution {
        WorkflowExecution {
            workflow_id: self.workflow_id.clone(),
            run_id: self.run_id.clone(),
        }
    }

    pub(crate) fn workflow_type(&self) -> &str {
        self.started()
            .workflow_type
            .as_ref()
            .map_or("", |workflow_type| &workflow_type.name)
    }

    /// Returns the task queue on which the run was started.
    pub(crate) fn task_queue_name(&self) -> &str {
        self.started()
            .task_queue
            .as_ref()
            .map_or("", |task_queue| &task_queue.name)
    }

    pub(crate) fn normal_task_queue(&self) -> taskqueue::TaskQueue {
        taskqueue::TaskQueue {
            name: self.task_queue_name().to_owned(),
            kind: crate::api::enums::TaskQueueKind::Normal.into(),
            normal_name: String::new(),
        }
    }
}
