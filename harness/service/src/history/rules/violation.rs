//! Violations of the rules of histories.

use temporalio_protos::temporal::api::enums::v1::EventType;

/// A rule that a history breaks, and the event that breaks it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A history without events.
    #[error("the history has no events")]
    Empty,
    /// An id out of sequence: ids count from 1 without gaps.
    #[error("event {found} is in the place of event {expected}")]
    Id {
        /// The id that comes next.
        expected: i64,
        /// The id that was found.
        found: i64,
    },
    /// An event without attributes, or with those of another type.
    #[error("event {event_id} has type {event_type:?}, but the attributes of {attributes:?}")]
    Attributes {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The type of its attributes.
        attributes: EventType,
    },
    /// A first event that is not WorkflowExecutionStarted, or a later event that is.
    #[error(
        "event {event_id} is {event_type:?}, but WorkflowExecutionStarted is the first event of a \
         run and no other"
    )]
    Start {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
    },
    /// An event after the closing event.
    #[error("event {event_id} ({event_type:?}) follows event {closed_by}, which closed the run")]
    AfterClose {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The closing event.
        closed_by: i64,
    },
    /// An event whose cause does not exist, comes later, or is of another kind.
    #[error("event {event_id} ({event_type:?}) names event {cause} as its {role}, which it is not")]
    Cause {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The event that is named as the cause.
        cause: i64,
        /// The role in which the cause is named.
        role: &'static str,
    },
    /// A second closing of the same thing.
    #[error(
        "event {event_id} ({event_type:?}) closes what event {cause} began, which is closed already"
    )]
    ClosedTwice {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The event that began it.
        cause: i64,
    },
    /// An event that should have waited until the started workflow task ends.
    #[error(
        "event {event_id} ({event_type:?}) was added while the workflow task of event {started} \
         was started"
    )]
    DuringTask {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The WorkflowTaskStarted event.
        started: i64,
    },
    /// A second pending workflow task.
    #[error(
        "event {event_id} schedules a workflow task while that of event {scheduled} is pending"
    )]
    SecondTask {
        /// The event.
        event_id: i64,
        /// The WorkflowTaskScheduled event that is pending.
        scheduled: i64,
    },
    /// An event of a command that does not directly follow the completed workflow task.
    #[error(
        "event {event_id} ({event_type:?}) is not among the events that follow event {completed} \
         for its commands"
    )]
    Command {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The WorkflowTaskCompleted event that it names.
        completed: i64,
    },
    /// An event that was flushed after the closing of an activity or child: closings come last.
    #[error(
        "event {event_id} ({event_type:?}) follows the closing event {closing}, which waited with \
         it and must come later"
    )]
    FlushOrder {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The closing event that should come later.
        closing: i64,
    },
}
