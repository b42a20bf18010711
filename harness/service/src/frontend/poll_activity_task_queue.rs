//! PollActivityTaskQueue: a worker waits for an activity task.

use crate::{
    api::rpc::PollActivityTaskQueueRequest,
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
    request: PollActivityTaskQueueRequest,
) -> Answer {
    let queue = request.task_queue.unwrap_or_default();
    let poller = Poller {
        id,
        identity: request.identity,
        is_sticky: false,
    };
    matching::poll(service, QueueKind::Activity, &queue.name, poller);
    Answer::Later
}
