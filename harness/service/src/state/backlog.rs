//! The tasks that wait for pollers, by their priority.
//!
//! A task of a higher level goes before all others; within a level, tasks go in the order in which
//! they came. Fairness keys do not matter: a server does not look at them by default
//! (`matching.enableFairness`).
//!
//! Source: `temporalio/temporal: service/matching/matcher_data.go` (`taskBTreeLess`),
//! `service/matching/config.go` (`clipPriority`).

use std::collections::VecDeque;

use crate::{
    api::{common::Priority, taskqueue::TaskQueueStats},
    base::time::duration,
    state::{task_counter::TaskCounter, task_queues::Task},
};

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

/// The place of a task in a backlog.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    level: usize,
    index: usize,
}

/// The tasks that wait for pollers.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    levels: [Waiting; LEVELS],
}

/// The tasks of one level, and the rates at which they come and go.
#[derive(Debug, Default)]
struct Waiting {
    /// The tasks, each with the time at which it came.
    tasks: VecDeque<(u64, Task)>,
    rates: Option<Box<Rates>>,
}

/// The rates at which tasks come and go.
#[derive(Debug)]
struct Rates {
    added: TaskCounter,
    dispatched: TaskCounter,
}

impl Waiting {
    fn rates(&mut self, now_ms: u64) -> &mut Rates {
        self.rates.get_or_insert_with(|| {
            let [added, dispatched] = [(); 2].map(|()| TaskCounter::new(now_ms));
            Box::new(Rates { added, dispatched })
        })
    }

    fn stats(&self, now_ms: u64) -> TaskQueueStats {
        let oldest_ms = self.tasks.iter().map(|(came_ms, _)| *came_ms).min();
        let age_ms = oldest_ms.map_or(0, |came_ms| now_ms.saturating_sub(came_ms));
        let rate = |of: fn(&Rates) -> &TaskCounter| {
            let rates = self.rates.as_ref();
            rates.map_or(0.0, |rates| of(rates).rate(now_ms))
        };
        TaskQueueStats {
            approximate_backlog_count: i64::try_from(self.tasks.len()).unwrap_or(i64::MAX),
            approximate_backlog_age: Some(duration(age_ms)),
            tasks_add_rate: rate(|rates| &rates.added),
            tasks_dispatch_rate: rate(|rates| &rates.dispatched),
            ..TaskQueueStats::default()
        }
    }
}

impl Backlog {
    pub(crate) fn len(&self) -> usize {
        self.levels.iter().map(|level| level.tasks.len()).sum()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.levels.iter().all(|level| level.tasks.is_empty())
    }

    /// Adds a task behind all others of its level.
    pub(crate) fn push_back(&mut self, now_ms: u64, level: Level, task: Task) {
        let level = &mut self.levels[level.0];
        level.rates(now_ms).added.count(now_ms);
        level.tasks.push_back((now_ms, task));
    }

    /// Adds a task before all others of its level.
    pub(crate) fn push_front(&mut self, now_ms: u64, level: Level, task: Task) {
        let level = &mut self.levels[level.0];
        level.rates(now_ms).added.count(now_ms);
        level.tasks.push_front((now_ms, task));
    }

    /// Removes the task that is next, for a poller.
    pub(crate) fn pop_front(&mut self, now_ms: u64) -> Option<Task> {
        let mut levels = self.levels.iter_mut();
        let level = levels.find(|level| !level.tasks.is_empty())?;
        level.rates(now_ms).dispatched.count(now_ms);
        level.tasks.pop_front().map(|(_, task)| task)
    }

    /// Returns the first task that `find` finds something for, by its place, and what that is.
    pub(crate) fn find_map<T>(&self, find: impl Fn(&Task) -> Option<T>) -> Option<(Place, T)> {
        let levels = self.levels.iter().enumerate();
        let mut tasks = levels.flat_map(|(level, waiting)| {
            let tasks = waiting.tasks.iter().enumerate();
            tasks.map(move |(index, (_, task))| (Place { level, index }, task))
        });
        tasks.find_map(|(place, task)| Some((place, find(task)?)))
    }

    /// Removes the task at a place, for a poller.
    pub(crate) fn take(&mut self, now_ms: u64, place: Place) -> Option<Task> {
        let level = &mut self.levels[place.level];
        level.rates(now_ms).dispatched.count(now_ms);
        level.tasks.remove(place.index).map(|(_, task)| task)
    }

    /// Returns `true` if a task came in the time over which rates are measured.
    pub(crate) fn has_had_tasks_lately(&self, now_ms: u64) -> bool {
        let mut rates = self.levels.iter().filter_map(|level| level.rates.as_ref());
        rates.any(|rates| rates.added.rate(now_ms) > 0.0)
    }

    /// Drops the tasks that are not wanted.
    pub(crate) fn retain(&mut self, mut is_wanted: impl FnMut(&Task) -> bool) {
        for level in &mut self.levels {
            level.tasks.retain(|(_, task)| is_wanted(task));
        }
    }

    /// Returns the statistics of each priority that has had a task, and of the one in the middle.
    pub(crate) fn stats(&self, now_ms: u64) -> impl Iterator<Item = (i32, TaskQueueStats)> {
        let levels = self.levels.iter().enumerate();
        let known =
            levels.filter(|(place, level)| level.rates.is_some() || *place == Level::default().0);
        known.map(move |(place, level)| {
            let priority = i32::try_from(place + 1).unwrap_or(i32::MAX);
            (priority, level.stats(now_ms))
        })
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
