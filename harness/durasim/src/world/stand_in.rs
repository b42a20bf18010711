//! Something else that answers workflow tasks: how the official worker is compared with the simulated one.

use durasim_worker::WorkflowTaskProgress;
use std::{fmt, sync::Arc};
use temporalio_protos::temporal::api::workflowservice::v1::PollWorkflowTaskQueueResponse;

type OnTask = dyn Fn(&str, PollWorkflowTaskQueueResponse) -> WorkflowTaskProgress + Send + Sync;

/// Answers every workflow task of a world in place of its simulated workers, which still run the activities.
///
/// It is called with the sticky queue of the worker that the task was for, and with the task, and must return when
/// it has the answer; virtual time stands still meanwhile.
#[derive(Clone)]
pub struct StandIn(Arc<OnTask>);

impl StandIn {
    /// A stand-in that answers with a closure.
    pub fn new(
        on_task: impl Fn(&str, PollWorkflowTaskQueueResponse) -> WorkflowTaskProgress + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(on_task))
    }

    pub(crate) fn on_task(&self, sticky_queue: &str, task: PollWorkflowTaskQueueResponse) -> WorkflowTaskProgress {
        (self.0)(sticky_queue, task)
    }
}

impl fmt::Debug for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StandIn")
    }
}
