//! The timers of a run: one for each kind of thing that can fall due.

/// What can fall due in a run, in the order in which it fires among things due at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKind {
    /// The first workflow task, delayed by cron, a retry or a start delay.
    FirstWorkflowTask,
    /// The pending workflow task: not taken from the sticky queue, or not answered.
    WorkflowTask,
    UserTimers,
    ActivityTimeouts,
    /// An activity whose backoff ends. Each fires by itself, as on the server.
    ActivityRetry,
    /// A Nexus operation that times out, or whose handler is asked again. Each fires by itself, as
    /// on the server.
    NexusOperation,
    RunTimeout,
    ExecutionTimeout,
    /// A query that nobody answers: its sticky worker is given up, or its caller goes.
    Query,
    /// The caller of an update goes.
    UpdateCaller,
}

impl TimerKind {
    pub(crate) const ALL: [Self; 10] = [
        Self::FirstWorkflowTask,
        Self::WorkflowTask,
        Self::UserTimers,
        Self::ActivityTimeouts,
        Self::ActivityRetry,
        Self::NexusOperation,
        Self::RunTimeout,
        Self::ExecutionTimeout,
        Self::Query,
        Self::UpdateCaller,
    ];
}

/// What of a run is in the set of due times, by kind.
#[derive(Debug, Default)]
pub(crate) struct ArmedTimers(pub(crate) [Option<u64>; TimerKind::ALL.len()]);
