//! What can be set about the simulated service; the defaults are the server's.

use crate::base::identifiers::derived_uuid;

/// How the simulated service is set up.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ServiceConfig {
    /// The one namespace there is. Requests that name another are answered NOT_FOUND.
    pub namespace: String,
    /// Run ids are derived from this, the workflow id, and how many runs that workflow id had
    /// before.
    pub id_seed: u64,
    /// The limits, with the server's defaults.
    pub limits: Limits,
    /// Whether Nexus operations, which are experimental, are served. Without, their commands fail
    /// the workflow task.
    pub nexus: bool,
    /// Whether queries bear it that workflow tasks are lost: they wait for their run's task however
    /// often it failed and however many wait for it, and go along with one that was scheduled while
    /// they waited for a worker. The server's fail at the third attempt, and the second that waits
    /// is refused; and a worker gets the query before the task, with events that the task is to
    /// bring, after which SDK 1.1 makes commands in an order in which no replay makes them. Nor
    /// does a worker that fetches history for a query hear of a task under way, whose update it
    /// would never see.
    pub patient_queries: bool,
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self {
            namespace: "default".to_owned(),
            id_seed: 0,
            limits: Limits::default(),
            nexus: true,
            patient_queries: false,
        }
    }
}

impl ServiceConfig {
    /// The id of the namespace, as events and descriptions show it.
    pub fn namespace_id(&self) -> String {
        derived_uuid(0, &self.namespace, 0)
    }
}

/// The limits that the service keeps.
///
/// Defaults: `temporalio/temporal: common/dynamicconfig/constants.go`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// A run whose history reaches this many events is terminated (`limit.historyCount.error`).
    pub history_events: i64,
    /// A run whose history reaches this many bytes is terminated (`limit.historySize.error`).
    pub history_bytes: u64,
    /// From this many events on, a workflow task suggests continue-as-new
    /// (`limit.historyCount.suggestContinueAsNew`).
    pub suggest_continue_as_new_events: i64,
    /// From this many bytes on, a workflow task suggests continue-as-new
    /// (`limit.historySize.suggestContinueAsNew`).
    pub suggest_continue_as_new_bytes: u64,
    /// Activities that may be pending in one run (`limit.numPendingActivities.error`).
    pub pending_activities: usize,
    /// Children that may be pending in one run (`limit.numPendingChildExecutions.error`).
    pub pending_children: usize,
    /// Signals to other runs that may be pending in one run (`limit.numPendingSignals.error`).
    pub pending_signals: usize,
    /// Cancel requests to other runs that may be pending in one run
    /// (`limit.numPendingCancelRequests.error`).
    pub pending_cancel_requests: usize,
    /// Nexus operations that may be pending in one run
    /// (`component.nexusoperations.limit.operation.concurrency`).
    pub pending_nexus_operations: usize,
    /// Bytes of one payload field (`limit.blobSize.error`).
    pub payload_bytes: usize,
    /// Bytes of the whole memo (`limit.memoSize.error`).
    pub memo_bytes: usize,
    /// Characters of a workflow id, an activity id, a task queue and the like
    /// (`limit.maxIDLength`).
    pub id_length: usize,
    /// Signals that one run accepts (`history.maximumSignalsPerExecution`).
    pub signals: u64,
    /// Events that wait while a workflow task is started (`history.maximumBufferedEventsBatch`).
    pub buffered_events: usize,
    /// Bytes of the events that wait while a workflow task is started
    /// (`history.maximumBufferedEventsSizeInBytes`).
    pub buffered_bytes: usize,
    /// Queries that wait for the workflow task of one run (`history.MaxBufferedQueryCount`).
    pub buffered_queries: usize,
    /// Events in one page of history, in a poll's response and in GetWorkflowExecutionHistory
    /// (`frontend.historyMaxPageSize`).
    pub history_page_events: usize,
    /// How long heartbeats may keep one workflow task alive, in milliseconds
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
