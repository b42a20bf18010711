//! The kinds of events by type: those that wait in the buffer, those that leave it last, and those
//! that close a run.
//!
//! Source: `temporalio/temporal: service/history/historybuilder/event_store.go`.

#![allow(
    clippy::enum_glob_use,
    reason = "lists of event types, each by its name"
)]

use crate::api::enums::EventType;

/// Returns `true` if events of this type wait in the buffer until their transaction ends, and
/// longer if a workflow task is started then.
pub(crate) fn is_buffered(event_type: EventType) -> bool {
    use EventType::*;
    !matches!(
        event_type,
        WorkflowExecutionStarted
            | WorkflowExecutionCompleted
            | WorkflowExecutionFailed
            | WorkflowExecutionTimedOut
            | WorkflowExecutionTerminated
            | WorkflowExecutionContinuedAsNew
            | WorkflowExecutionCanceled
            | WorkflowTaskScheduled
            | WorkflowTaskStarted
            | WorkflowTaskCompleted
            | WorkflowTaskFailed
            | WorkflowTaskTimedOut
            | ActivityTaskScheduled
            | ActivityTaskCancelRequested
            | TimerStarted
            | TimerCanceled
            | RequestCancelExternalWorkflowExecutionInitiated
            | MarkerRecorded
            | StartChildWorkflowExecutionInitiated
            | SignalExternalWorkflowExecutionInitiated
            | UpsertWorkflowSearchAttributes
            | WorkflowPropertiesModified
            | NexusOperationScheduled
            | NexusOperationCancelRequested
            | WorkflowExecutionUpdateAccepted
            | WorkflowExecutionUpdateCompleted
    )
}

/// Returns `true` if events of this type come after the others when the buffer is flushed.
pub(crate) fn is_flushed_last(event_type: EventType) -> bool {
    use EventType::*;
    matches!(
        event_type,
        ActivityTaskCompleted
            | ActivityTaskFailed
            | ActivityTaskTimedOut
            | ActivityTaskCanceled
            | ChildWorkflowExecutionCompleted
            | ChildWorkflowExecutionFailed
            | ChildWorkflowExecutionTimedOut
            | ChildWorkflowExecutionCanceled
            | ChildWorkflowExecutionTerminated
            | NexusOperationCompleted
            | NexusOperationFailed
            | NexusOperationCanceled
            | NexusOperationTimedOut
    )
}

/// Returns `true` if an event of this type is the last one of a run.
pub(crate) fn is_closing(event_type: EventType) -> bool {
    use EventType::*;
    matches!(
        event_type,
        WorkflowExecutionCompleted
            | WorkflowExecutionFailed
            | WorkflowExecutionTimedOut
            | WorkflowExecutionTerminated
            | WorkflowExecutionContinuedAsNew
            | WorkflowExecutionCanceled
    )
}
