//! The version that the next run of a chain, or a child, has from a run.
//!
//! Source: `temporalio/temporal: service/history/workflow/{mutable_state_impl,retry}.go`
//! (`addWorkflowExecutionStartedEventForContinueAsNew`, `SetupNewWorkflowForRetryOrCron`),
//! `service/history/transfer_queue_active_task_executor.go` (`processStartChildExecution`).

use crate::{
    api::{
        deployment::InheritedAutoUpgradeInfo,
        enums::{ContinueAsNewVersioningBehavior, VersioningBehavior},
        history::{DeclinedTargetVersionUpgrade, WorkflowExecutionStartedEventAttributes},
        workflow::VersioningOverride,
    },
    base::{versioning_override, versions::Version},
    run::Run,
};

/// Returns `true` if workers of a version poll a workflow task queue.
pub(crate) type IsInVersion<'a> = &'a dyn Fn(&str, &Version) -> bool;

/// The versioning that a new run has from another.
#[derive(Debug, Default)]
pub(crate) struct Inherited {
    pinned: Option<Version>,
    versioning_override: Option<VersioningOverride>,
    auto_upgrade: Option<InheritedAutoUpgradeInfo>,
    declined: Option<DeclinedTargetVersionUpgrade>,
}

impl Inherited {
    /// Returns the versioning of a child whose parent overrides it.
    pub(crate) fn overridden(versioning_override: VersioningOverride) -> Self {
        Self {
            versioning_override: versioning_override::modern(versioning_override),
            ..Self::default()
        }
    }

    /// Writes the versioning into the first event of the new run.
    pub(crate) fn write(self, attributes: &mut WorkflowExecutionStartedEventAttributes) {
        attributes.inherited_pinned_version = self.pinned;
        attributes.versioning_override = self.versioning_override;
        attributes.inherited_auto_upgrade_info = self.auto_upgrade;
        attributes.declined_target_version_upgrade = self.declined;
    }
}

impl Run {
    /// Returns what the run inherits that continues this one by a command.
    pub(crate) fn inherited_by_continuation(
        &self,
        task_queue: &str,
        initial: ContinueAsNewVersioningBehavior,
        is_in_version: IsInVersion<'_>,
    ) -> Inherited {
        if self.state.versioning.is_none() {
            return Inherited::default();
        }
        let follows = initial != ContinueAsNewVersioningBehavior::Unspecified;
        let is_pinned = self.is_pinned();
        let stays = |version: &Version| self.stays(task_queue, version, is_in_version);
        let own = self.state.effective_version().cloned();
        let pinned = own.filter(|own| is_pinned && !follows && stays(own));
        let versioning_override = self.state.options.versioning_override.clone();
        let versioning_override = versioning_override.filter(|it| {
            versioning_override::pinned(Some(it)).is_some()
                && (task_queue == self.task_queue_name() || pinned.is_some())
        });
        let moves = self.state.effective_behavior() == VersioningBehavior::AutoUpgrade
            || (is_pinned && follows);
        let auto_upgrade = if moves && pinned.is_none() {
            self.auto_upgrade_info(initial).filter(|info| {
                let source = info.source_deployment_version.as_ref();
                source.is_some_and(stays)
            })
        } else {
            None
        };
        Inherited {
            declined: pinned.as_ref().and_then(|_| self.declined()),
            pinned,
            versioning_override,
            auto_upgrade,
        }
    }

    /// Returns what the run inherits that repeats this one, as a retry or by a cron schedule.
    pub(crate) fn inherited_by_repetition(&self, is_retry: bool) -> Inherited {
        let Some(versioning) = &self.state.versioning else {
            return Inherited::default();
        };
        let versioning_override = self.state.options.versioning_override.clone();
        let mut inherited = Inherited {
            versioning_override: versioning_override
                .filter(|it| versioning_override::pinned(Some(it)).is_some()),
            ..Inherited::default()
        };
        if !is_retry {
            return inherited;
        }
        if self.is_pinned() && self.started().inherited_pinned_version.is_some() {
            inherited.pinned = self.state.effective_version().cloned();
            let declined = &self.started().declined_target_version_upgrade;
            inherited.declined.clone_from(declined);
        } else if self.state.effective_behavior() == VersioningBehavior::AutoUpgrade {
            inherited.auto_upgrade = self.auto_upgrade_info(versioning.initial_behavior);
        }
        inherited
    }

    /// Returns what a child of this run inherits, if nothing overrides it.
    pub(crate) fn inherited_by_child(
        &self,
        task_queue: &str,
        is_in_version: IsInVersion<'_>,
    ) -> Inherited {
        if self.state.versioning.is_none() {
            return Inherited::default();
        }
        let stays = |version: &Version| self.stays(task_queue, version, is_in_version);
        let own = self.state.effective_version().cloned();
        let pinned = own.filter(|own| self.is_pinned() && stays(own));
        let versioning_override = self.state.options.versioning_override.clone();
        let versioning_override = versioning_override.filter(|it| {
            versioning_override::target(Some(it)).is_some()
                && (task_queue == self.task_queue_name() || pinned.is_some())
        });
        let unspecified = ContinueAsNewVersioningBehavior::Unspecified;
        let moves = self.state.effective_behavior() == VersioningBehavior::AutoUpgrade;
        let auto_upgrade = self.auto_upgrade_info(unspecified).filter(|info| {
            let source = info.source_deployment_version.as_ref();
            moves && source.is_some_and(stays)
        });
        Inherited {
            pinned,
            versioning_override,
            auto_upgrade,
            declined: None,
        }
    }

    fn is_pinned(&self) -> bool {
        self.state.effective_behavior() == VersioningBehavior::Pinned
    }

    /// Returns `true` if a new run on this task queue can be worked on by this version.
    fn stays(&self, task_queue: &str, version: &Version, is_in_version: IsInVersion<'_>) -> bool {
        task_queue == self.task_queue_name() || is_in_version(task_queue, version)
    }

    /// Returns the version from which a new run moves on by itself, if routing brought this run
    /// there.
    fn auto_upgrade_info(
        &self,
        initial: ContinueAsNewVersioningBehavior,
    ) -> Option<InheritedAutoUpgradeInfo> {
        let revision = self.state.versioning.as_ref()?.revision;
        let source = self.state.effective_version()?;
        (revision != 0).then(|| InheritedAutoUpgradeInfo {
            source_deployment_version: Some(source.clone()),
            source_deployment_revision_number: revision,
            continue_as_new_initial_versioning_behavior: initial.into(),
        })
    }

    /// Returns the target version that the workflow knew of and did not move to.
    fn declined(&self) -> Option<DeclinedTargetVersionUpgrade> {
        let versioning = self.state.versioning.as_ref()?;
        match &versioning.notified {
            Some(notified) => Some(DeclinedTargetVersionUpgrade {
                deployment_version: notified.version.clone(),
                revision_number: notified.revision,
            }),
            None => versioning.declined.clone(),
        }
    }
}
