//! The rules of every history: ids, causes, and one closing event with nothing after it.
//!
//! The rules are the server's own invariants, seen from outside. A history that breaks one was not
//! made by a Temporal service, and no SDK need understand it.
//!
//! ```
//! use durasim_events::HistoryEvent;
//! use durasim_service::history_rules::{Violation, check};
//!
//! let nothing: [HistoryEvent; 0] = [];
//! assert_eq!(check(&nothing), Err(Violation::Empty));
//! ```

mod causes;
#[cfg(test)]
mod tests;
mod violation;

use std::borrow::Borrow;

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::temporal::api::enums::v1::EventType;

use crate::history::{kinds, rules::causes::Causes};

pub use violation::Violation;

/// Checks a history, from its first event on. The run may be open.
///
/// # Errors
///
/// The first rule that the history breaks.
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

/// The order of events by their types alone.
#[derive(Default)]
struct Sequence {
    closed_by: Option<i64>,
    started_task: Option<i64>,
    /// The first closing of an activity or a child since the last workflow task completed, if no
    /// task was scheduled since.
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
