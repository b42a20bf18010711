//! The timers that workflow code started.
//!
//! They fire by due time, then by the id of their started event.
//!
//! Source: `temporalio/temporal: service/history/workflow/timer_sequence.go`.

mod fire;

use std::collections::BTreeSet;

use crate::run::undo::UndoMap;

#[derive(Clone, Debug)]
pub(crate) struct UserTimer {
    pub(crate) started_event_id: i64,
    pub(crate) due_ms: u64,
}

/// The pending timers of a run, by timer id and by due time.
#[derive(Debug, Default)]
pub(crate) struct UserTimers {
    by_id: UndoMap<String, UserTimer>,
    order: BTreeSet<(u64, i64, String)>,
}

impl UserTimers {
    pub(crate) fn contains(&self, timer_id: &str) -> bool {
        self.by_id.contains_key(timer_id)
    }

    pub(crate) fn insert(&mut self, timer_id: String, timer: UserTimer) {
        self.order
            .insert((timer.due_ms, timer.started_event_id, timer_id.clone()));
        self.by_id.insert(timer_id, timer);
    }

    pub(crate) fn remove(&mut self, timer_id: &str) -> Option<UserTimer> {
        let timer = self.by_id.remove(timer_id)?;
        self.order
            .remove(&(timer.due_ms, timer.started_event_id, timer_id.to_owned()));
        Some(timer)
    }

    /// Returns due time, started event and id of each timer, in the order in which they fire.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &(u64, i64, String)> {
        self.order.iter()
    }

    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.order.first().map(|(due_ms, ..)| *due_ms)
    }

    pub(crate) fn savepoint(&mut self) {
        self.by_id.savepoint();
    }

    pub(crate) fn commit(&mut self) {
        self.by_id.commit();
    }

    pub(crate) fn rollback(&mut self) {
        self.by_id.rollback();
        self.order = self
            .by_id
            .iter()
            .map(|(timer_id, timer)| (timer.due_ms, timer.started_event_id, timer_id.clone()))
            .collect();
    }
}
