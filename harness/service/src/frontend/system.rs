//! GetSystemInfo, GetClusterInfo, GetSearchAttributes, DescribeNamespace, ListTaskQueuePartitions
//! and ShutdownWorker: the RPCs about the server and its workers.

use prost::Message;
use temporalio_protos::temporal::api::{
    namespace::v1::{NamespaceInfo, namespace_info},
    operatorservice::v1::{ClusterMetadata, ListClustersResponse},
};

use crate::{
    api::{
        enums::NamespaceState,
        rpc::{
            DescribeNamespaceResponse, GetClusterInfoResponse, GetSearchAttributesResponse,
            GetSystemInfoResponse, ListTaskQueuePartitionsRequest, ListTaskQueuePartitionsResponse,
            ShutdownWorkerRequest, ShutdownWorkerResponse, get_system_info_response,
        },
        taskqueue::TaskQueuePartitionMetadata,
    },
    base::{config::ServiceConfig, identifiers::derived_uuid},
    frontend::answer::Answer,
    matching,
    state::service::Service,
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
