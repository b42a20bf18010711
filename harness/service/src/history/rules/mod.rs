//! What every history must satisfy, whatever happened: ids, causes, one closing event and nothing
//! after it.
//!
//! The rules are the server's own invariants, seen from outside. A history that breaks one was not
//! made by a Temporal service, and no SDK need make sense of it.
//!
//! ```
//! use durasim_service::history_rules::{Violation, check};
//! use temporalio_protos::temporal::api::history::v1::HistoryEvent;
//!
//! let nothing: [HistoryEvent; 0] = [];
//! assert_eq!(check(&nothing), Err(Violation::Empty));
//! ```

mod causes;
#[cfg(test)]
mod tests;

use std::borrow::Borrow;

use temporalio_protos::temporal::api::{
    enums::v1::EventType,
    history::v1::{HistoryEvent, history_event::Attributes},
};

use crate::history::{kinds, rules::causes::Causes};

/// A rule that a history breaks, and the event that breaks it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// There is no event at all.
    #[error("the history has no events")]
    Empty,
    /// Ids count from 1 without gaps.
    #[error("event {found} is where event {expected} should be")]
    Id {
        /// The id that comes next.
        expected: i64,
        /// The id that is there.
        found: i64,
    },
    /// An event says one thing by its type and another by its attributes, or has none.
    #[error("event {event_id} says it is {event_type:?} and has the attributes of {attributes:?}")]
    Attributes {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The type of its attributes.
        attributes: EventType,
    },
    /// WorkflowExecutionStarted is the first event, and no other.
    #[error("event {event_id} is {event_type:?}: a run begins with WorkflowExecutionStarted, once")]
    Start {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
    },
    /// Nothing follows the closing event.
    #[error(
        "event {event_id} ({event_type:?}) comes after the run was closed by event {closed_by}"
    )]
    AfterClose {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The closing event.
        closed_by: i64,
    },
    /// An event names a cause that is not there, comes later, or is of another kind.
    #[error("event {event_id} ({event_type:?}) names event {cause} as its {role}, which it is not")]
    Cause {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The event that it names.
        cause: i64,
        /// What it names it as.
        role: &'static str,
    },
    /// What closes once closes twice.
    #[error(
        "event {event_id} ({event_type:?}) closes what event {cause} began and what was closed before"
    )]
    ClosedTwice {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The event that began it.
        cause: i64,
    },
    /// While a workflow task is started, events wait for it.
    #[error(
        "event {event_id} ({event_type:?}) comes while the workflow task of event {started} is started"
    )]
    DuringTask {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The WorkflowTaskStarted event.
        started: i64,
    },
    /// There is one workflow task at a time.
    #[error(
        "event {event_id} schedules a workflow task while that of event {scheduled} is pending"
    )]
    SecondTask {
        /// The event.
        event_id: i64,
        /// The WorkflowTaskScheduled event that is pending.
        scheduled: i64,
    },
    /// What a command brings about follows its completed workflow task at once.
    #[error(
        "event {event_id} ({event_type:?}) is not among those of the commands of event {completed}"
    )]
    Command {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The WorkflowTaskCompleted event that it names.
        completed: i64,
    },
    /// Events that waited for a workflow task come with the closings of activities and children
    /// last.
    #[error(
        "event {event_id} ({event_type:?}) comes behind the closing of event {closing}, which waited with it"
    )]
    FlushOrder {
        /// The event.
        event_id: i64,
        /// Its type.
        event_type: EventType,
        /// The closing that should come behind it.
        closing: i64,
    },
}

/// Checks a history from its first event on; it may be that of an open run.
///
/// # Errors
///
/// The first rule that it breaks.
pub fn check<E: Borrow<HistoryEvent>>(history: &[E]) -> Result<(), Violation> {
    if history.is_empty() {
        return Err(Violation::Empty);
    }
    let mut causes = Causes::default();
    let mut sequence = Sequence::default();
    for (event, expected) in history.iter().map(Borrow::borrow).zip(1..) {
        if event.event_id != expected {
            return Err(Violation::Id {
                expected,
                found: event.event_id,
            });
        }
        let attributes = attributes_of(event)?;
        sequence.check(event)?;
        causes.check(event.event_id, event.event_type(), attributes)?;
    }
    Ok(())
}

fn attributes_of(event: &HistoryEvent) -> Result<&Attributes, Violation> {
    let found = event
        .attributes
        .as_ref()
        .map_or(EventType::Unspecified, Attributes::event_type);
    match &event.attributes {
        Some(attributes) if found == event.event_type() => Ok(attributes),
        _ => Err(Violation::Attributes {
            event_id: event.event_id,
            event_type: event.event_type(),
            attributes: found,
        }),
    }
}

/// What an event may follow, by its type alone.
#[derive(Default)]
struct Sequence {
    closed_by: Option<i64>,
    started_task: Option<i64>,
    /// The first closing of an activity or child since the last workflow task completed, if none
    /// was scheduled since.
    flushed_closing: Option<i64>,
    after_completed_task: bool,
}

impl Sequence {
    fn check(&mut self, event: &HistoryEvent) -> Result<(), Violation> {
        use EventType::{
            WorkflowExecutionStarted, WorkflowTaskCompleted, WorkflowTaskFailed,
            WorkflowTaskScheduled, WorkflowTaskStarted, WorkflowTaskTimedOut,
        };
        let (event_id, event_type) = (event.event_id, event.event_type());
        let kind = event_type;
        if (event_id == 1) != (kind == WorkflowExecutionStarted) {
            return Err(Violation::Start {
                event_id,
                event_type,
            });
        }
        if let Some(closed_by) = self.closed_by {
            return Err(Violation::AfterClose {
                event_id,
                event_type,
                closed_by,
            });
        }
        if let Some(started) = self.started_task.take()
            && !matches!(
                kind,
                WorkflowTaskCompleted | WorkflowTaskFailed | WorkflowTaskTimedOut
            )
        {
            return Err(Violation::DuringTask {
                event_id,
                event_type,
                started,
            });
        }
        match kind {
            WorkflowTaskStarted => self.started_task = Some(event_id),
            WorkflowTaskCompleted => self.after_completed_task = true,
            WorkflowTaskScheduled | WorkflowTaskFailed | WorkflowTaskTimedOut => {
                self.after_completed_task = false;
                self.flushed_closing = None;
            }
            _ if kinds::is_closing(kind) => self.closed_by = Some(event_id),
            _ if kinds::is_buffered(kind) && self.after_completed_task => {
                if kinds::is_flushed_last(kind) {
                    self.flushed_closing.get_or_insert(event_id);
                } else if let Some(closing) = self.flushed_closing {
                    return Err(Violation::FlushOrder {
                        event_id,
                        event_type,
                        closing,
                    });
                }
            }
            _ => {}
        }
        Ok(())
    }
}
