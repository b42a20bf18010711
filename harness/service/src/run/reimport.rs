//! A run that is made anew from its own history, which must change nothing.
//!
//! Tests of imports run whole worlds in which this happens after every step. The parts that a
//! history does not tell stay as they are: attempts under way, updates that no worker has accepted,
//! requests to handlers of Nexus operations, caches of workers.

use crate::run::{
    Run,
    activities::PendingActivity,
    import::ImportedRun,
    workflow_task::{WorkflowTask, WorkflowTaskKind},
};

impl Run {
    /// Replaces the state that the history tells by the state that an import makes of it.
    ///
    /// # Panics
    ///
    /// If the import has another workflow task pending, or other activities.
    pub(crate) fn reimport(&mut self) {
        if !self.history.buffered().is_empty() {
            return;
        }
        let imported = ImportedRun {
            workflow_id: self.workflow_id.clone(),
            run_id: self.run_id.clone(),
            events: self.history.events().to_vec(),
            activities: Vec::new(),
        };
        let anew = Self::import(self.key, &imported);
        self.compare_workflow_task(&anew);
        assert_eq!(anew.history.events(), self.history.events());
        assert_eq!(anew.start_ms, self.start_ms, "{}", self.workflow_id);

        self.adopt_activities(&anew);
        if !self.updates.has_outgoing() {
            assert_eq!(anew.updates.pending(), self.updates.pending());
        }
        let (state, of_import) = (&mut self.state, anew.state);
        state.cancel_requested = of_import.cancel_requested;
        state.signals = of_import.signals;
        state.first_workflow_task_ms = of_import.first_workflow_task_ms;
        state.run_expiration_ms = of_import.run_expiration_ms;
        state.execution_expiration_ms = of_import.execution_expiration_ms;
        // The order of a map's fields on the wire is that of its hasher: these are compared alone.
        assert_eq!(state.memo, of_import.memo, "{}", self.workflow_id);
        assert_eq!(
            state.search_attributes, of_import.search_attributes,
            "{}",
            self.workflow_id
        );
        state.workflow_task.last_completed_started_event_id =
            of_import.workflow_task.last_completed_started_event_id;
        self.user_timers = anew.user_timers;
        self.children = anew.children;
        self.external = anew.external;
        self.signal_request_ids = anew.signal_request_ids;
    }

    fn compare_workflow_task(&self, anew: &Self) {
        let told =
            |task: &&WorkflowTask| task.attempt == 1 && task.kind == WorkflowTaskKind::Normal;
        let place = |task: &WorkflowTask| {
            (
                task.scheduled_event_id,
                task.started_event_id,
                task.timeout_ms,
                task.scheduled_ms,
                task.started_ms,
            )
        };
        let (own, of_import) = (
            self.state.workflow_task.current.as_ref(),
            anew.state.workflow_task.current.as_ref(),
        );
        if own.is_none_or(|task| told(&task)) {
            let id = &self.workflow_id;
            assert_eq!(
                of_import.map(place),
                own.map(place),
                "the workflow task of {id}"
            );
        }
    }

    fn adopt_activities(&mut self, anew: &Self) {
        let ids = |run: &Self| -> Vec<_> {
            let all = run.activities.iter();
            all.map(|it| (it.scheduled_event_id, it.cancel_requested_event_id))
                .collect()
        };
        assert_eq!(
            ids(anew),
            ids(self),
            "the activities of {}",
            self.workflow_id
        );
        let waits = |activity: &&PendingActivity| {
            activity.attempt == 1
                && activity.started.is_none()
                && !activity.is_backing_off
                && activity.paused.is_none()
                && activity.stamp == 1
        };
        let waiting = self.activities.iter().filter(waits);
        let waiting: Vec<_> = waiting.map(|it| it.scheduled_event_id).collect();
        for id in waiting {
            if let Some(activity) = anew.activities.get(id) {
                self.replace_activity(activity.clone());
            }
        }
    }
}
