//! PollWorkflowTaskQueue: a worker waits for a workflow task.

use crate::{
    api::{enums::TaskQueueKind, rpc::PollWorkflowTaskQueueRequest},
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
    request: PollWorkflowTaskQueueRequest,
) -> Handled {
    let queue = request.task_queue.unwrap_or_default();
    let is_sticky = queue.kind() == TaskQueueKind::Sticky;
    let poller = Poller {
        id,
        identity: request.identity.into(),
        worker: request.worker_instance_key.into(),
        is_sticky,
        worker_version: WorkerVersion::of_poll(
            request.worker_version_capabilities,
            request.deployment_options,
        ),
    };
    let queue = service.task_queues.key(QueueKind::Workflow, &queue.name);
    matching::poll(service, queue, poller)?;
    Ok(Answer::Later)
}
