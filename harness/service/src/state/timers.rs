//! The timers of all runs.
//!
//! A run knows the next due time of each [`TimerKind`] ([`Run::due_times`]). After every
//! transaction, the changes go into one ordered set. Firing a timer is a transaction on its run. A
//! new kind is a variant, a deadline in `run/deadline.rs` and a line in `executors/timers.rs`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{
    base::identifiers::RunKey,
    run::{Run, timers::TimerKind},
};

/// All timers of all runs, earliest first.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// The timers that were not due at the last call of [`Timers::due`].
    queue: BTreeSet<Timer>,
    /// The timers that were due then, sorted. They can be counted and picked at once, and the first
    /// of them leaves at once too.
    due: VecDeque<Timer>,
    /// The timers that fire later than they fall due, and when they do.
    postponed: BTreeMap<(RunKey, TimerKind), u64>,
    /// The runs whose next timer of workflow code was short when it was armed; `None` if nobody
    /// asks for them.
    short: Option<BTreeSet<RunKey>>,
}

/// The kind of the timers that may fire late.
const USER_TIMERS: TimerKind = TimerKind::UserTimers;

/// The time that the server's timer queue looks ahead (`history.timerProcessorMaxTimeShift`).
const LOOK_AHEAD_MS: u64 = 1000;

/// The time at which a timer falls due, its run, and its kind.
pub(crate) type Timer = (u64, RunKey, TimerKind);

impl Timers {
    /// Updates the timers of a run after a transaction.
    pub(crate) fn rearm(&mut self, run: &mut Run) {
        let due = run.due_times();
        if due == run.armed {
            return;
        }
        for kind in TimerKind::ALL {
            let (armed_ms, due_ms) = (run.armed.of(kind), due.of(kind));
            if armed_ms == due_ms {
                continue;
            }
            if let Some(armed_ms) = armed_ms {
                let fires_ms = self.postponed.remove(&(run.key, kind));
                self.disarm((fires_ms.unwrap_or(armed_ms), run.key, kind));
            }
            if let Some(due_ms) = due_ms {
                self.queue.insert((due_ms, run.key, kind));
            }
        }
        run.armed = due;
    }

    fn disarm(&mut self, timer: Timer) {
        if !self.queue.remove(&timer)
            && let Ok(place) = self.due.binary_search(&timer)
        {
            self.due.remove(place);
        }
    }

    /// Notes that the next timer of workflow code of this run is short, if it is.
    pub(crate) fn note_short_timer(&mut self, run: &Run, now_ms: u64) {
        let Some(short) = &mut self.short else { return };
        let due_ms = run.armed.of(USER_TIMERS);
        let is_short =
            due_ms.is_some_and(|due_ms| now_ms < due_ms && due_ms - now_ms < LOOK_AHEAD_MS);
        if is_short && !self.postponed.contains_key(&(run.key, USER_TIMERS)) {
            short.insert(run.key);
        }
    }

    /// Begins to note short timers.
    pub(crate) fn note_short_timers(&mut self) {
        self.short.get_or_insert_default();
    }

    /// Takes the runs that were noted since the last call, if there are any.
    pub(crate) fn take_short(&mut self) -> Option<BTreeSet<RunKey>> {
        let short = self.short.as_mut()?;
        (!short.is_empty()).then(|| std::mem::take(short))
    }

    /// Lets the next timer of workflow code of this run fire at this time, if it falls due earlier.
    pub(crate) fn postpone(&mut self, run: &Run, until_ms: u64) {
        let due_ms = run.armed.of(USER_TIMERS);
        if let Some(due_ms) = due_ms.filter(|due_ms| *due_ms < until_ms) {
            self.disarm((due_ms, run.key, USER_TIMERS));
            self.queue.insert((until_ms, run.key, USER_TIMERS));
            self.postponed.insert((run.key, USER_TIMERS), until_ms);
        }
    }

    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        let first = self.due.front().into_iter().chain(self.queue.first());
        first.map(|(due_ms, ..)| *due_ms).min()
    }

    /// Returns all timers, those that were due first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Timer> {
        self.due.iter().chain(&self.queue)
    }

    /// Returns the timers that are due, earliest first.
    pub(crate) fn due(&mut self, now_ms: u64) -> &VecDeque<Timer> {
        while let Some(first) = self.queue.first()
            && first.0 <= now_ms
            && let Some(timer) = self.queue.pop_first()
        {
            // The place is almost always the last.
            let place = self.due.partition_point(|due| *due < timer);
            self.due.insert(place, timer);
        }
        &self.due
    }
}
