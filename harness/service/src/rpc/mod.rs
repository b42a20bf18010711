//! One file for each RPC, or for a few that are the same thing.
//!
//! A handler gets the service and the request, and answers now or later. Adding an RPC is a file here and a line in
//! [`handle`].

pub(crate) mod history_page;
mod poll_workflow_task_queue;
mod respond_workflow_task_completed;
mod start_workflow_execution;

use tonic::Status;

use crate::{
    identifiers::RequestId,
    request::{Request, Response, status_of_unserved},
    service::Service,
};

/// How a handler answers.
pub(crate) enum Answer {
    Now(Response),
    /// The reply comes when there is something to reply.
    Later,
}

impl<T: Into<Response>> From<T> for Answer {
    fn from(response: T) -> Self {
        Self::Now(response.into())
    }
}

pub(crate) type Handled = Result<Answer, Status>;

/// Sends a request to its handler.
pub(crate) fn handle(service: &mut Service, id: RequestId, request: Request) -> Handled {
    match request {
        Request::StartWorkflowExecution(request) => start_workflow_execution::handle(service, *request),
        Request::PollWorkflowTaskQueue(request) => poll_workflow_task_queue::handle(service, id, *request),
        Request::RespondWorkflowTaskCompleted(request) => {
            respond_workflow_task_completed::handle(service, *request)
        }
        other => Err(status_of_unserved(other.rpc())),
    }
}
