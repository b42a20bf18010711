//! The service's timers: per run, one head for each kind of thing that can fall due.
//!
//! A run knows when each [`TimerKind`] of it is due next ([`crate::run::Run::due_ms`]); after every
//! transaction the difference goes into one ordered set. Firing a timer is a transaction on its
//! run. A kind is a variant, a deadline in `deadline.rs` and a line in [`fire`].

use std::collections::BTreeSet;

use crate::{
    base::identifiers::RunKey,
    run::{Run, timers::TimerKind},
};

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
