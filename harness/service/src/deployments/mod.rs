//! Worker deployments: their versions, and the versions that task queues route to.
//!
//! On the server each deployment and each version is a workflow of its own, which tells the task
//! queues of each change. Here all of it is one store, and a change reaches the task queues at
//! once.
//!
//! A task queue learns of a change only through a version that it belongs to. So a task queue that
//! neither the new nor the old current version has keeps the routing that it knows.
//!
//! Source: `temporalio/temporal:
//! service/worker/workerdeployment/{workflow,version_workflow,client}.go`.

mod deletion;
mod description;
mod drainage;
mod registration;
pub(crate) mod routing;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use prost_types::Timestamp;
use temporalio_protos::temporal::api::errordetails::v1::ResourceExhaustedFailure;
use tonic::Status;

use crate::{
    api::{
        deployment::{RoutingConfig, VersionDrainageInfo, VersionMetadata},
        enums::{
            ResourceExhaustedCause, ResourceExhaustedScope, TaskQueueType,
            WorkerDeploymentVersionStatus as VersionStatus,
        },
    },
    base::{
        status,
        versions::{self, Target, UNVERSIONED, Version, ramp_threshold},
    },
};

/// The deployments of a namespace (`matching.maxDeployments`).
const MAX_DEPLOYMENTS: usize = 100;
/// The versions of one deployment (`matching.maxVersionsInDeployment`).
const MAX_VERSIONS: usize = 100;
/// The task queues of one version (`matching.maxTaskQueuesInDeploymentVersion`).
const MAX_TASK_QUEUES: usize = 100;
/// The versions of one task queue (`matching.maxVersionsInTaskQueue`).
const MAX_VERSIONS_IN_TASK_QUEUE: usize = 200;
/// The beginning of the request id with which a poll creates a deployment.
const AUTO_CREATE: &str = "_auto_create_";

/// The worker deployments of a namespace.
#[derive(Debug, Default)]
pub(crate) struct Deployments {
    by_name: BTreeMap<String, Deployment>,
    queues: BTreeMap<TaskQueueType, BTreeMap<String, QueueVersions>>,
    /// The open runs that are pinned to each version, by name and build id.
    pins: BTreeMap<(String, String), Pins>,
    /// The number of changes so far, by which changes at the same time differ.
    changes: u64,
}

/// A worker deployment.
#[derive(Clone, Debug)]
struct Deployment {
    create_ms: u64,
    config: Config,
    /// The versions, by build id.
    versions: BTreeMap<String, VersionState>,
    last_modifier: String,
    manager: String,
    conflict_token: Vec<u8>,
    create_request_id: String,
    /// The last change, by which lists are ordered.
    change: u64,
}

/// A version of a worker deployment.
#[derive(Clone, Debug)]
pub(crate) struct VersionState {
    pub(crate) version: Version,
    status: VersionStatus,
    create_ms: u64,
    /// The place of the version among all that were ever created.
    ordinal: u64,
    create_request_id: String,
    routing_update: Option<Timestamp>,
    current_since: Option<Timestamp>,
    ramping_since: Option<Timestamp>,
    ramp_percentage: f32,
    first_activation: Option<Timestamp>,
    last_current: Option<Timestamp>,
    last_deactivation: Option<Timestamp>,
    drainage: Option<VersionDrainageInfo>,
    metadata: Option<VersionMetadata>,
    last_modifier: String,
    /// The task queues that workers of the version polled.
    pub(crate) queues: BTreeSet<(String, TaskQueueType)>,
}

/// The routing of a deployment, with the places of its last changes among all.
#[derive(Clone, Debug)]
struct Config {
    routing: RoutingConfig,
    current_change: u64,
    ramping_change: u64,
}

/// The open runs that are pinned to a version.
#[derive(Debug, Default)]
struct Pins {
    open: usize,
    /// The time at which the last of them closed or moved away.
    idle_since_ms: u64,
}

/// The versions of one task queue.
#[derive(Debug, Default)]
struct QueueVersions {
    /// The routing of each deployment, as the task queue knows it.
    configs: BTreeMap<String, Arc<Config>>,
    routing: Routing,
}

/// The versions that a task queue routes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Routing {
    /// The current version; `None` for unversioned workers.
    pub(crate) current: Target,
    pub(crate) current_changed: Option<Timestamp>,
    /// The version that takes a share of the workflows; `None` for unversioned workers.
    pub(crate) ramping: Target,
    pub(crate) ramping_changed: Option<Timestamp>,
    pub(crate) percentage: f32,
}

impl Routing {
    /// Returns `true` if some workflows go elsewhere than to the current version.
    pub(crate) fn is_ramping(&self) -> bool {
        self.ramping.version.is_some() || self.percentage > 0.0
    }

    /// Returns the version that a workflow goes to, unless it is pinned.
    ///
    /// Source: `temporalio/temporal: common/worker_versioning/worker_versioning.go`
    /// (`FindTargetDeploymentVersionAndRevisionNumberForWorkflowID`).
    pub(crate) fn target(&self, workflow_id: &str, uses_ramping: bool) -> &Target {
        let is_taken_in = || ramp_threshold(workflow_id) <= f64::from(self.percentage);
        let ramps = (uses_ramping && self.ramping.version.is_some())
            || (self.percentage > 0.0 && (self.percentage >= 100.0 || is_taken_in()));
        if ramps { &self.ramping } else { &self.current }
    }
}

impl Deployments {
    /// Returns `true` if workers of a version have polled a task queue.
    pub(crate) fn has_version(&self, kind: TaskQueueType, queue: &str, version: &Version) -> bool {
        let key = (queue.to_owned(), kind);
        self.version(version)
            .is_some_and(|state| state.queues.contains(&key))
    }

    /// Returns the routing of a task queue; `None` if no versioned worker ever polled it.
    pub(crate) fn routing(&self, kind: TaskQueueType, queue: &str) -> Option<&Routing> {
        let versions = self.queues.get(&kind)?.get(queue)?;
        Some(&versions.routing)
    }

    pub(crate) fn version(&self, version: &Version) -> Option<&VersionState> {
        let deployment = self.by_name.get(&version.deployment_name)?;
        deployment.versions.get(&version.build_id)
    }

    /// Returns a deployment that exists.
    ///
    /// # Errors
    ///
    /// NOT_FOUND, in the server's words.
    fn existing(&mut self, name: &str) -> Result<&mut Deployment, Status> {
        let found = self.by_name.get_mut(name);
        found.ok_or_else(|| deployment_not_found(name))
    }

    /// Returns the place of the next change.
    fn next_change(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }
}

impl Deployment {
    #[allow(deprecated, reason = "older clients read other fields")]
    fn new(create_ms: u64, create_request_id: String, change: u64) -> Self {
        Self {
            create_ms,
            config: Config {
                routing: RoutingConfig {
                    current_version: UNVERSIONED.to_owned(),
                    ..RoutingConfig::default()
                },
                current_change: 0,
                ramping_change: 0,
            },
            versions: BTreeMap::new(),
            last_modifier: String::new(),
            manager: String::new(),
            conflict_token: conflict_token(create_ms, change),
            create_request_id,
            change,
        }
    }

    /// Returns the version of a text with a dot; `None` for unversioned workers and unknown
    /// versions.
    fn version_mut(&mut self, dotted: &str) -> Option<&mut VersionState> {
        let version = versions::parse(dotted).ok().flatten()?;
        self.versions.get_mut(&version.build_id)
    }

    /// Checks the caller of a change against the manager of the deployment.
    ///
    /// # Errors
    ///
    /// FAILED_PRECONDITION if another is its manager.
    fn check_manager(&self, identity: &str) -> Result<(), Status> {
        if self.manager.is_empty() || self.manager == identity {
            return Ok(());
        }
        Err(Status::failed_precondition(format!(
            "ManagerIdentity '{}' is set and does not match user identity '{identity}'; to \
             proceed, set your own identity as the ManagerIdentity, remove the ManagerIdentity, or \
             wait for the other client to do so",
            self.manager
        )))
    }

    /// Checks that nobody has changed the deployment since the caller looked.
    ///
    /// # Errors
    ///
    /// FAILED_PRECONDITION for a token of an earlier state.
    fn check_token(&self, token: &[u8]) -> Result<(), Status> {
        if token.is_empty() || token == self.conflict_token {
            return Ok(());
        }
        Err(Status::failed_precondition("conflict token mismatch"))
    }
}

/// Returns the token of a change: the time as Go encodes it, with the place of the change in its
/// nanoseconds, since virtual time may stand still between two changes.
fn conflict_token(now_ms: u64, change: u64) -> Vec<u8> {
    /// The seconds from the year 1 to the year 1970.
    const UNIX_EPOCH: u64 = 62_135_596_800;
    let seconds = UNIX_EPOCH + now_ms / 1000;
    let nanos = (now_ms % 1000) * 1_000_000 + change % 1_000_000;
    let nanos = u32::try_from(nanos).unwrap_or(u32::MAX);
    let mut token = vec![1];
    token.extend(seconds.to_be_bytes());
    token.extend(nanos.to_be_bytes());
    token.extend((-1_i16).to_be_bytes());
    token
}

fn deployment_not_found(name: &str) -> Status {
    status::not_found(format!(
        "no Worker Deployment found with name '{name}'; does your Worker Deployment have pollers?"
    ))
}

fn version_not_found(version: &Version) -> Status {
    status::not_found(format!(
        "build ID '{}' not found in Worker Deployment '{}'",
        version.build_id, version.deployment_name
    ))
}

fn limit_reached(message: String) -> Status {
    let detail = ResourceExhaustedFailure {
        cause: ResourceExhaustedCause::WorkerDeploymentLimits.into(),
        scope: ResourceExhaustedScope::Namespace.into(),
    };
    status::resource_exhausted(message, detail)
}
