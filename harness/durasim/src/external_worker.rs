//! A worker outside of the world that answers its workflow tasks: with it the official worker is
//! compared with the simulated one.

use std::{fmt, sync::Arc};

use durasim_worker::WorkflowTaskProgress;
use temporalio_protos::temporal::api::workflowservice::v1::{
    GetWorkflowExecutionHistoryResponse, PollWorkflowTaskQueueResponse,
    RespondWorkflowTaskCompletedResponse,
};
use tonic::Status;

/// Answers every workflow task of a world in place of its simulated workers, which still run the
/// activities.
///
/// Virtual time stands still until a call returns.
pub trait WorkflowTaskAnswerer: Send + Sync {
    /// Answers a task; `sticky_queue` is that of the worker that the task was for.
    fn on_task(
        &self,
        sticky_queue: &str,
        task: PollWorkflowTaskQueueResponse,
    ) -> WorkflowTaskProgress;

    /// The service took the answer to a task, or did not.
    fn on_completed(
        &self,
        run_id: &str,
        answer: Result<&RespondWorkflowTaskCompletedResponse, &Status>,
    );

    /// Goes on with a task that needed history.
    fn on_history_page(
        &self,
        run_id: &str,
        page: GetWorkflowExecutionHistoryResponse,
    ) -> WorkflowTaskProgress;
}

/// A worker outside of the world, as an option of the world.
#[derive(Clone)]
pub struct ExternalWorker(Arc<dyn WorkflowTaskAnswerer>);

impl ExternalWorker {
    /// Creates a worker that answers tasks like this.
    pub fn new(answerer: impl WorkflowTaskAnswerer + 'static) -> Self {
        Self(Arc::new(answerer))
    }
}

impl std::ops::Deref for ExternalWorker {
    type Target = dyn WorkflowTaskAnswerer;

    fn deref(&self) -> &Self::Target {
        &*self.0
    }
}

impl fmt::Debug for ExternalWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalWorker")
    }
}
