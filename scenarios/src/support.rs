//! What many worlds need.

use std::time::Duration;
use temporalio_client::{
    Client, WorkflowHandle, WorkflowStartOptions, errors::WorkflowInteractionError,
};
use temporalio_common::HasWorkflowDefinition;

/// The usual options to start a workflow with this id on this task queue.
pub(crate) fn on(task_queue: &str, workflow_id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new(task_queue, workflow_id).build()
}

/// This many days.
pub(crate) fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

/// Whether a signal was accepted for sure. A workflow that is closed accepts none; but a client
/// that asks again after an answer got lost hears the same, though the first attempt was in time.
pub(crate) fn accepted(
    signalled: Result<(), WorkflowInteractionError>,
) -> Result<bool, WorkflowInteractionError> {
    match signalled {
        Ok(()) => Ok(true),
        Err(WorkflowInteractionError::NotFound(_)) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Another handle to the same workflow, for another actor.
pub(crate) fn same<W: HasWorkflowDefinition>(
    handle: &WorkflowHandle<Client, W>,
) -> WorkflowHandle<Client, W> {
    WorkflowHandle::new(handle.client().clone(), handle.info().clone())
}
