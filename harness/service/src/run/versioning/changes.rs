//! Changes of the version of a run: by a completed task, a transition, or an override.

use crate::{
    api::{
        enums::VersioningBehavior, history::WorkflowTaskCompletedEventAttributes,
        workflow::VersioningOverride,
    },
    base::{
        versioning_override,
        versions::{Target, Version},
    },
    run::{
        Run,
        versioning::{Transition, version_of_completed},
        workflow_task::WorkflowTaskKind,
    },
};

impl Run {
    /// Applies what a completed workflow task tells of the version of its worker. Returns `true`
    /// if activities that wait are to be offered again, since they go to another version.
    ///
    /// Source: `temporalio/temporal: service/history/workflow/workflow_task_state_machine.go`
    /// (`afterAddWorkflowTaskCompletedEvent`).
    pub(crate) fn apply_completed_version(
        &mut self,
        completed: &WorkflowTaskCompletedEventAttributes,
    ) -> bool {
        let behavior = completed.versioning_behavior();
        let is_unversioned = behavior == VersioningBehavior::Unspecified;
        if is_unversioned && self.state.versioning.is_none() {
            return false;
        }
        let version = version_of_completed(completed);
        let before = self.place();
        let versioning = self.state.versioning.get_or_insert_default();
        versioning
            .deployment_name
            .clone_from(&completed.worker_deployment_name);
        // A task that was started before the transition may complete during it.
        let completes_transition =
            (versioning.transition.as_ref()).is_some_and(|transition| transition.to == version);
        if completes_transition {
            versioning.transition = None;
        }
        versioning.behavior = behavior;
        versioning.version.clone_from(&version);
        if is_unversioned {
            versioning.version = None;
        }
        // An override for one task has done its work.
        let once = versioning_override::one_time(self.state.options.versioning_override.as_ref());
        if once.is_some() && once == version.as_ref() {
            self.state.options.versioning_override = None;
        }
        completes_transition || before != self.place()
    }

    /// Returns what decides about the place of the run's tasks.
    fn place(&self) -> (VersioningBehavior, Option<Version>) {
        let state = &self.state;
        (
            state.effective_behavior(),
            state.effective_version().cloned(),
        )
    }

    /// Starts the transition to the version of a poller, which has just taken a task. A pinned run
    /// never moves by itself.
    pub(crate) fn start_transition(&mut self, version: Option<Version>, revision: i64) {
        let versioning = self.state.versioning.get_or_insert_default();
        versioning.transition = Some(Transition { to: version });
        versioning.revision = revision;
        self.state.workflow_task.sticky = None;
        self.reschedule_workflow_task();
    }

    /// Sets the override, or removes it. Tasks that wait are offered again.
    ///
    /// Source: `temporalio/temporal: service/history/workflow/mutable_state_impl.go`
    /// (`updateVersioningOverride`).
    pub(crate) fn set_versioning_override(
        &mut self,
        versioning_override: Option<VersioningOverride>,
    ) {
        if versioning_override.is_none() && self.state.versioning.is_none() {
            return;
        }
        let before = self.place();
        let target = versioning_override::target(versioning_override.as_ref());
        let versioning = self.state.versioning.get_or_insert_default();
        let name = match (&versioning_override, target) {
            (None, _) => versioning.version.as_ref(),
            (Some(_), target) => target,
        };
        if versioning_override.is_none() || name.is_some() {
            versioning.deployment_name =
                name.map_or_else(String::new, |version| version.deployment_name.clone());
        }
        self.state.options.versioning_override = versioning_override;
        if before != self.place() {
            if let Some(versioning) = &mut self.state.versioning {
                versioning.transition = None;
            }
            self.state.workflow_task.sticky = None;
            self.reschedule_workflow_task();
        }
        self.reschedule_activities(0);
    }

    /// Offers the workflow task again, if no worker has it. A speculative one has a deadline
    /// instead.
    fn reschedule_workflow_task(&mut self) {
        let Some(task) = &mut self.state.workflow_task.current else {
            return;
        };
        if !task.is_started() && task.kind == WorkflowTaskKind::Normal {
            task.sticky_deadline_ms = None;
            self.offer_workflow_task();
        }
    }

    /// Remembers the version to which the task queue of a run would route it, so that a workflow
    /// that stays behind is told of it once.
    ///
    /// Source: `temporalio/temporal: service/history/workflow/workflow_task_state_machine.go`
    /// (`AddWorkflowTaskStartedEvent`).
    pub(crate) fn note_target(&mut self, target: Target) {
        let behavior = self.state.effective_behavior();
        let has_override = self.state.options.versioning_override.is_some();
        let is_on_target = self.state.effective_version() == target.version.as_ref();
        let Some(versioning) = &mut self.state.versioning else {
            return;
        };
        if behavior == VersioningBehavior::Unspecified {
            return;
        }
        let declined = versioning.declined.as_ref().map(|it| it.revision_number);
        let notified = versioning.notified.as_ref().map(|it| it.revision);
        let seen = notified.unwrap_or(0).max(declined.unwrap_or(0));
        let is_current = target.revision >= seen;
        if has_override {
            versioning.declined = None;
            versioning.notified = None;
        } else if behavior == VersioningBehavior::AutoUpgrade {
            // The run moves by itself.
        } else if is_on_target && is_current {
            versioning.declined = None;
            versioning.notified = None;
        } else if declined.is_none_or(|declined| target.revision > declined) && is_current {
            versioning.notified = Some(target);
            versioning.declined = None;
        }
    }
}
