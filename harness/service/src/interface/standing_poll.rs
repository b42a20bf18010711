//! Polls that a worker makes again and again.

use std::sync::Arc;

use tonic::Status;

use crate::{
    api::enums::TaskQueueKind,
    base::{identifiers::RequestId, versions::WorkerVersion},
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
    worker: Arc<str>,
    is_sticky: bool,
    worker_version: Option<Arc<WorkerVersion>>,
}

impl Service {
    /// Checks a request to poll a task queue.
    ///
    /// # Errors
    ///
    /// The status with which the service would answer the request; INVALID_ARGUMENT for a request
    /// that is no poll of workflow tasks or activity tasks.
    #[allow(deprecated, reason = "SDKs still send the build id with each poll")]
    pub fn standing_poll(&mut self, mut request: Request) -> Result<StandingPoll, Status> {
        validate::validate(&mut request, &self.config, self.now_ms)?;
        let (kind, queue, identity, worker_version) = match request {
            Request::PollWorkflowTaskQueue(poll) => (
                QueueKind::Workflow,
                poll.task_queue,
                poll.identity,
                WorkerVersion::of_poll(poll.worker_version_capabilities, poll.deployment_options),
            ),
            Request::PollActivityTaskQueue(poll) => (
                QueueKind::Activity,
                poll.task_queue,
                poll.identity,
                WorkerVersion::of_poll(poll.worker_version_capabilities, poll.deployment_options),
            ),
            other => {
                let message = format!("{} is no poll for tasks", other.rpc().name());
                return Err(Status::invalid_argument(message));
            }
        };
        let queue = queue.unwrap_or_default();
        Ok(StandingPoll {
            queue: self.task_queues.key(kind, &queue.name),
            identity: identity.into(),
            // A process of a world ends its polls itself.
            worker: "".into(),
            is_sticky: queue.kind() == TaskQueueKind::Sticky,
            worker_version,
        })
    }

    /// Polls. [`Service::take_replies`] returns the reply when the poll meets a task.
    pub fn poll(&mut self, now_ms: u64, id: RequestId, poll: &StandingPoll) {
        self.advance(now_ms);
        let poller = Poller {
            id,
            identity: poll.identity.clone(),
            worker: poll.worker.clone(),
            is_sticky: poll.is_sticky,
            worker_version: poll.worker_version.clone(),
        };
        if let Err(refused) = matching::poll(self, poll.queue, poller) {
            self.reply(id, Err(refused));
        }
        self.settle();
    }
}
