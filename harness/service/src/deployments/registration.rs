//! Deployments, versions and task queues that come into being: by polls of versioned workers, and
//! by requests.

use std::{collections::BTreeMap, sync::Arc};

use tonic::Status;

use crate::{
    api::{
        deployment::VersionMetadata,
        enums::{TaskQueueType, WorkerDeploymentVersionStatus as VersionStatus},
        rpc::{
            CreateWorkerDeploymentRequest, CreateWorkerDeploymentVersionRequest,
            UpdateWorkerDeploymentVersionMetadataRequest,
        },
    },
    base::{
        status,
        versions::{Version, dotted},
    },
    deployments::{
        AUTO_CREATE, Config, Deployment, Deployments, MAX_DEPLOYMENTS, MAX_TASK_QUEUES,
        MAX_VERSIONS, MAX_VERSIONS_IN_TASK_QUEUE, VersionState, deployment_not_found,
        limit_reached, version_not_found,
    },
};

/// Returns `true` if workers of a version have polled one of its task queues lately.
pub(crate) type HasPollers<'a> = &'a dyn Fn(&VersionState) -> bool;

impl Deployments {
    /// Registers a task queue that a worker of a version polls, with its version and deployment.
    ///
    /// # Errors
    ///
    /// RESOURCE_EXHAUSTED if there are too many.
    pub(crate) fn register(
        &mut self,
        now_ms: u64,
        version: &Version,
        kind: TaskQueueType,
        queue: &str,
        has_pollers: HasPollers<'_>,
    ) -> Result<(), Status> {
        self.check_versions_of_queue(kind, queue)?;
        let name = &version.deployment_name;
        if !self.by_name.contains_key(name) {
            let request_id = format!("{AUTO_CREATE}{}", version.build_id);
            self.create(now_ms, name, request_id)?;
        }
        self.add_version(now_ms, version, VersionStatus::Inactive, has_pollers)?;
        let deployment = self.existing(name)?;
        let config = Arc::new(deployment.config.clone());
        if let Some(state) = deployment.versions.get_mut(&version.build_id) {
            state.add_queue(kind, queue)?;
        }
        self.tell_queue(kind, queue, name, config);
        Ok(())
    }

    fn check_versions_of_queue(&self, kind: TaskQueueType, queue: &str) -> Result<(), Status> {
        let key = (queue.to_owned(), kind);
        let all = self.by_name.values().flat_map(|it| it.versions.values());
        if all.filter(|it| it.queues.contains(&key)).count() > MAX_VERSIONS_IN_TASK_QUEUE {
            return Err(limit_reached(format!(
                "exceeding maximum number of Deployment Versions in this task queue (limit = \
                 {MAX_VERSIONS_IN_TASK_QUEUE})"
            )));
        }
        Ok(())
    }

    /// Creates a deployment.
    pub(super) fn create(
        &mut self,
        now_ms: u64,
        name: &str,
        request_id: String,
    ) -> Result<&mut Deployment, Status> {
        if self.by_name.len() >= MAX_DEPLOYMENTS {
            return Err(limit_reached(format!(
                "reached maximum deployments in namespace ({MAX_DEPLOYMENTS})"
            )));
        }
        let change = self.next_change();
        let deployment = Deployment::new(now_ms, request_id, change);
        Ok(self.by_name.entry(name.to_owned()).or_insert(deployment))
    }

    /// Adds a version to its deployment, unless it is there. The oldest version that may be deleted
    /// makes room for it.
    pub(super) fn add_version(
        &mut self,
        now_ms: u64,
        version: &Version,
        status: VersionStatus,
        has_pollers: HasPollers<'_>,
    ) -> Result<(), Status> {
        let name = &version.deployment_name;
        let versions = &self.existing(name)?.versions;
        if versions.contains_key(&version.build_id) {
            return Ok(());
        }
        if versions.len() >= MAX_VERSIONS && !self.make_room(now_ms, name, has_pollers) {
            return Err(limit_reached(format!(
                "cannot add version {} since maximum number of versions ({MAX_VERSIONS}) have \
                 been registered in the deployment",
                dotted(Some(version))
            )));
        }
        let ordinal = self.next_change();
        let state = VersionState::new(now_ms, version.clone(), status, ordinal);
        let deployment = self.existing(name)?;
        deployment.versions.insert(version.build_id.clone(), state);
        deployment.change = ordinal;
        Ok(())
    }

    /// Gives a task queue the routing of a deployment.
    pub(super) fn tell_queue(
        &mut self,
        kind: TaskQueueType,
        queue: &str,
        deployment: &str,
        config: Arc<Config>,
    ) {
        let queues = self.queues.entry(kind).or_default();
        let versions = queues.entry(queue.to_owned()).or_default();
        versions.configs.insert(deployment.to_owned(), config);
        self.route_queue(kind, queue);
    }

    /// Creates a deployment for a client. Returns its conflict token.
    ///
    /// # Errors
    ///
    /// ALREADY_EXISTS, unless the same request created it; RESOURCE_EXHAUSTED.
    pub(crate) fn create_deployment(
        &mut self,
        now_ms: u64,
        request: CreateWorkerDeploymentRequest,
    ) -> Result<Vec<u8>, Status> {
        let name = &request.deployment_name;
        if let Some(known) = self.by_name.get(name) {
            let is_repeated =
                !request.request_id.is_empty() && known.create_request_id == request.request_id;
            if is_repeated {
                return Ok(known.conflict_token.clone());
            }
            let by_poll = if known.create_request_id.starts_with(AUTO_CREATE) {
                " (auto-created from worker polls)"
            } else {
                ""
            };
            return Err(Status::already_exists(format!(
                "Worker Deployment with name {name:?} already exists{by_poll}"
            )));
        }
        let deployment = self.create(now_ms, name, request.request_id)?;
        deployment.last_modifier = request.identity;
        Ok(deployment.conflict_token.clone())
    }

    /// Creates a version for a client, without workers.
    ///
    /// # Errors
    ///
    /// NOT_FOUND without its deployment; ALREADY_EXISTS, unless the same request created it;
    /// RESOURCE_EXHAUSTED.
    pub(crate) fn create_version(
        &mut self,
        now_ms: u64,
        request: CreateWorkerDeploymentVersionRequest,
        has_pollers: HasPollers<'_>,
    ) -> Result<(), Status> {
        let version = request.deployment_version.unwrap_or_default();
        let deployment = self.existing(&version.deployment_name)?;
        if let Some(known) = deployment.versions.get(&version.build_id) {
            let is_repeated =
                !request.request_id.is_empty() && known.create_request_id == request.request_id;
            return if is_repeated {
                Ok(())
            } else {
                Err(Status::already_exists(format!(
                    "Worker Deployment Version {:?} already exists",
                    dotted(Some(&version))
                )))
            };
        }
        self.add_version(now_ms, &version, VersionStatus::Created, has_pollers)?;
        let deployment = self.existing(&version.deployment_name)?;
        if let Some(state) = deployment.versions.get_mut(&version.build_id) {
            state.create_request_id = request.request_id;
            state.last_modifier = request.identity;
        }
        Ok(())
    }

    /// Changes the metadata of a version. Returns all of it.
    ///
    /// # Errors
    ///
    /// NOT_FOUND without the version.
    pub(crate) fn update_metadata(
        &mut self,
        version: &Version,
        request: UpdateWorkerDeploymentVersionMetadataRequest,
    ) -> Result<Option<VersionMetadata>, Status> {
        let deployment = self.by_name.get_mut(&version.deployment_name);
        let state = deployment.and_then(|it| it.versions.get_mut(&version.build_id));
        let Some(state) = state else {
            return Err(status::workflow_not_found(&format!(
                "temporal-sys-worker-deployment-version:{}:{}",
                version.deployment_name, version.build_id
            )));
        };
        if !request.upsert_entries.is_empty() {
            let metadata = state.metadata.get_or_insert_default();
            let entries: BTreeMap<_, _> = request.upsert_entries.into_iter().collect();
            metadata.entries.extend(entries);
        }
        if let Some(metadata) = &mut state.metadata {
            for key in &request.remove_entries {
                metadata.entries.remove(key);
            }
        }
        state.last_modifier = request.identity;
        Ok(state.metadata.clone())
    }

    /// Checks that a version is there.
    pub(super) fn check_version(&self, version: &Version) -> Result<&VersionState, Status> {
        if !self.by_name.contains_key(&version.deployment_name) {
            return Err(deployment_not_found(&version.deployment_name));
        }
        self.version(version)
            .ok_or_else(|| version_not_found(version))
    }
}

impl VersionState {
    fn new(create_ms: u64, version: Version, status: VersionStatus, ordinal: u64) -> Self {
        Self {
            version,
            status,
            create_ms,
            ordinal,
            create_request_id: String::new(),
            routing_update: None,
            current_since: None,
            ramping_since: None,
            ramp_percentage: 0.0,
            first_activation: None,
            last_current: None,
            last_deactivation: None,
            drainage: None,
            metadata: None,
            last_modifier: String::new(),
            queues: std::collections::BTreeSet::new(),
        }
    }

    /// Adds a task queue that a worker of the version polls.
    fn add_queue(&mut self, kind: TaskQueueType, queue: &str) -> Result<(), Status> {
        let mut names: Vec<_> = self.queues.iter().map(|(name, _)| name).collect();
        names.dedup();
        if names.len() >= MAX_TASK_QUEUES && !names.iter().any(|name| *name == queue) {
            return Err(limit_reached(format!(
                "cannot add task queue {queue} since maximum number of task queues \
                 ({MAX_TASK_QUEUES}) have been registered in deployment"
            )));
        }
        self.queues.insert((queue.to_owned(), kind));
        if self.status == VersionStatus::Created {
            self.status = VersionStatus::Inactive;
        }
        Ok(())
    }
}
