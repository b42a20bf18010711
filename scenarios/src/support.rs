//! Helpers that many worlds share.

use std::time::Duration;

use temporalio_client::{
    Client, WorkflowHandle, WorkflowStartOptions, errors::WorkflowInteractionError,
};
use temporalio_common::HasWorkflowDefinition;

/// Returns the usual options to start a workflow with this id on this task queue.
pub(crate) fn on(task_queue: &str, workflow_id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new(task_queue, workflow_id).build()
}

/// Returns this many days.
pub(crate) fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

/// Returns `true` if a signal was certainly accepted.
///
/// A closed workflow accepts no signal. A client whose first answer was lost may retry and get the
/// same error, although the first attempt was in time.
pub(crate) fn accepted(
    signalled: Result<(), WorkflowInteractionError>,
) -> Result<bool, WorkflowInteractionError> {
    match signalled {
        Ok(()) => Ok(true),
        Err(WorkflowInteractionError::NotFound(_)) => Ok(false),
        Err(other) => Err(other),
    }
}

/// Returns another handle to the same workflow, for another actor.
pub(crate) fn same<W: HasWorkflowDefinition>(
    handle: &WorkflowHandle<Client, W>,
) -> WorkflowHandle<Client, W> {
    WorkflowHandle::new(handle.client().clone(), handle.info().clone())
}
