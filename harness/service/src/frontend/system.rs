//! GetSystemInfo, GetClusterInfo, GetSearchAttributes, DescribeNamespace, DescribeTaskQueue,
//! ListTaskQueuePartitions and ShutdownWorker: the RPCs about the server and its workers.

use prost::Message;
use temporalio_protos::temporal::api::{
    namespace::v1::{NamespaceInfo, namespace_info},
    operatorservice::v1::{ClusterMetadata, ListClustersResponse},
};

use crate::{
    api::{
        common::WorkerVersionCapabilities,
        enums::{NamespaceState, TaskQueueType},
        rpc::{
            DescribeNamespaceResponse, DescribeTaskQueueRequest, DescribeTaskQueueResponse,
            GetClusterInfoResponse, GetSearchAttributesResponse, GetSystemInfoResponse,
            ListTaskQueuePartitionsRequest, ListTaskQueuePartitionsResponse, ShutdownWorkerRequest,
            ShutdownWorkerResponse, describe_task_queue_response::EffectiveRateLimit,
            get_system_info_response,
        },
        taskqueue::{PollerInfo, TaskQueuePartitionMetadata, TaskQueueStats},
    },
    base::{
        config::ServiceConfig,
        identifiers::derived_uuid,
        time::{duration, duration_ms, timestamp},
    },
    frontend::{answer::Answer, worker_deployments::versioning_info},
    matching,
    state::{rate_limits::RateLimit, service::Service, task_queues::QueueKind},
};

/// The version that the service claims: the release whose rules it follows.
const SERVER_VERSION: &str = "1.31.0";

/// The clients that the server has limits for, and their versions.
///
/// Source: `temporalio/temporal: common/headers/version_checker.go`.
const SUPPORTED_CLIENTS: [(&str, &str); 8] = [
    ("temporal-go", "<2.0.0"),
    ("temporal-java", "<2.0.0"),
    ("temporal-php", "<2.0.0"),
    ("temporal-typescript", "<2.0.0"),
    ("temporal-cli", "<2.0.0"),
    ("temporal-server", "<2.0.0"),
    ("temporal-ui", "<3.0.0"),
    ("Nexus-go-sdk", "<2.0.0"),
];

/// The name of the one cluster, as a server calls itself by default.
pub(crate) const CLUSTER: &str = "active";

/// The number of history shards of the one server.
const SHARDS: i32 = 1;

/// The name under which the service, which stores nothing, shows its store.
const STORE: &str = "memory";

/// Returns the capabilities of a current server, without those that are not served here.
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
        build_id_based_versioning: true,
        supports_schedules: true,
        eager_workflow_start: true,
        count_group_by_execution_status: true,
        nexus: service.config.nexus,
        ..get_system_info_response::Capabilities::default()
    };
    GetSystemInfoResponse {
        server_version: SERVER_VERSION.to_owned(),
        capabilities: Some(capabilities),
    }
    .into()
}

/// Returns the cluster, which is one server alone.
///
/// Source: `temporalio/temporal: service/frontend/workflow_handler.go` (`GetClusterInfo`).
pub(super) fn cluster() -> Answer {
    GetClusterInfoResponse {
        supported_clients: SUPPORTED_CLIENTS
            .map(|(client, versions)| (client.to_owned(), versions.to_owned()))
            .into(),
        server_version: SERVER_VERSION.to_owned(),
        cluster_id: derived_uuid("cluster", 0),
        cluster_name: CLUSTER.to_owned(),
        history_shard_count: SHARDS,
        persistence_store: STORE.to_owned(),
        visibility_store: STORE.to_owned(),
        ..GetClusterInfoResponse::default()
    }
    .into()
}

/// Returns the list of clusters, encoded: the one, which has no address of its own here.
///
/// Source: `temporalio/temporal: service/frontend/operator_handler.go` (`ListClusters`).
pub(crate) fn clusters() -> Vec<u8> {
    ListClustersResponse {
        clusters: vec![ClusterMetadata {
            cluster_name: CLUSTER.to_owned(),
            cluster_id: derived_uuid("cluster", 0),
            initial_failover_version: 1,
            history_shard_count: SHARDS,
            is_connection_enabled: true,
            ..ClusterMetadata::default()
        }],
        ..ListClustersResponse::default()
    }
    .encode_to_vec()
}

/// Returns all search attributes with their types.
pub(super) fn search_attributes(service: &Service) -> Answer {
    let all = service.config.search_attributes.all();
    GetSearchAttributesResponse {
        keys: all
            .map(|(name, value_type)| (name.to_owned(), value_type.into()))
            .collect(),
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
            worker_heartbeats: true,
            standalone_activities: true,
            standalone_nexus_operation: config.nexus,
            standalone_activity_start_delay: true,
            worker_poll_complete_on_shutdown: true,
            workflow_update_callbacks: true,
            ..namespace_info::Capabilities::default()
        }),
        limits: Some(namespace_info::Limits {
            blob_size_limit_error: size(config.limits.payload_bytes),
            memo_size_limit_error: size(config.limits.memo_bytes),
            ..namespace_info::Limits::default()
        }),
        ..NamespaceInfo::default()
    };
    DescribeNamespaceResponse {
        namespace_info: Some(namespace),
        ..DescribeNamespaceResponse::default()
    }
}

fn size(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Returns the waiting pollers of a queue, and its backlog.
#[allow(deprecated, reason = "older clients read other fields")]
pub(super) fn describe_task_queue(
    service: &Service,
    request: &DescribeTaskQueueRequest,
) -> DescribeTaskQueueResponse {
    let kind = match request.task_queue_type() {
        TaskQueueType::Activity => QueueKind::Activity,
        TaskQueueType::Nexus => QueueKind::Nexus,
        TaskQueueType::Workflow | TaskQueueType::Unspecified => QueueKind::Workflow,
    };
    let name = request.task_queue.as_ref().map_or("", |queue| &queue.name);
    let mut response = DescribeTaskQueueResponse {
        versioning_info: Some(versioning_info(service, kind, name)),
        ..DescribeTaskQueueResponse::default()
    };
    let queue = service.task_queues.find(kind, name);
    let limit = queue.and_then(|queue| queue.limit.as_ref());
    let (rate, source) = limit.map_or_else(RateLimit::of_system, |limit| limit.effective());
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the message has rates of half the precision"
    )]
    let effective = EffectiveRateLimit {
        requests_per_second: rate as f32,
        rate_limit_source: source.into(),
    };
    response.effective_rate_limit = Some(effective);
    if request.report_config {
        response.config = limit.map(|limit| limit.config.clone());
    }
    if let Some(queue) = queue {
        response.pollers = queue
            .pollers
            .iter()
            .map(|poller| PollerInfo {
                last_access_time: queue.last_poll_ms.map(timestamp),
                identity: poller.identity.to_string(),
                worker_version_capabilities: poller.worker_version.as_ref().and_then(|it| {
                    it.stamp.as_ref().map(|stamp| WorkerVersionCapabilities {
                        build_id: stamp.build_id.clone(),
                        use_versioning: stamp.use_versioning,
                        ..WorkerVersionCapabilities::default()
                    })
                }),
                deployment_options: poller
                    .worker_version
                    .as_ref()
                    .and_then(|it| it.options.clone()),
                ..PollerInfo::default()
            })
            .collect();
        if request.report_stats {
            let is_limited = limit.is_some_and(|limit| limit.is_active());
            let of_priorities = queue.backlog.stats(service.now_ms);
            let of_priorities: Vec<_> = of_priorities
                .map(|(priority, mut stats)| {
                    stats.rate_limiting_active = is_limited;
                    (priority, stats)
                })
                .collect();
            response.stats = Some(sum(of_priorities.iter().map(|(_, stats)| stats)));
            response.stats_by_priority_key = of_priorities.into_iter().collect();
        }
    }
    response
}

/// Returns the statistics of all priorities together.
///
/// Source: `temporalio/temporal: common/taskqueue` (`MergeStats`).
fn sum<'a>(of_priorities: impl Iterator<Item = &'a TaskQueueStats>) -> TaskQueueStats {
    let mut sum = TaskQueueStats {
        approximate_backlog_age: Some(duration(0)),
        ..TaskQueueStats::default()
    };
    for stats in of_priorities {
        let age_ms = |stats: &TaskQueueStats| duration_ms(stats.approximate_backlog_age.as_ref());
        let oldest_ms = age_ms(&sum).max(age_ms(stats));
        sum.approximate_backlog_age = Some(duration(oldest_ms));
        sum.approximate_backlog_count += stats.approximate_backlog_count;
        sum.tasks_add_rate += stats.tasks_add_rate;
        sum.tasks_dispatch_rate += stats.tasks_dispatch_rate;
        sum.rate_limiting_active |= stats.rate_limiting_active;
    }
    sum
}

/// Lists the partitions of a task queue: one of each kind, which is the queue itself.
pub(super) fn list_partitions(request: ListTaskQueuePartitionsRequest) -> Answer {
    let queue = request.task_queue.unwrap_or_default();
    let partition = TaskQueuePartitionMetadata {
        key: queue.name,
        owner_host_name: CLUSTER.to_owned(),
    };
    ListTaskQueuePartitionsResponse {
        activity_task_queue_partitions: vec![partition.clone()],
        workflow_task_queue_partitions: vec![partition],
    }
    .into()
}

/// Records the last heartbeat of a worker that shuts down, and ends its polls. A worker without an
/// instance key cancels its polls itself, but for those of its sticky queue.
///
/// Source: `temporalio/temporal: service/frontend/workflow_handler.go` (`ShutdownWorker`).
pub(super) fn shutdown_worker(service: &mut Service, request: ShutdownWorkerRequest) -> Answer {
    if let Some(last) = request.worker_heartbeat {
        service.workers.record(last, service.now_ms);
    }
    matching::end_polls_of(service, &request.worker_instance_key);
    service.task_queues.forget_poller(&request.identity);
    matching::unload_sticky_queue(service, &request.sticky_task_queue);
    ShutdownWorkerResponse::default().into()
}
