//! PollActivityTaskQueue: a worker waits for an activity task.

use crate::{
    api::rpc::PollActivityTaskQueueRequest,
    base::{identifiers::RequestId, versions::WorkerVersion},
    frontend::answer::{Answer, Handled},
    matching,
    state::{
        service::Service,
        task_queues::{Poller, QueueKind},
    },
};

#[allow(deprecated, reason = "SDKs still send the build id with each poll")]
pub(super) fn handle(
    service: &mut Service,
    id: RequestId,
    request: PollActivityTaskQueueRequest,
) -> Handled {
    let queue = request.task_queue.unwrap_or_default();
    let poller = Poller {
        id,
        identity: request.identity.into(),
        worker: request.worker_instance_key.into(),
        is_sticky: false,
        worker_version: WorkerVersion::of_poll(
            request.worker_version_capabilities,
            request.deployment_options,
        ),
    };
    let queue = service.task_queues.key(QueueKind::Activity, &queue.name);
    let rate = request.task_queue_metadata;
    let rate = rate.and_then(|metadata| metadata.max_tasks_per_second);
    service.set_worker_rate(queue, rate);
    matching::poll(service, queue, poller)?;
    Ok(Answer::Later)
}
