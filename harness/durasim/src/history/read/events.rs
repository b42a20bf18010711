//! The checks that the events of a history must pass before anything else sees them.

use durasim_events::{Attributes, HistoryEvent};
use temporalio_protos::temporal::api::enums::v1::EventType;

use super::{HistoryError, HistoryErrorKind};

/// Checks the order of events, that each has the attributes of its type, and that each belongs to
/// an event before it.
///
/// # Errors
///
/// The first event that cannot be.
pub(super) fn check(events: &[HistoryEvent]) -> Result<(), HistoryError> {
    let Some(first) = events.first() else {
        return Err(HistoryErrorKind::NoEvents.into());
    };
    let mut closed_by = None;
    for (event, expected) in events.iter().zip(1..) {
        let checked = match closed_by {
            _ if event.event_id != expected => Err(HistoryErrorKind::NotContiguous {
                expected,
                found: event.event_id,
            }),
            _ if expected == 1 && event.event_type() != EventType::WorkflowExecutionStarted => {
                Err(HistoryErrorKind::NoStarted(first.event_type()))
            }
            Some(closing) => Err(HistoryErrorKind::AfterEnd(closing)),
            None => attributes(event).and_then(|()| reference(event, events)),
        };
        checked.map_err(|kind| HistoryError::from(kind).at_event(expected))?;
        if event.is_final_wf_execution_event() {
            closed_by = Some(event.event_id);
        }
    }
    Ok(())
}

/// Checks that an event has the attributes of its type. An event of a type that is not known has
/// none that are.
fn attributes(event: &HistoryEvent) -> Result<(), HistoryErrorKind> {
    let event_type = event.event_type();
    let attributes = event.attributes.as_ref().map(Attributes::event_type);
    if event_type == EventType::Unspecified || attributes == Some(event_type) {
        return Ok(());
    }
    Err(HistoryErrorKind::Attributes {
        event_type,
        attributes,
    })
}

/// Checks that the event to which this one belongs is before it, and is of the type that begins
/// such things.
fn reference(event: &HistoryEvent, events: &[HistoryEvent]) -> Result<(), HistoryErrorKind> {
    let (Some(id), Some((field, allowed))) = (
        event.get_initial_command_event_id(),
        beginning(event.event_type()),
    ) else {
        return Ok(());
    };
    let index = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
    let initial = index
        .filter(|_| id < event.event_id)
        .and_then(|index| events.get(index));
    if initial.is_some_and(|initial| initial.event_type() == allowed) {
        return Ok(());
    }
    Err(HistoryErrorKind::Reference {
        field,
        id,
        expected: allowed,
    })
}

/// Returns the field of an event that names the event to which it belongs, and the type of that.
fn beginning(event_type: EventType) -> Option<(&'static str, EventType)> {
    use EventType as E;

    Some(match event_type {
        E::WorkflowTaskStarted
        | E::WorkflowTaskCompleted
        | E::WorkflowTaskTimedOut
        | E::WorkflowTaskFailed => ("scheduledEventId", E::WorkflowTaskScheduled),
        E::ActivityTaskStarted
        | E::ActivityTaskCompleted
        | E::ActivityTaskFailed
        | E::ActivityTaskTimedOut
        | E::ActivityTaskCancelRequested
        | E::ActivityTaskCanceled => ("scheduledEventId", E::ActivityTaskScheduled),
        E::TimerFired | E::TimerCanceled => ("startedEventId", E::TimerStarted),
        E::StartChildWorkflowExecutionFailed
        | E::ChildWorkflowExecutionStarted
        | E::ChildWorkflowExecutionCompleted
        | E::ChildWorkflowExecutionFailed
        | E::ChildWorkflowExecutionCanceled
        | E::ChildWorkflowExecutionTimedOut
        | E::ChildWorkflowExecutionTerminated => {
            ("initiatedEventId", E::StartChildWorkflowExecutionInitiated)
        }
        E::SignalExternalWorkflowExecutionFailed | E::ExternalWorkflowExecutionSignaled => (
            "initiatedEventId",
            E::SignalExternalWorkflowExecutionInitiated,
        ),
        E::RequestCancelExternalWorkflowExecutionFailed
        | E::ExternalWorkflowExecutionCancelRequested => (
            "initiatedEventId",
            E::RequestCancelExternalWorkflowExecutionInitiated,
        ),
        E::NexusOperationStarted
        | E::NexusOperationCompleted
        | E::NexusOperationFailed
        | E::NexusOperationCanceled
        | E::NexusOperationTimedOut
        | E::NexusOperationCancelRequested => ("scheduledEventId", E::NexusOperationScheduled),
        _ => return None,
    })
}
