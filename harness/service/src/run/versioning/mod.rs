//! The version of a run: the behavior and the version that its workers told, and the version that
//! its tasks go to.
//!
//! A run is unversioned until a worker of a deployment completes a workflow task of it. A pinned
//! run then stays on the version of that worker. Another one moves with the current version of its
//! task queue: its next task starts a *transition*, and activities wait until the task completes.
//!
//! Source: `temporalio/temporal: service/history/workflow/{mutable_state_impl,util}.go`.

mod changes;
pub(crate) mod inheritance;
mod records;
#[cfg(test)]
mod tests;

use crate::{
    api::{
        enums::{ContinueAsNewVersioningBehavior, VersioningBehavior},
        history::{
            DeclinedTargetVersionUpgrade, WorkflowExecutionStartedEventAttributes,
            WorkflowTaskCompletedEventAttributes,
        },
        workflow::{
            DeploymentVersionTransition, VersioningOverride, WorkflowExecutionVersioningInfo,
        },
    },
    base::{
        versioning_override,
        versions::{self, Target, Version},
    },
    run::RunState,
};

/// The move of a run to another version.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Transition {
    /// The version that the run moves to; `None` for unversioned workers.
    pub(crate) to: Option<Version>,
}

/// The versioning of a run that has met a versioned worker, or that an override is for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Versioning {
    /// The behavior that the worker of the last completed workflow task told.
    pub(crate) behavior: VersioningBehavior,
    /// The version of that worker.
    pub(crate) version: Option<Version>,
    /// The move that the next workflow task completes.
    pub(crate) transition: Option<Transition>,
    /// The revision of the routing by which the run came to its version.
    pub(crate) revision: i64,
    /// The choice of the first version, from the run that this one continues.
    pub(crate) initial_behavior: ContinueAsNewVersioningBehavior,
    /// The target version that a workflow task told the workflow of, while the run is pinned.
    pub(crate) notified: Option<Target>,
    /// The target version that the run before this one was told of and did not move to.
    pub(crate) declined: Option<DeclinedTargetVersionUpgrade>,
    /// The name of the deployment of the last worker, or of the override.
    pub(crate) deployment_name: String,
}

impl Versioning {
    /// Returns the versioning with which a run starts; `None` if it starts without any.
    pub(crate) fn at_start(started: &WorkflowExecutionStartedEventAttributes) -> Option<Box<Self>> {
        let pinned = started.inherited_pinned_version.as_ref();
        let upgraded = started.inherited_auto_upgrade_info.as_ref();
        let versioning_override = started.versioning_override.as_ref();
        if pinned.is_none() && upgraded.is_none() && versioning_override.is_none() {
            return None;
        }
        let mut versioning = Self::default();
        if let Some(pinned) = pinned {
            versioning.version = Some(pinned.clone());
            versioning.behavior = VersioningBehavior::Pinned;
            if !started.continued_execution_run_id.is_empty() {
                versioning
                    .declined
                    .clone_from(&started.declined_target_version_upgrade);
            }
        }
        if let Some(upgraded) = upgraded {
            versioning.revision = upgraded.source_deployment_revision_number;
            versioning
                .version
                .clone_from(&upgraded.source_deployment_version);
            versioning.behavior = VersioningBehavior::AutoUpgrade;
            versioning.initial_behavior = upgraded.continue_as_new_initial_versioning_behavior();
        }
        let effective = versioning_override::target(versioning_override)
            .or(versioning.version.as_ref())
            .map(|version| version.deployment_name.clone());
        versioning.deployment_name = effective.unwrap_or_default();
        Some(Box::new(versioning))
    }

    /// Returns what describes the versioning, with the fields that older clients read.
    #[allow(deprecated, reason = "older clients read other fields")]
    pub(crate) fn info(
        &self,
        versioning_override: Option<VersioningOverride>,
    ) -> WorkflowExecutionVersioningInfo {
        let transition = self.transition.as_ref();
        WorkflowExecutionVersioningInfo {
            behavior: self.behavior.into(),
            version: self
                .version
                .as_ref()
                .map(|version| versions::dotted(Some(version)))
                .unwrap_or_default(),
            deployment_version: self.version.clone(),
            versioning_override: versioning_override.map(versioning_override::with_old_fields),
            version_transition: transition.map(|transition| DeploymentVersionTransition {
                version: versions::dotted(transition.to.as_ref()),
                deployment_version: transition.to.clone(),
            }),
            revision_number: self.revision,
            continue_as_new_initial_versioning_behavior: self.initial_behavior.into(),
            ..WorkflowExecutionVersioningInfo::default()
        }
    }
}

impl RunState {
    /// Returns the behavior by which tasks of the run are routed.
    pub(crate) fn effective_behavior(&self) -> VersioningBehavior {
        let Some(versioning) = &self.versioning else {
            return VersioningBehavior::Unspecified;
        };
        if versioning.transition.is_some() {
            return VersioningBehavior::AutoUpgrade;
        }
        self.shown_behavior()
    }

    /// Returns the behavior that search attributes show: a transition is left out.
    pub(crate) fn shown_behavior(&self) -> VersioningBehavior {
        match &self.options.versioning_override {
            Some(versioning_override) => versioning_override::behavior(versioning_override),
            None => self
                .versioning
                .as_ref()
                .map_or(VersioningBehavior::Unspecified, |it| it.behavior),
        }
    }

    /// Returns the version that tasks of the run go to; `None` for unversioned workers.
    pub(crate) fn effective_version(&self) -> Option<&Version> {
        let versioning = self.versioning.as_ref()?;
        if let Some(transition) = &versioning.transition {
            return transition.to.as_ref();
        }
        let versioning_override = self.options.versioning_override.as_ref();
        if let Some(target) = versioning_override::target(versioning_override) {
            return Some(target);
        }
        let is_versioned = self.effective_behavior() != VersioningBehavior::Unspecified;
        versioning.version.as_ref().filter(|_| is_versioned)
    }

    /// Returns the version that search attributes show: a transition is left out.
    pub(crate) fn shown_version(&self) -> Option<&Version> {
        let versioning_override = self.options.versioning_override.as_ref();
        versioning_override::target(versioning_override)
            .or_else(|| self.versioning.as_ref()?.version.as_ref())
    }

    /// Returns `true` if the first workflow task goes to the ramping version, as the run before
    /// this one asked for.
    pub(crate) fn uses_ramping_version(&self) -> bool {
        let initial = self.versioning.as_ref().map(|it| it.initial_behavior);
        initial == Some(ContinueAsNewVersioningBehavior::UseRampingVersion)
            && self.workflow_task.last_completed_started_event_id == 0
    }

    /// Returns `true` if the run has told its workflow of a target version that it does not move
    /// to by itself.
    pub(crate) fn has_target_changed(&self) -> bool {
        self.versioning
            .as_ref()
            .is_some_and(|versioning| versioning.notified.is_some())
            && self.effective_behavior() == VersioningBehavior::Pinned
    }
}

/// Returns the version of the worker that completed a workflow task, in any of the fields that
/// servers have used for it.
#[allow(deprecated, reason = "histories of older servers have other fields")]
pub(crate) fn version_of_completed(
    completed: &WorkflowTaskCompletedEventAttributes,
) -> Option<Version> {
    completed.deployment_version.clone().or_else(|| {
        let dotted = &completed.worker_deployment_version;
        let older = versions::parse(dotted).ok().flatten();
        older.filter(|_| !dotted.is_empty()).or_else(|| {
            let deployment = completed.deployment.as_ref()?;
            Some(Version {
                deployment_name: deployment.series_name.clone(),
                build_id: deployment.build_id.clone(),
            })
        })
    })
}
