//! PollActivityTaskQueue: a worker asks for an activity task, and waits until there is one.

use super::Answer;
use crate::{
    api::rpc::PollActivityTaskQueueRequest,
    identifiers::RequestId,
    matching::{self, Poller, QueueKind},
    service::Service,
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
