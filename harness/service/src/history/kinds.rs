//! What the server does with an event by its type: buffer it, put it last, close the run with it.
//!
//! Source: `temporalio/temporal: service/history/historybuilder/event_store.go`.

#![allow(
    clippy::enum_glob_use,
    reason = "lists of event types, each by its name"
)]

use crate::api::enums::EventType;

/// Whether an event of this type waits in the buffer until its transaction ends, and longer while a
/// workflow task is started.
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

/// Whether an event of this type goes behind the others when the buffer is flushed.
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

/// Whether an event of this type is the last one of a run.
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
