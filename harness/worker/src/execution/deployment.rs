//! The version of the worker that works on a workflow task.

use temporalio_protos::{
    coresdk::common::WorkerDeploymentVersion,
    temporal::api::history::v1::WorkflowTaskCompletedEventAttributes,
};

use super::Execution;

/// A worker deployment version, by name and build id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DeploymentVersion {
    deployment_name: String,
    build_id: String,
}

impl Execution<'_> {
    /// Returns the version of this worker, if it has one.
    pub(super) fn own_deployment_version(&self) -> Option<DeploymentVersion> {
        (!self.facts.build_id.is_empty()).then(|| DeploymentVersion {
            deployment_name: self.facts.deployment_name.clone(),
            build_id: self.facts.build_id.clone(),
        })
    }
}

impl From<DeploymentVersion> for WorkerDeploymentVersion {
    fn from(version: DeploymentVersion) -> Self {
        Self {
            deployment_name: version.deployment_name,
            build_id: version.build_id,
        }
    }
}

/// Returns the version that a completed workflow task recorded, in any of the fields that servers
/// have ever used for it.
#[expect(
    deprecated,
    reason = "histories of older servers have the older fields only"
)]
pub(super) fn recorded(
    completed: &WorkflowTaskCompletedEventAttributes,
) -> Option<DeploymentVersion> {
    let mut version = DeploymentVersion::default();
    if let Some(stamp) = &completed.worker_version {
        version.build_id.clone_from(&stamp.build_id);
    }
    if !completed.worker_deployment_name.is_empty() {
        version
            .deployment_name
            .clone_from(&completed.worker_deployment_name);
    }
    if let Some((name, build_id)) = completed.worker_deployment_version.split_once('.') {
        version = DeploymentVersion {
            deployment_name: name.to_owned(),
            build_id: build_id.to_owned(),
        };
    }
    if let Some(recorded) = &completed.deployment_version {
        version = DeploymentVersion {
            deployment_name: recorded.deployment_name.clone(),
            build_id: recorded.build_id.clone(),
        };
    }
    (version != DeploymentVersion::default()).then_some(version)
}
