//! The configuration of the simulated service. Its defaults are the server's.

use std::collections::BTreeSet;

use crate::base::{
    identifiers::{derived_below, derived_uuid},
    search_attributes::SearchAttributeRegistry,
};

/// The configuration of a simulated service.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own, set by name"
)]
pub struct ServiceConfig {
    /// The name of the one namespace. Requests that name another are answered with NOT_FOUND.
    pub namespace: String,
    /// The limits that the service enforces.
    pub limits: Limits,
    /// True if Nexus operations, which are experimental, are served. If not, their commands fail
    /// the workflow task.
    pub nexus: bool,
    /// True if queries tolerate late and lost workflow tasks.
    ///
    /// The server is less patient, in four ways. With any one of them, faults make the test of a
    /// sound workflow fail, or the workflow itself:
    ///
    /// - A patient query waits for the workflow task of its run, no matter how often the task has
    ///   failed. The server refuses the query from the third attempt of the task on.
    /// - Any number of patient queries wait for one task. The server refuses the second.
    /// - If a workflow task is scheduled while a patient query waits for a worker, the query goes
    ///   along with the task. On the server a worker gets the query first, with events that belong
    ///   to the task. SDK 1.1 handles these events before the task arrives, and issues commands in
    ///   an order that no replay reproduces.
    /// - A worker that fetches history for a patient query does not get the events of a pending
    ///   workflow task that are not in history yet. The server sends them, and SDK 1.1 handles them
    ///   before the task arrives, as above.
    pub patient_queries: bool,
    /// The search attributes that runs may have.
    pub search_attributes: SearchAttributeRegistry,
    /// True if the service keeps a tally of the tasks that workers have, for
    /// [`Service::is_working`](crate::Service::is_working).
    pub tracks_work: bool,
    /// The other namespaces of the server. No command of a workflow reaches them.
    pub(crate) neighbours: BTreeSet<String>,
    /// The time for which closed executions are kept.
    pub retention: Retention,
    /// True if open runs are made anew from their histories after every step, for tests of imports:
    /// nothing may come of it.
    #[doc(hidden)]
    pub reimports: bool,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            namespace: "default".to_owned(),
            limits: Limits::default(),
            nexus: true,
            patient_queries: false,
            search_attributes: SearchAttributeRegistry::default(),
            tracks_work: false,
            neighbours: BTreeSet::new(),
            retention: Retention::Life,
            reimports: false,
        }
    }
}

/// The time for which a service keeps closed executions: workflows, standalone activities and Nexus
/// operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// The whole life of the service. Even the histories of deleted runs are there at its end.
    Life,
    /// Until a client deletes them.
    UntilDeleted,
    /// This long after they have closed, in milliseconds, and up to half an hour longer.
    AfterClose {
        /// The retention of the namespace, in milliseconds.
        ms: u64,
    },
}

impl Retention {
    /// The longest time that an execution is kept beyond its retention
    /// (`history.retentionTimerJitterDuration`).
    const JITTER_MS: u64 = 30 * 60 * 1000;

    /// Returns the time at which an execution is deleted that closed at this time, if it ever is.
    ///
    /// The server draws the time beyond the retention. Here it depends on the run id alone.
    ///
    /// Source: `temporalio/temporal: service/history/workflow/task_generator.go`
    /// (`GenerateDeleteHistoryEventTask`).
    pub(crate) fn ends_ms(self, close_ms: u64, run_id: &str) -> Option<u64> {
        let Self::AfterClose { ms } = self else {
            return None;
        };
        let jitter_ms = derived_below(Self::JITTER_MS, run_id, 0);
        Some(close_ms.saturating_add(ms).saturating_add(jitter_ms))
    }
}

impl ServiceConfig {
    /// Returns the id of the namespace, as events and descriptions show it.
    pub fn namespace_id(&self) -> String {
        derived_uuid(&self.namespace, 0)
    }
}

/// The limits that the service enforces.
///
/// Source of the defaults: `temporalio/temporal: common/dynamicconfig/constants.go`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The number of events from which a run is terminated (`limit.historyCount.error`).
    pub history_events: i64,
    /// The size of a history, in bytes, from which a run is terminated (`limit.historySize.error`).
    pub history_bytes: u64,
    /// The number of events from which a workflow task suggests continue-as-new
    /// (`limit.historyCount.suggestContinueAsNew`).
    pub suggest_continue_as_new_events: i64,
    /// The size of a history, in bytes, from which a workflow task suggests continue-as-new
    /// (`limit.historySize.suggestContinueAsNew`).
    pub suggest_continue_as_new_bytes: u64,
    /// The activities that may be pending in one run (`limit.numPendingActivities.error`).
    pub pending_activities: usize,
    /// The children that may be pending in one run (`limit.numPendingChildExecutions.error`).
    pub pending_children: usize,
    /// The signals to other runs that may be pending in one run (`limit.numPendingSignals.error`).
    pub pending_signals: usize,
    /// The cancel requests to other runs that may be pending in one run
    /// (`limit.numPendingCancelRequests.error`).
    pub pending_cancel_requests: usize,
    /// The Nexus operations that may be pending in one run
    /// (`component.nexusoperations.limit.operation.concurrency`).
    pub pending_nexus_operations: usize,
    /// The size of one payload field, in bytes (`limit.blobSize.error`).
    pub payload_bytes: usize,
    /// The size of a whole memo, in bytes (`limit.memoSize.error`).
    pub memo_bytes: usize,
    /// The length of a workflow id, an activity id, a task queue and the like, in bytes
    /// (`limit.maxIDLength`).
    pub id_length: usize,
    /// The signals that one run accepts (`history.maximumSignalsPerExecution`).
    pub signals: u64,
    /// The events that may wait while a workflow task is started
    /// (`history.maximumBufferedEventsBatch`).
    pub buffered_events: usize,
    /// The size, in bytes, of the events that may wait while a workflow task is started
    /// (`history.maximumBufferedEventsSizeInBytes`).
    pub buffered_bytes: usize,
    /// The queries that may wait for the workflow task of one run
    /// (`history.MaxBufferedQueryCount`).
    pub buffered_queries: usize,
    /// The events of one page of history, in the response to a poll and in
    /// GetWorkflowExecutionHistory (`frontend.historyMaxPageSize`).
    pub history_page_events: usize,
    /// The time, in milliseconds, for which heartbeats may keep one workflow task alive
    /// (`history.workflowTaskHeartbeatTimeout`).
    pub workflow_task_heartbeat_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            history_events: 50 * 1024,
            history_bytes: 50 * MIB,
            suggest_continue_as_new_events: 4 * 1024,
            suggest_continue_as_new_bytes: 4 * MIB,
            pending_activities: 2000,
            pending_children: 2000,
            pending_signals: 2000,
            pending_cancel_requests: 2000,
            pending_nexus_operations: 30,
            payload_bytes: 2 * 1024 * 1024,
            memo_bytes: 2 * 1024 * 1024,
            id_length: 1000,
            signals: 10_000,
            buffered_events: 100,
            buffered_bytes: 2 * 1024 * 1024,
            buffered_queries: 1,
            history_page_events: 256,
            workflow_task_heartbeat_ms: 30 * 60 * 1000,
        }
    }
}
