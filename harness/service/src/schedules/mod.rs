//! Schedules: what they are, when they act, and what they do then.
//!
//! `spec` has the times, as pure functions. `schedule` is the state of one schedule, which takes
//! its turns in `turn`: it acts on workflows through a trait, and knows nothing of the service.
//!
//! Schedules follow the server's workflow-backed scheduler, which is the one that servers use by
//! default up to release 1.32 (`history.enableCHASMSchedulerCreation`).

pub(crate) mod attributes;
mod description;
mod overlap;
pub(crate) mod schedule;
pub(crate) mod spec;
pub(crate) mod turn;

use std::collections::{BTreeMap, BTreeSet};

use crate::schedules::schedule::Schedule;

/// All schedules, and the times of their turns.
#[derive(Debug, Default)]
pub(crate) struct Schedules {
    open: BTreeMap<String, Schedule>,
    /// The ids of schedules that were deleted, or that came to their end, with the times at which
    /// they are forgotten.
    closed: BTreeMap<String, Option<u64>>,
    /// The times at which ids are forgotten, earliest first.
    fading: BTreeSet<(u64, String)>,
    /// The turns to come, earliest first.
    turns: BTreeSet<(u64, String)>,
    /// The number of turns that were taken because their time had come.
    turns_taken: u64,
    /// True if no schedule acts any more.
    rest: bool,
}

impl Schedules {
    pub(crate) fn get(&self, id: &str) -> Option<&Schedule> {
        self.open.get(id)
    }

    /// Returns the open schedules, in the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Schedule> {
        self.open.values()
    }

    /// Returns `true` if the schedule existed, and does no longer.
    pub(crate) fn is_closed(&self, id: &str) -> bool {
        self.closed.contains_key(id)
    }

    /// Takes a schedule out for its turn. It is to be put back.
    pub(crate) fn take(&mut self, id: &str) -> Option<Schedule> {
        let schedule = self.open.remove(id)?;
        if let Some(wake_ms) = schedule.wake_ms {
            self.turns.remove(&(wake_ms, schedule.id.clone()));
        }
        Some(schedule)
    }

    /// Puts a schedule in its place, unless it came to its end.
    pub(crate) fn put(&mut self, schedule: Schedule) {
        if schedule.is_closed {
            self.closed.insert(schedule.id, None);
            return;
        }
        self.closed.remove(&schedule.id);
        if let Some(wake_ms) = schedule.wake_ms {
            self.turns.insert((wake_ms, schedule.id.clone()));
        }
        self.open.insert(schedule.id.clone(), schedule);
    }

    /// Drops a schedule. Returns `true` if there was one.
    pub(crate) fn close(&mut self, id: &str) -> bool {
        let closed = self.take(id).map(|schedule| schedule.id);
        let existed = closed.is_some();
        self.closed.extend(closed.map(|id| (id, None)));
        existed
    }

    /// Lets the id of a closed schedule be forgotten at this time.
    pub(crate) fn forget_at(&mut self, id: &str, at_ms: u64) {
        if let Some(forgotten) = self.closed.get_mut(id) {
            *forgotten = Some(at_ms);
            self.fading.insert((at_ms, id.to_owned()));
        }
    }

    /// Forgets the closed schedules whose time has come.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        while self
            .fading
            .first()
            .is_some_and(|(at_ms, _)| *at_ms <= now_ms)
            && let Some((at_ms, id)) = self.fading.pop_first()
        {
            if self.closed.get(&id) == Some(&Some(at_ms)) {
                self.closed.remove(&id);
            }
        }
    }

    /// Wakes the schedules that wait for this workflow to close.
    pub(crate) fn workflow_closed(&mut self, workflow_id: &str, now_ms: u64) {
        let waits = |schedule: &&Schedule| {
            let watched = schedule.watched.as_ref();
            watched.is_some_and(|it| it.workflow_id == workflow_id)
        };
        let waiting: Vec<_> = self.iter().filter(waits).map(|it| it.id.clone()).collect();
        for id in waiting {
            self.wake(&id, now_ms);
        }
    }

    /// Wakes a schedule, which then looks which of its workflows still run.
    pub(crate) fn wake(&mut self, id: &str, now_ms: u64) {
        if let Some(mut schedule) = self.take(id) {
            schedule.refresh();
            schedule.wake_ms = Some(now_ms);
            self.put(schedule);
        }
    }

    /// Lets no schedule act any more by itself.
    pub(crate) fn rest(&mut self) {
        self.rest = true;
    }

    /// Notes that a turn is taken because its time has come.
    pub(crate) fn turn_taken(&mut self) {
        self.turns_taken += 1;
    }

    /// Returns the number of turns that were taken because their time had come.
    pub(crate) fn turns_taken(&self) -> u64 {
        self.turns_taken
    }

    /// Returns the time of the next turn.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        let next = self.turns.first().filter(|_| !self.rest);
        next.map(|(due_ms, _)| *due_ms)
    }

    /// Returns the ids of the schedules whose turn has come, earliest first.
    pub(crate) fn due(&self, now_ms: u64) -> impl Iterator<Item = &str> {
        let rests = self.rest;
        let is_due = move |due_ms: u64| !rests && due_ms <= now_ms;
        let due = self
            .turns
            .iter()
            .take_while(move |(due_ms, _)| is_due(*due_ms));
        due.map(|(_, id)| id.as_str())
    }
}
