//! Polls that a worker makes again and again.

use std::sync::Arc;

use tonic::Status;

use crate::{
    api::enums::TaskQueueKind,
    base::identifiers::RequestId,
    frontend::validate,
    matching,
    messages::request::Request,
    state::{
        service::Service,
        task_queues::{Poller, QueueKey, QueueKind},
    },
};

/// A poll that is checked once and made as often as the worker likes ([`Service::poll`]): what the
/// same request does each time ([`Service::request`]), without the request.
#[derive(Clone, Debug)]
pub struct StandingPoll {
    queue: QueueKey,
    identity: Arc<str>,
    is_sticky: bool,
}

impl Service {
    /// Checks a request to poll a task queue.
    ///
    /// # Errors
    ///
    /// The status with which the service would answer the request; INVALID_ARGUMENT for a request
    /// that is no poll of workflow tasks or activity tasks.
    pub fn standing_poll(&mut self, mut request: Request) -> Result<StandingPoll, Status> {
        validate::validate(&mut request, &self.config, self.now_ms)?;
        let (kind, queue, identity) = match request {
            Request::PollWorkflowTaskQueue(poll) => {
                (QueueKind::Workflow, poll.task_queue, poll.identity)
            }
            Request::PollActivityTaskQueue(poll) => {
                (QueueKind::Activity, poll.task_queue, poll.identity)
            }
            other => {
                let message = format!("{} is no poll for tasks", other.rpc().name());
                return Err(Status::invalid_argument(message));
            }
        };
        let queue = queue.unwrap_or_default();
        Ok(StandingPoll {
            queue: self.task_queues.key(kind, &queue.name),
            identity: identity.into(),
            is_sticky: queue.kind() == TaskQueueKind::Sticky,
        })
    }

    /// Polls. [`Service::take_replies`] returns the reply when the poll meets a task.
    pub fn poll(&mut self, now_ms: u64, id: RequestId, poll: &StandingPoll) {
        self.advance(now_ms);
        let poller = Poller {
            id,
            identity: poll.identity.clone(),
            worker: "".into(),
            is_sticky: poll.is_sticky,
        };
        matching::poll(self, poll.queue, poller);
        self.settle();
    }
}
