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
    /// The timers that were not due yet when the service last looked.
    queue: BTreeSet<Timer>,
    /// The timers that were due then, sorted. Apart from the others they can be counted at once,
    /// and picked by their place.
    due: Vec<Timer>,
}

/// The time at which a timer falls due, its run, and its kind.
type Timer = (u64, RunKey, TimerKind);

impl Timers {
    /// Brings the timers in line with what the run now waits for.
    pub(crate) fn rearm(&mut self, run: &mut Run) {
        for kind in TimerKind::ALL {
            let due_ms = run.due_ms(kind);
            let armed_ms = run.armed.0[kind as usize];
            if armed_ms == due_ms {
                continue;
            }
            if let Some(armed_ms) = armed_ms {
                self.disarm((armed_ms, run.key, kind));
            }
            if let Some(due_ms) = due_ms {
                self.queue.insert((due_ms, run.key, kind));
            }
            run.armed.0[kind as usize] = due_ms;
        }
    }

    fn disarm(&mut self, timer: Timer) {
        if !self.queue.remove(&timer)
            && let Ok(place) = self.due.binary_search(&timer)
        {
            self.due.remove(place);
        }
    }

    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        let first = self.due.first().into_iter().chain(self.queue.first());
        first.map(|(due_ms, ..)| *due_ms).min()
    }

    /// Returns the timers that are due, earliest first.
    pub(crate) fn due(&mut self, now_ms: u64) -> &[Timer] {
        while let Some(first) = self.queue.first()
            && first.0 <= now_ms
            && let Some(timer) = self.queue.pop_first()
        {
            // Almost always the last.
            let place = self.due.partition_point(|due| *due < timer);
            self.due.insert(place, timer);
        }
        &self.due
    }
}
