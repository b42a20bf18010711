//! The tasks that wait for pollers, by their priority.
//!
//! A task of a higher level goes before all others; within a level, tasks go in the order in which
//! they came. Fairness keys do not matter: a server does not look at them by default
//! (`matching.enableFairness`).
//!
//! Source: `temporalio/temporal: service/matching/matcher_data.go` (`taskBTreeLess`),
//! `service/matching/config.go` (`clipPriority`).

use std::collections::VecDeque;

use crate::{api::common::Priority, state::task_queues::Task};

/// The number of levels (`matching.priorityLevels`).
const LEVELS: usize = 5;

/// The level of a task: its place among the levels, the highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level(usize);

impl Default for Level {
    fn default() -> Self {
        Self(LEVELS / 2)
    }
}

impl Level {
    /// Returns the level of a priority. An unset key is that of the middle, and a key beyond the
    /// lowest is the lowest.
    pub(crate) fn of(priority: Option<&Priority>) -> Self {
        match priority.map_or(0, |priority| priority.priority_key) {
            0 => Self::default(),
            key => Self(usize::try_from(key).map_or(0, |key| key.min(LEVELS) - 1)),
        }
    }
}

/// The tasks that wait for pollers.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    levels: [VecDeque<Task>; LEVELS],
}

impl Backlog {
    pub(crate) fn len(&self) -> usize {
        self.levels.iter().map(VecDeque::len).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.levels.iter().all(VecDeque::is_empty)
    }

    /// Adds a task behind all others of its level.
    pub(crate) fn push_back(&mut self, level: Level, task: Task) {
        self.levels[level.0].push_back(task);
    }

    /// Adds a task before all others of its level.
    pub(crate) fn push_front(&mut self, level: Level, task: Task) {
        self.levels[level.0].push_front(task);
    }

    /// Returns the task that is next.
    pub(crate) fn front(&self) -> Option<&Task> {
        self.levels.iter().find_map(VecDeque::front)
    }

    /// Removes the task that is next.
    pub(crate) fn pop_front(&mut self) -> Option<Task> {
        self.levels.iter_mut().find_map(VecDeque::pop_front)
    }

    /// Drops the tasks that are not wanted.
    pub(crate) fn retain(&mut self, mut is_wanted: impl FnMut(&Task) -> bool) {
        for level in &mut self.levels {
            level.retain(&mut is_wanted);
        }
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn an_unset_key_is_the_middle_and_one_out_of_range_the_nearest() {
        let level = |priority_key: i32| {
            let priority = Priority {
                priority_key,
                ..Priority::default()
            };
            Level::of(Some(&priority)).0
        };
        assert_eq!([0, 1, 3, 5, 77, -1].map(level), [2, 0, 2, 4, 4, 0]);
        assert_eq!(Level::of(None), Level::default());
    }
}
