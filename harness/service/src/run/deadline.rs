//! The deadlines of a run's timers.

use crate::run::{
    Run,
    timers::{DueTimes, TimerKind},
};

impl Run {
    /// Returns the time at which the next thing of each kind falls due, if one does. A closed run
    /// waits for nothing but queries and updates.
    pub(crate) fn due_times(&self) -> DueTimes {
        let mut due = DueTimes::default();
        let mut set = |kind, due_ms| due.set(kind, due_ms);
        let query = self.query_timers.first();
        set(TimerKind::Query, query.map(|(due_ms, _)| *due_ms));
        set(TimerKind::UpdateCaller, self.update_deadline_ms);
        if !self.is_running() {
            return due;
        }
        let state = &self.state;
        let workflow_task = state.workflow_task.current.as_ref().and_then(|task| {
            if task.is_started() {
                Some(task.started_ms + task.timeout_ms)
            } else {
                task.sticky_deadline_ms
            }
        });
        set(TimerKind::FirstWorkflowTask, state.first_workflow_task_ms);
        set(TimerKind::WorkflowTask, workflow_task);
        set(TimerKind::UserTimers, self.user_timers.next_due_ms());
        set(
            TimerKind::ActivityTimeouts,
            self.activities.next_timeout_ms(),
        );
        set(TimerKind::ActivityRetry, self.activities.next_retry_ms());
        set(
            TimerKind::NexusOperation,
            self.nexus_operations.next_due_ms(),
        );
        set(TimerKind::RunTimeout, state.run_expiration_ms);
        set(TimerKind::ExecutionTimeout, state.execution_expiration_ms);
        due
    }
}
