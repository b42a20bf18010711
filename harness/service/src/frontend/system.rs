//! GetSystemInfo, DescribeNamespace, DescribeTaskQueue and ShutdownWorker: the RPCs about the
//! server and its workers.

use temporalio_protos::temporal::api::namespace::v1::{NamespaceInfo, namespace_info};

use crate::{
    api::{
        enums::{NamespaceState, TaskQueueType},
        rpc::{
            DescribeNamespaceResponse, DescribeTaskQueueRequest, DescribeTaskQueueResponse,
            GetSystemInfoResponse, ShutdownWorkerRequest, ShutdownWorkerResponse,
            get_system_info_response,
        },
        taskqueue::{PollerInfo, TaskQueueStats},
    },
    base::{config::ServiceConfig, time::timestamp},
    frontend::answer::Answer,
    matching,
    state::{service::Service, task_queues::QueueKind},
};

/// The version that the service claims: the release whose rules it follows.
const SERVER_VERSION: &str = "1.31.0";

/// Returns the capabilities of a current server, without those that are not served here, such as
/// schedules and eager starts.
///
/// Source: `temporalio/temporal: service/frontend/workflow_handler.go`.
pub(super) fn info(service: &Service) -> Answer {
    let capabilities = get_system_info_response::Capabilities {
        signal_and_query_header: true,
        internal_error_differentiation: true,
        activity_failure_include_heartbeat: true,
        encoded_failure_attributes: true,
        upsert_memo: true,
        sdk_metadata: true,
        nexus: service.config.nexus,
        ..get_system_info_response::Capabilities::default()
    };
    GetSystemInfoResponse {
        server_version: SERVER_VERSION.to_owned(),
        capabilities: Some(capabilities),
    }
    .into()
}

/// Returns the description of the namespace of a service.
pub(crate) fn namespace(config: &ServiceConfig) -> DescribeNamespaceResponse {
    let namespace = NamespaceInfo {
        id: config.namespace_id(),
        name: config.namespace.clone(),
        state: NamespaceState::Registered.into(),
        capabilities: Some(namespace_info::Capabilities {
            sync_update: true,
            async_update: true,
            ..namespace_info::Capabilities::default()
        }),
        ..NamespaceInfo::default()
    };
    DescribeNamespaceResponse {
        namespace_info: Some(namespace),
        ..DescribeNamespaceResponse::default()
    }
}

/// Returns the waiting pollers of a queue, and its backlog.
pub(super) fn describe_task_queue(service: &Service, request: &DescribeTaskQueueRequest) -> Answer {
    let kind = match request.task_queue_type() {
        TaskQueueType::Activity => QueueKind::Activity,
        _ => QueueKind::Workflow,
    };
    let name = request.task_queue.as_ref().map_or("", |queue| &queue.name);
    let mut response = DescribeTaskQueueResponse::default();
    if let Some(queue) = service.task_queues.find(kind, name) {
        response.pollers = queue
            .pollers
            .iter()
            .map(|poller| PollerInfo {
                last_access_time: queue.last_poll_ms.map(timestamp),
                identity: poller.identity.to_string(),
                ..PollerInfo::default()
            })
            .collect();
        response.stats = request.report_stats.then(|| TaskQueueStats {
            approximate_backlog_count: i64::try_from(queue.backlog.len()).unwrap_or(i64::MAX),
            ..TaskQueueStats::default()
        });
    }
    response.into()
}

/// Ends the polls of the sticky queue of a worker that shuts down. The worker itself cancels its
/// other polls.
///
/// Source: `temporalio/temporal: service/frontend/workflow_handler.go` (`ShutdownWorker`).
pub(super) fn shutdown_worker(service: &mut Service, request: &ShutdownWorkerRequest) -> Answer {
    matching::unload_sticky_queue(service, &request.sticky_task_queue);
    ShutdownWorkerResponse::default().into()
}
