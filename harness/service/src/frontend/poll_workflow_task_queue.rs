//! PollWorkflowTaskQueue: a worker waits for a workflow task.

use crate::{
    api::{enums::TaskQueueKind, rpc::PollWorkflowTaskQueueRequest},
    base::identifiers::RequestId,
    frontend::answer::Answer,
    matching,
    state::{
        service::Service,
        task_queues::{Poller, QueueKind},
    },
};

pub(super) fn handle(
    service: &mut Service,
    id: RequestId,
    request: PollWorkflowTaskQueueRequest,
) -> Answer {
    let queue = request.task_queue.unwrap_or_default();
    let is_sticky = queue.kind() == TaskQueueKind::Sticky;
    let poller = Poller {
        id,
        identity: request.identity.into(),
        worker: request.worker_instance_key.into(),
        is_sticky,
    };
    let queue = service.task_queues.key(QueueKind::Workflow, &queue.name);
    matching::poll(service, queue, poller);
    Answer::Later
}
