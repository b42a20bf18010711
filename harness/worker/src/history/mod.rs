//! The history of a run as the worker receives it, one workflow task after another.

mod boundaries;
mod markers;
mod pages;

use std::{borrow::Cow, ops::Range, sync::Arc};

use durasim_events::HistoryEvent;

pub(crate) use boundaries::updates_cut_in_two_ways;
use boundaries::{TaskEnd, find_task_end};
pub(crate) use markers::{
    is_local_activity_marker, local_activity_marker, local_activity_result, patch_marker,
};
pub(crate) use pages::Pages;

/// A part of a run's history: whole workflow tasks, some of which are yet to be applied.
#[derive(Debug, Default)]
pub(crate) struct History<'h> {
    events: Cow<'h, [Arc<HistoryEvent>]>,
    /// The index of the first event that is yet to be applied.
    next: usize,
    /// The started event of the last workflow task that was completed before the open task.
    pub(crate) previous_started_event_id: i64,
    /// True if this part reaches the end of history.
    has_last_task: bool,
    /// The updates whose tasks are cut as a worker without a cache cut them.
    joined: Vec<i64>,
}

/// The events of the next workflow task.
#[derive(Debug)]
pub(crate) enum NextTask {
    /// The range of the events, and `true` beside it if they are the last.
    Events(Range<usize>, bool),
    /// There are no more events.
    ReplayOver,
    /// The rest of the events must be fetched.
    NeedsHistory,
}

impl<'h> History<'h> {
    pub(crate) fn new(
        events: Cow<'h, [Arc<HistoryEvent>]>,
        previous_started_event_id: i64,
        has_last_task: bool,
    ) -> Self {
        Self {
            events,
            next: 0,
            previous_started_event_id,
            has_last_task,
            joined: Vec::new(),
        }
    }

    /// Joins the tasks of these updates, some of [`updates_cut_in_two_ways`].
    pub(crate) fn joining(mut self, updates: Vec<i64>) -> Self {
        self.joined = updates;
        self
    }

    /// Takes the events out while they are applied.
    pub(crate) fn take_events(&mut self) -> Cow<'h, [Arc<HistoryEvent>]> {
        std::mem::take(&mut self.events)
    }

    /// Puts the events back that [`Self::take_events`] returned.
    pub(crate) fn put_events(&mut self, events: Cow<'h, [Arc<HistoryEvent>]>) {
        self.events = events;
    }

    /// Returns the events of the workflow task after the one that started with the event
    /// `started_event_id`.
    pub(crate) fn next_task(&mut self, started_event_id: i64) -> NextTask {
        let left = &self.events[self.next..];
        self.next += left
            .iter()
            .position(|event| event.event_id > started_event_id)
            .unwrap_or(0);
        let left = &self.events[self.next..];
        match find_task_end(left, started_event_id, self.has_last_task, &self.joined) {
            TaskEnd::At(index) => self.take_to(index),
            TaskEnd::Incomplete if !self.has_last_task => NextTask::NeedsHistory,
            // Like Core, this takes a single event that is left for none.
            TaskEnd::Incomplete if left.len() <= 1 => NextTask::ReplayOver,
            TaskEnd::Incomplete => self.take_to(left.len() - 1),
        }
    }

    fn take_to(&mut self, index: usize) -> NextTask {
        let start = self.next;
        self.next += index + 1;
        NextTask::Events(
            start..self.next,
            self.next == self.events.len() && self.has_last_task,
        )
    }

    /// Returns the events of the workflow task after the one that [`Self::next_task`] returned.
    pub(crate) fn peek_task(&self, started_event_id: i64) -> Range<usize> {
        let left = &self.events[self.next..];
        let skip = left
            .iter()
            .position(|event| event.event_id > started_event_id)
            .unwrap_or(0);
        let left = &left[skip..];
        let start = self.next + skip;
        match find_task_end(left, started_event_id, self.has_last_task, &self.joined) {
            TaskEnd::At(index) => start..start + index + 1,
            TaskEnd::Incomplete => start..start + left.len(),
        }
    }
}
