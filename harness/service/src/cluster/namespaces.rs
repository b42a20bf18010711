//! RegisterNamespace, DescribeNamespace, ListNamespaces, UpdateNamespace and DeprecateNamespace.
//!
//! Archival, replication and bad binaries do not exist here, and requests for them are refused.
//!
//! Source: `temporalio/temporal: service/frontend/namespace_handler.go`.

use prost_types::Duration;
use temporalio_protos::temporal::api::{
    namespace::v1::{NamespaceConfig, UpdateNamespaceInfo},
    replication::v1::{ClusterReplicationConfig, NamespaceReplicationConfig},
};
use tonic::Status;

use crate::{
    api::{
        enums::{ArchivalState, NamespaceState, ReplicationState},
        rpc::{
            DeprecateNamespaceRequest, DeprecateNamespaceResponse, DescribeNamespaceRequest,
            DescribeNamespaceResponse, ListNamespacesRequest, ListNamespacesResponse,
            RegisterNamespaceRequest, RegisterNamespaceResponse, UpdateNamespaceRequest,
            UpdateNamespaceResponse,
        },
    },
    base::{
        config::{Retention, ServiceConfig},
        status,
        time::{duration, duration_ms},
    },
    cluster::Cluster,
    frontend::system::{self, CLUSTER},
    messages::request::Response,
    state::service::Service,
};

/// The retention of a development server's namespaces: one day.
const RETENTION_MS: u64 = 24 * 60 * 60 * 1000;
/// The shortest retention of a namespace, one hour (`system.namespaceMinRetentionLocal`).
const MIN_RETENTION_MS: u64 = 60 * 60 * 1000;
/// The namespaces of a page, if a request names no number.
const PAGE: usize = 100;

/// A namespace: its description and its service.
#[derive(Debug)]
pub(super) struct Namespace {
    pub(super) service: Service,
    description: DescribeNamespaceResponse,
}

impl Namespace {
    pub(super) fn new(config: &ServiceConfig, name: &str) -> Self {
        let config = ServiceConfig {
            namespace: name.to_owned(),
            ..config.clone()
        };
        let mut description = system::namespace(&config);
        description.config = Some(NamespaceConfig {
            workflow_execution_retention_ttl: Some(duration(match config.retention {
                Retention::AfterClose { ms } => ms,
                Retention::Life | Retention::UntilDeleted => RETENTION_MS,
            })),
            history_archival_state: ArchivalState::Disabled.into(),
            visibility_archival_state: ArchivalState::Disabled.into(),
            ..NamespaceConfig::default()
        });
        description.replication_config = Some(NamespaceReplicationConfig {
            active_cluster_name: CLUSTER.to_owned(),
            clusters: vec![ClusterReplicationConfig {
                cluster_name: CLUSTER.to_owned(),
                ..ClusterReplicationConfig::default()
            }],
            state: ReplicationState::Normal.into(),
        });
        Self {
            service: Service::new(config),
            description,
        }
    }

    pub(super) fn id(&self) -> &str {
        let info = self.description.namespace_info.as_ref();
        info.map_or("", |info| &info.id)
    }

    fn set_state(&mut self, state: NamespaceState) {
        self.description
            .namespace_info
            .get_or_insert_default()
            .state = state.into();
    }

    /// Sets the retention of the executions that close from now on.
    fn set_retention(&mut self, retention: Duration) -> Result<(), Status> {
        let ms = duration_ms(Some(&retention));
        if ms < MIN_RETENTION_MS {
            return Err(Status::invalid_argument(
                "A valid retention period is not set on request.",
            ));
        }
        self.description
            .config
            .get_or_insert_default()
            .workflow_execution_retention_ttl = Some(retention);
        if let Retention::AfterClose { ms: retention_ms } = &mut self.service.config.retention {
            *retention_ms = ms;
        }
        Ok(())
    }

    fn update_info(&mut self, update: UpdateNamespaceInfo) -> Result<(), Status> {
        let state = update.state();
        let info = self.description.namespace_info.get_or_insert_default();
        if !update.description.is_empty() {
            info.description = update.description;
        }
        if !update.owner_email.is_empty() {
            info.owner_email = update.owner_email;
        }
        info.data.extend(update.data);
        if state == NamespaceState::Unspecified || state == info.state() {
            return Ok(());
        }
        let is_allowed = match info.state() {
            NamespaceState::Registered => true,
            NamespaceState::Deprecated => state == NamespaceState::Deleted,
            NamespaceState::Unspecified | NamespaceState::Deleted => false,
        };
        if !is_allowed {
            return Err(Status::invalid_argument("Invalid namespace state update."));
        }
        self.set_state(state);
        Ok(())
    }
}

/// Returns NOT_FOUND for a namespace that is not registered.
pub(super) fn not_found(name: &str) -> Status {
    status::namespace_not_found(name)
}

impl Cluster {
    pub(super) fn register_namespace(
        &mut self,
        request: RegisterNamespaceRequest,
    ) -> Result<Response, Status> {
        let name = request.namespace;
        if name.is_empty() {
            return Err(Status::invalid_argument("Namespace is not set on request."));
        }
        if name.len() > self.config.limits.id_length {
            return Err(Status::invalid_argument("Namespace length exceeds limit."));
        }
        if request.is_global_namespace {
            return Err(Status::invalid_argument(
                "Cannot register global namespace when not enabled",
            ));
        }
        let mut namespace = Namespace::new(&self.config, &name);
        namespace.set_retention(
            request
                .workflow_execution_retention_period
                .unwrap_or_default(),
        )?;
        if self.namespaces.contains_key(&name) {
            return Err(status::namespace_already_exists(&name));
        }
        namespace.update_info(UpdateNamespaceInfo {
            description: request.description,
            owner_email: request.owner_email,
            data: request.data,
            ..UpdateNamespaceInfo::default()
        })?;
        self.add(&name, namespace);
        Ok(RegisterNamespaceResponse {}.into())
    }

    pub(super) fn describe_namespace(
        &self,
        request: &DescribeNamespaceRequest,
    ) -> Result<Response, Status> {
        let (name, id) = (&request.namespace, &request.id);
        let found = match (name.is_empty(), id.is_empty()) {
            (true, true) => {
                return Err(Status::invalid_argument("Namespace is not set on request."));
            }
            (false, false) => {
                return Err(Status::invalid_argument(
                    "GetNamespace operation failed. Both ID and Name specified in request.",
                ));
            }
            (false, true) => self.namespaces.get(name),
            (true, false) => self.namespaces.values().find(|it| it.id() == id),
        };
        let found = found.ok_or_else(|| not_found(if name.is_empty() { id } else { name }))?;
        Ok(found.description.clone().into())
    }

    pub(super) fn list_namespaces(
        &self,
        request: &ListNamespacesRequest,
    ) -> Result<Response, Status> {
        let first: usize = match std::str::from_utf8(&request.next_page_token) {
            Ok("") => 0,
            Ok(token) => token.parse().map_err(|_| invalid_token())?,
            Err(_) => return Err(invalid_token()),
        };
        let page_size = match usize::try_from(request.page_size) {
            Ok(page_size) if page_size > 0 => page_size,
            _ => PAGE,
        };
        let with_deleted = request
            .namespace_filter
            .as_ref()
            .is_some_and(|filter| filter.include_deleted);
        let mut all = self
            .namespaces
            .values()
            .map(|namespace| &namespace.description)
            .filter(|description| {
                let info = description.namespace_info.as_ref();
                with_deleted || info.is_none_or(|info| info.state() != NamespaceState::Deleted)
            })
            .skip(first);
        let namespaces = all.by_ref().take(page_size).cloned().collect();
        let next = all.next().map(|_| (first + page_size).to_string());
        Ok(ListNamespacesResponse {
            namespaces,
            next_page_token: next.unwrap_or_default().into_bytes(),
        }
        .into())
    }

    pub(super) fn update_namespace(
        &mut self,
        request: UpdateNamespaceRequest,
    ) -> Result<Response, Status> {
        let name = request.namespace;
        let namespace = self
            .namespaces
            .get_mut(&name)
            .ok_or_else(|| not_found(&name))?;
        if request.promote_namespace {
            return Err(Status::invalid_argument(format!(
                "global namespace is not enabled on this cluster, cannot update global namespace \
                 or promote local namespace: {name}"
            )));
        }
        if !request.delete_bad_binary.is_empty() {
            let binary = request.delete_bad_binary;
            return Err(Status::invalid_argument(format!(
                "Bad binary checksum {binary} doesn't exists."
            )));
        }
        let retention = request
            .config
            .and_then(|config| config.workflow_execution_retention_ttl);
        if let Some(retention) = retention {
            namespace.set_retention(retention)?;
        }
        namespace.update_info(request.update_info.unwrap_or_default())?;
        let description = namespace.description.clone();
        Ok(UpdateNamespaceResponse {
            namespace_info: description.namespace_info,
            config: description.config,
            replication_config: description.replication_config,
            failover_version: description.failover_version,
            is_global_namespace: description.is_global_namespace,
        }
        .into())
    }

    pub(super) fn deprecate_namespace(
        &mut self,
        request: &DeprecateNamespaceRequest,
    ) -> Result<Response, Status> {
        let name = &request.namespace;
        let namespace = self
            .namespaces
            .get_mut(name)
            .ok_or_else(|| not_found(name))?;
        namespace.set_state(NamespaceState::Deprecated);
        Ok(DeprecateNamespaceResponse {}.into())
    }
}

fn invalid_token() -> Status {
    Status::invalid_argument("Invalid NextPageToken.")
}
