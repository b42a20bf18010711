//! The events of one run in order, and the events that have no id yet.
//!
//! Most events from outside go to a buffer first. The buffer is flushed when a transaction ends and
//! no workflow task is started. Only then do its events get their ids; closings of activities,
//! children and Nexus operations come last.
//!
//! Source: `temporalio/temporal: service/history/historybuilder/event_store.go`.

use std::{collections::BTreeMap, sync::Arc};

use prost::Message;

use crate::{
    api::{
        Attributes, HistoryEvent,
        common::Link,
        sdk::{EventGroupMarker, UserMetadata},
    },
    base::{config::Limits, time::timestamp},
    history::kinds,
};

/// The id of an event that is still in the buffer (`temporalio/temporal: common/constants.go`).
pub(crate) const BUFFERED_EVENT_ID: i64 = -123;

/// The first task id. The server's task ids grow over a whole shard; here they grow within a run,
/// so that runs do not depend on each other.
const FIRST_TASK_ID: i64 = 1_048_576;

/// The parts of an event besides its attributes.
#[derive(Default)]
pub(crate) struct EventDecoration {
    pub(crate) user_metadata: Option<UserMetadata>,
    pub(crate) links: Vec<Link>,
    pub(crate) worker_may_ignore: bool,
    pub(crate) event_group_markers: Vec<EventGroupMarker>,
}

impl EventDecoration {
    /// Takes what there is, for one event.
    pub(crate) fn take(&mut self) -> Self {
        std::mem::take(self)
    }
}

/// A point in a history, for a rollback.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryMark {
    events: usize,
    buffered: usize,
}

/// The history of a run.
#[derive(Debug, Default)]
pub(crate) struct EventStore {
    /// The events that have ids. They never change again, so readers share them.
    events: Vec<Arc<HistoryEvent>>,
    buffered: Vec<Arc<HistoryEvent>>,
    /// The bytes of the events before `measured`, as the server counts them for the history size.
    size_bytes: u64,
    measured: usize,
    /// The events that were taken out of the buffer since the last mark, with their places in it.
    taken: Vec<(usize, Arc<HistoryEvent>)>,
    /// The started events of the last flush, by the scheduled or initiated event of each.
    started: BTreeMap<i64, i64>,
}

impl EventStore {
    /// Returns a history that begins with these events.
    pub(crate) fn forked(events: &[Arc<HistoryEvent>]) -> Self {
        Self {
            events: events.to_vec(),
            ..Self::default()
        }
    }

    /// Adds an event, or buffers it if its type requires that. Returns its id, or
    /// [`BUFFERED_EVENT_ID`].
    pub(crate) fn add(&mut self, now_ms: u64, attributes: impl Into<Attributes>) -> i64 {
        self.add_decorated(now_ms, attributes, EventDecoration::default())
    }

    pub(crate) fn add_decorated(
        &mut self,
        now_ms: u64,
        attributes: impl Into<Attributes>,
        decoration: EventDecoration,
    ) -> i64 {
        let attributes = attributes.into();
        let event_type = attributes.event_type();
        assert!(
            !self.is_closed(),
            "an event of type {event_type:?} after the run closed"
        );
        let is_buffered = kinds::is_buffered(event_type);
        let (event_id, task_id) = if is_buffered {
            (BUFFERED_EVENT_ID, 0)
        } else {
            let event_id = self.next_event_id();
            (event_id, FIRST_TASK_ID + event_id)
        };
        let event = Arc::new(HistoryEvent {
            event_id,
            event_time: Some(timestamp(now_ms)),
            event_type: event_type.into(),
            task_id,
            worker_may_ignore: decoration.worker_may_ignore,
            user_metadata: decoration.user_metadata.map(Box::new),
            links: decoration.links,
            event_group_markers: decoration.event_group_markers,
            attributes: Some(attributes),
            ..HistoryEvent::default()
        });
        if is_buffered {
            self.buffered.push(event);
        } else {
            self.events.push(event);
        }
        event_id
    }

    /// Returns `true` if the last event closes the run.
    pub(crate) fn is_closed(&self) -> bool {
        self.events
            .last()
            .is_some_and(|event| kinds::is_closing(event.event_type()))
    }

    pub(crate) fn next_event_id(&self) -> i64 {
        i64::try_from(self.events.len()).unwrap_or(i64::MAX) + 1
    }

    pub(crate) fn events(&self) -> &[Arc<HistoryEvent>] {
        &self.events
    }

    pub(crate) fn into_events(self) -> Vec<Arc<HistoryEvent>> {
        self.events
    }

    /// Returns the event with this id, if it is in history.
    pub(crate) fn event(&self, event_id: i64) -> Option<&HistoryEvent> {
        self.events
            .get(usize::try_from(event_id).ok()?.checked_sub(1)?)
            .map(|event| &**event)
    }

    pub(crate) fn attributes(&self, event_id: i64) -> Option<&Attributes> {
        self.event(event_id)?.attributes.as_ref()
    }

    /// Returns `true` if the buffer is within its limits.
    ///
    /// Source: `temporalio/temporal: service/history/workflow/mutable_state_impl.go`
    /// (`BufferSizeAcceptable`).
    pub(crate) fn is_buffer_acceptable(&self, limits: &Limits) -> bool {
        let bytes = || {
            self.buffered
                .iter()
                .map(|event| event.encoded_len())
                .sum::<usize>()
        };
        self.buffered.is_empty()
            || (self.buffered.len() <= limits.buffered_events && bytes() <= limits.buffered_bytes)
    }

    pub(crate) fn buffered(&self) -> &[Arc<HistoryEvent>] {
        &self.buffered
    }

    /// Returns the bytes of the history as of the last [`EventStore::measure`].
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// Adds the events since the last call to the size.
    pub(crate) fn measure(&mut self) {
        for event in &self.events[self.measured..] {
            // The length of an element of the `History` message, as which the server stores a
            // batch.
            let bytes = event.encoded_len();
            self.size_bytes += (1 + prost::length_delimiter_len(bytes) + bytes) as u64;
        }
        self.measured = self.events.len();
    }

    /// Gives the buffered events their ids, with the closings of activities, children and Nexus
    /// operations last. A closed run drops its buffered events.
    pub(crate) fn flush_buffered(&mut self) {
        if self.buffered.is_empty() {
            return;
        }
        if self.is_closed() {
            self.buffered.clear();
            return;
        }
        self.started.clear();
        self.buffered
            .sort_by_key(|event| kinds::is_flushed_last(event.event_type()));
        let mut buffered = std::mem::take(&mut self.buffered);
        for mut shared in buffered.drain(..) {
            // Nobody else has the event yet, so this copies nothing.
            let event = Arc::make_mut(&mut shared);
            event.event_id = self.next_event_id();
            event.task_id = FIRST_TASK_ID + event.event_id;
            self.wire(event);
            self.events.push(shared);
        }
        self.buffered = buffered;
    }

    /// Gives back the memory that only later events would need.
    pub(crate) fn give_back_memory(&mut self) {
        self.started = BTreeMap::new();
        self.buffered.shrink_to_fit();
        self.events.shrink_to_fit();
    }

    /// Returns the started events of the last flush, by the scheduled or initiated event of each.
    pub(crate) fn started_in_last_flush(&self) -> &BTreeMap<i64, i64> {
        &self.started
    }

    /// Sets the id of the started event in a closing event, if both were flushed together.
    fn wire(&mut self, event: &mut HistoryEvent) {
        macro_rules! wire {
            ($($variant:ident by $key:ident),+ $(,)?) => {
                match &mut event.attributes {
                    Some(Attributes::ActivityTaskStartedEventAttributes(started)) => {
                        self.started.insert(started.scheduled_event_id, event.event_id);
                    }
                    Some(Attributes::ChildWorkflowExecutionStartedEventAttributes(started)) => {
                        self.started.insert(started.initiated_event_id, event.event_id);
                    }
                    $(Some(Attributes::$variant(closed)) => {
                        if let Some(started) = self.started.get(&closed.$key) {
                            closed.started_event_id = *started;
                        }
                    })+
                    _ => {}
                }
            };
        }
        wire!(
            ActivityTaskCompletedEventAttributes by scheduled_event_id,
            ActivityTaskFailedEventAttributes by scheduled_event_id,
            ActivityTaskTimedOutEventAttributes by scheduled_event_id,
            ActivityTaskCanceledEventAttributes by scheduled_event_id,
            ChildWorkflowExecutionCompletedEventAttributes by initiated_event_id,
            ChildWorkflowExecutionFailedEventAttributes by initiated_event_id,
            ChildWorkflowExecutionTimedOutEventAttributes by initiated_event_id,
            ChildWorkflowExecutionCanceledEventAttributes by initiated_event_id,
            ChildWorkflowExecutionTerminatedEventAttributes by initiated_event_id,
        );
    }

    /// Removes the firing of a timer from the buffer, and returns the event that started the timer.
    pub(crate) fn take_buffered_timer_fired(&mut self, timer_id: &str) -> Option<i64> {
        let (place, started_event_id) =
            self.buffered
                .iter()
                .enumerate()
                .find_map(|(place, event)| match &event.attributes {
                    Some(Attributes::TimerFiredEventAttributes(fired))
                        if fired.timer_id == timer_id =>
                    {
                        Some((place, fired.started_event_id))
                    }
                    _ => None,
                })?;
        self.taken.push((place, self.buffered.remove(place)));
        Some(started_event_id)
    }

    pub(crate) fn mark(&mut self) -> HistoryMark {
        self.taken.clear();
        HistoryMark {
            events: self.events.len(),
            buffered: self.buffered.len(),
        }
    }

    /// Drops everything that was added since the mark.
    ///
    /// # Panics
    ///
    /// If the buffer was flushed since the mark, which cannot be undone.
    pub(crate) fn rollback(&mut self, mark: HistoryMark) {
        self.events.truncate(mark.events);
        for (place, event) in std::mem::take(&mut self.taken).into_iter().rev() {
            self.buffered.insert(place, event);
        }
        assert!(
            self.buffered.len() >= mark.buffered,
            "a flush cannot be rolled back"
        );
        self.buffered.truncate(mark.buffered);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{enums::EventType, history::*};

    fn started() -> WorkflowExecutionStartedEventAttributes {
        WorkflowExecutionStartedEventAttributes::default()
    }

    fn kinds_of(store: &EventStore) -> Vec<EventType> {
        store
            .events()
            .iter()
            .map(|event| event.event_type())
            .collect()
    }

    #[test]
    fn buffered_closings_of_activities_follow_later_signals() {
        let mut store = EventStore::default();
        store.add(0, started());
        store.add(
            1,
            ActivityTaskStartedEventAttributes {
                scheduled_event_id: 5,
                ..Default::default()
            },
        );
        store.add(
            1,
            ActivityTaskCompletedEventAttributes {
                scheduled_event_id: 5,
                ..Default::default()
            },
        );
        store.add(2, WorkflowExecutionSignaledEventAttributes::default());
        assert_eq!(kinds_of(&store), [EventType::WorkflowExecutionStarted]);
        store.flush_buffered();
        assert_eq!(
            kinds_of(&store),
            [
                EventType::WorkflowExecutionStarted,
                EventType::ActivityTaskStarted,
                EventType::WorkflowExecutionSignaled,
                EventType::ActivityTaskCompleted,
            ]
        );
        let Some(Attributes::ActivityTaskCompletedEventAttributes(completed)) = store.attributes(4)
        else {
            panic!("not the completion: {:?}", store.event(4));
        };
        assert_eq!(completed.started_event_id, 2);
    }

    #[test]
    fn a_closed_run_drops_its_buffered_events() {
        let mut store = EventStore::default();
        store.add(0, started());
        store.add(1, WorkflowExecutionSignaledEventAttributes::default());
        store.add(2, WorkflowExecutionTerminatedEventAttributes::default());
        store.flush_buffered();
        assert_eq!(
            kinds_of(&store),
            [
                EventType::WorkflowExecutionStarted,
                EventType::WorkflowExecutionTerminated
            ]
        );
        assert!(store.buffered().is_empty());
    }

    #[test]
    fn a_rollback_drops_later_events() {
        let mut store = EventStore::default();
        store.add(0, started());
        store.add(0, WorkflowExecutionSignaledEventAttributes::default());
        let mark = store.mark();
        store.add(1, WorkflowTaskScheduledEventAttributes::default());
        store.add(1, WorkflowExecutionSignaledEventAttributes::default());
        store.rollback(mark);
        assert_eq!(store.next_event_id(), 2);
        assert_eq!(store.buffered().len(), 1);
    }
}
