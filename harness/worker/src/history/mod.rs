//! A run's history as it comes: what of it is known, and what makes the next activation.

mod boundaries;
mod markers;
mod pages;

use std::{borrow::Cow, ops::Range, sync::Arc};

use temporalio_protos::temporal::api::history::v1::HistoryEvent;

use boundaries::{TaskEnd, find_task_end};
pub(crate) use markers::{
    is_local_activity_marker, local_activity_marker, local_activity_result, patch_marker,
};
pub(crate) use pages::Pages;

/// Part of a run's history: whole workflow tasks, of which some are yet to be applied.
#[derive(Debug, Default)]
pub(crate) struct History<'h> {
    events: Cow<'h, [Arc<HistoryEvent>]>,
    /// The first event that is yet to be applied.
    next: usize,
    /// The started event of the last workflow task that was completed before the one at hand.
    pub(crate) previous_started_event_id: i64,
    /// Whether this part goes up to the end.
    has_last_task: bool,
}

/// The events of the next workflow task.
#[derive(Debug)]
pub(crate) enum NextTask {
    /// These events, and whether they are the last.
    Events(Range<usize>, bool),
    /// There is nothing more.
    ReplayOver,
    /// The rest must be fetched.
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
        }
    }

    /// Takes the events out for the time that they are applied.
    pub(crate) fn take_events(&mut self) -> Cow<'h, [Arc<HistoryEvent>]> {
        std::mem::take(&mut self.events)
    }

    /// Puts back what [`Self::take_events`] took.
    pub(crate) fn put_events(&mut self, events: Cow<'h, [Arc<HistoryEvent>]>) {
        self.events = events;
    }

    /// The events that belong to the next workflow task after the one that started with the given
    /// event.
    pub(crate) fn next_task(&mut self, started_event_id: i64) -> NextTask {
        let left = &self.events[self.next..];
        self.next += left
            .iter()
            .position(|event| event.event_id > started_event_id)
            .unwrap_or(0);
        let left = &self.events[self.next..];
        match find_task_end(left, started_event_id, self.has_last_task) {
            TaskEnd::At(index) => self.take_to(index),
            TaskEnd::Incomplete if !self.has_last_task => NextTask::NeedsHistory,
            // A lone event that is left cannot be told from none: so it is with Core.
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

    /// The events of the task after the one taken last.
    pub(crate) fn peek_task(&self, started_event_id: i64) -> Range<usize> {
        let left = &self.events[self.next..];
        let skip = left
            .iter()
            .position(|event| event.event_id > started_event_id)
            .unwrap_or(0);
        let left = &left[skip..];
        let start = self.next + skip;
        match find_task_end(left, started_event_id, self.has_last_task) {
            TaskEnd::At(index) => start..start + index + 1,
            TaskEnd::Incomplete => start..start + left.len(),
        }
    }
}
