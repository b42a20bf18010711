//! Deployments and versions, described and listed.

use std::cmp::Reverse;

use tonic::Status;

use crate::{
    api::{
        deployment::{
            VersionDrainageInfo, WorkerDeploymentInfo, WorkerDeploymentVersionInfo,
            worker_deployment_info::WorkerDeploymentVersionSummary,
            worker_deployment_version_info::VersionTaskQueueInfo,
        },
        enums::{
            RoutingConfigUpdateState, VersionDrainageStatus,
            WorkerDeploymentVersionStatus as VersionStatus,
        },
        rpc::list_worker_deployments_response::WorkerDeploymentSummary,
    },
    base::{
        status,
        time::timestamp,
        versions::{Version, dotted},
    },
    deployments::{Deployment, Deployments, VersionState, deployment_not_found},
};

impl Deployments {
    /// Describes a deployment. Returns its conflict token too.
    ///
    /// # Errors
    ///
    /// NOT_FOUND without the deployment.
    pub(crate) fn describe(
        &mut self,
        now_ms: u64,
        name: &str,
    ) -> Result<(WorkerDeploymentInfo, Vec<u8>), Status> {
        self.refresh(now_ms);
        let deployment = self.by_name.get(name);
        let deployment = deployment.ok_or_else(|| deployment_not_found(name))?;
        let info = WorkerDeploymentInfo {
            name: name.to_owned(),
            version_summaries: deployment.newest_first().map(described_summary).collect(),
            create_time: Some(timestamp(deployment.create_ms)),
            routing_config: Some(deployment.config.routing.clone()),
            last_modifier_identity: deployment.last_modifier.clone(),
            manager_identity: deployment.manager.clone(),
            routing_config_update_state: RoutingConfigUpdateState::Completed.into(),
        };
        Ok((info, deployment.token()))
    }

    /// Describes a version.
    ///
    /// # Errors
    ///
    /// NOT_FOUND without the version.
    #[allow(deprecated, reason = "older clients read other fields")]
    pub(crate) fn describe_version(
        &mut self,
        now_ms: u64,
        version: &Version,
    ) -> Result<WorkerDeploymentVersionInfo, Status> {
        self.refresh(now_ms);
        let state = self.version(version);
        let state =
            state.ok_or_else(|| status::not_found("Worker Deployment Version not found"))?;
        let queues = state.queues.iter();
        Ok(WorkerDeploymentVersionInfo {
            version: dotted(Some(&state.version)),
            status: state.status.into(),
            deployment_version: Some(state.version.clone()),
            create_time: Some(timestamp(state.create_ms)),
            routing_changed_time: state.routing_update,
            current_since_time: state.current_since,
            ramping_since_time: state.ramping_since,
            ramp_percentage: state.ramp_percentage,
            task_queue_infos: queues
                .map(|(name, kind)| VersionTaskQueueInfo {
                    name: name.clone(),
                    r#type: (*kind).into(),
                })
                .collect(),
            drainage_info: state.drainage,
            metadata: state.metadata.clone(),
            last_modifier_identity: state.last_modifier.clone(),
            ..WorkerDeploymentVersionInfo::default()
        })
    }

    /// Lists deployments, those that changed last first. A page begins after the deployment whose
    /// last change is `after`; returns that of the last deployment of the page if there are more.
    pub(crate) fn list(
        &mut self,
        now_ms: u64,
        page: usize,
        after: Option<u64>,
    ) -> (Vec<WorkerDeploymentSummary>, Option<u64>) {
        self.refresh(now_ms);
        let all = self.by_name.iter();
        let mut found: Vec<_> = all
            .filter(|(_, it)| after.is_none_or(|after| it.change < after))
            .collect();
        found.sort_by_key(|(_, deployment)| Reverse(deployment.change));
        let has_more = found.len() > page;
        found.truncate(page);
        let last = found.last().map(|(_, deployment)| deployment.change);
        let summaries = found.into_iter().map(|(name, it)| it.summary(name));
        (summaries.collect(), last.filter(|_| has_more))
    }
}

impl Deployment {
    fn newest_first(&self) -> impl Iterator<Item = &VersionState> {
        let mut versions: Vec<_> = self.versions.values().collect();
        versions.sort_by_key(|state| Reverse((state.create_ms, state.ordinal)));
        versions.into_iter()
    }

    fn summary(&self, name: &str) -> WorkerDeploymentSummary {
        let routing = &self.config.routing;
        let of = |version: Option<&Version>| {
            let state = self.versions.get(&version?.build_id)?;
            Some(summary(state))
        };
        WorkerDeploymentSummary {
            name: name.to_owned(),
            create_time: Some(timestamp(self.create_ms)),
            routing_config: Some(routing.clone()),
            latest_version_summary: self.newest_first().next().map(summary),
            current_version_summary: of(routing.current_deployment_version.as_ref()),
            ramping_version_summary: of(routing.ramping_deployment_version.as_ref()),
        }
    }
}

#[allow(deprecated, reason = "older clients read other fields")]
fn summary(state: &VersionState) -> WorkerDeploymentVersionSummary {
    // The server writes down when it has erased the drainage of a version that became current.
    let erased = (state.status == VersionStatus::Current).then_some(VersionDrainageInfo {
        status: VersionDrainageStatus::Unspecified.into(),
        last_changed_time: state.current_since,
        last_checked_time: state.current_since,
    });
    WorkerDeploymentVersionSummary {
        version: dotted(Some(&state.version)),
        status: state.status.into(),
        deployment_version: Some(state.version.clone()),
        create_time: Some(timestamp(state.create_ms)),
        drainage_info: state.drainage.or(erased),
        current_since_time: state.current_since,
        ramping_since_time: state.ramping_since,
        routing_update_time: state.routing_update,
        first_activation_time: state.first_activation,
        last_current_time: state.last_current,
        last_deactivation_time: state.last_deactivation,
        ..WorkerDeploymentVersionSummary::default()
    }
}

fn described_summary(state: &VersionState) -> WorkerDeploymentVersionSummary {
    let drainage_status = state
        .drainage
        .as_ref()
        .map_or(0, |drainage| drainage.status);
    WorkerDeploymentVersionSummary {
        drainage_status,
        ..summary(state)
    }
}
