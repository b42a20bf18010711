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
        identity: request.identity,
        is_sticky,
    };
    matching::poll(service, QueueKind::Workflow, &queue.name, poller);
    Answer::Later
}
