//! The service's timers: per run, one head for each kind of thing that can fall due.
//!
//! A run knows when each [`TimerKind`] of it is due next ([`crate::run::Run::due_ms`]); after every
//! transaction the difference goes into one ordered set. Firing a timer is a transaction on its
//! run. A kind is a variant, a deadline in `deadline.rs` and a line in [`fire`].

mod deadline;
mod fire;

use std::collections::BTreeSet;

pub(crate) use fire::fire;

use crate::{identifiers::RunKey, run::Run};

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
pub(crate) struct ArmedTimers([Option<u64>; TimerKind::ALL.len()]);

/// All timers of all runs, earliest first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeSet<(u64, RunKey, TimerKind)>,
}

impl Timers {
    /// Brings the queue in line with what the run now waits for.
    pub(crate) fn rearm(&mut self, run: &mut Run) {
        for kind in TimerKind::ALL {
            let due_ms = run.due_ms(kind);
            let armed_ms = run.armed.0[kind as usize];
            if armed_ms == due_ms {
                continue;
            }
            if let Some(armed_ms) = armed_ms {
                self.queue.remove(&(armed_ms, run.key, kind));
            }
            if let Some(due_ms) = due_ms {
                self.queue.insert((due_ms, run.key, kind));
            }
            run.armed.0[kind as usize] = due_ms;
        }
    }

    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.queue.first().map(|(due_ms, ..)| *due_ms)
    }

    pub(crate) fn due(&self, now_ms: u64) -> impl Iterator<Item = (RunKey, TimerKind)> {
        self.queue
            .iter()
            .take_while(move |(due_ms, ..)| *due_ms <= now_ms)
            .map(|(_, run, kind)| (*run, *kind))
    }
}
