//! The timers of a run: one for each kind of thing that can fall due.

/// The kinds of things that fall due in a run, in the order in which they fire at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum TimerKind {
    /// The timeouts of the run come first, as on the server: what is set first fires first.
    RunTimeout,
    ExecutionTimeout,
    /// The first workflow task, delayed by cron, a retry or a start delay.
    FirstWorkflowTask,
    /// The pending workflow task, which no worker took from the sticky queue, or which has no
    /// answer.
    WorkflowTask,
    UserTimers,
    ActivityTimeouts,
    /// The end of an activity's backoff. Each fires by itself, as on the server.
    ActivityRetry,
    /// A timeout of a Nexus operation, or the next request to its handler. Each fires by itself, as
    /// on the server.
    NexusOperation,
    /// A query without an answer: its sticky worker is given up, or its caller's deadline passes.
    Query,
    /// The deadline of a caller of an update.
    UpdateCaller,
}

impl TimerKind {
    pub(crate) const ALL: [Self; 10] = [
        Self::RunTimeout,
        Self::ExecutionTimeout,
        Self::FirstWorkflowTask,
        Self::WorkflowTask,
        Self::UserTimers,
        Self::ActivityTimeouts,
        Self::ActivityRetry,
        Self::NexusOperation,
        Self::Query,
        Self::UpdateCaller,
    ];
}

/// The next due time of each kind.
#[derive(Debug, PartialEq)]
pub(crate) struct DueTimes([u64; TimerKind::ALL.len()]);

/// The due time of a kind of which nothing falls due.
const NEVER: u64 = u64::MAX;

impl Default for DueTimes {
    fn default() -> Self {
        Self([NEVER; TimerKind::ALL.len()])
    }
}

impl DueTimes {
    pub(crate) fn of(&self, kind: TimerKind) -> Option<u64> {
        Some(self.0[kind as usize]).filter(|due_ms| *due_ms != NEVER)
    }

    pub(crate) fn set(&mut self, kind: TimerKind, due_ms: Option<u64>) {
        self.0[kind as usize] = due_ms.unwrap_or(NEVER);
    }
}
