//! The deadlines of a run's timers.

use crate::run::{Run, timers::TimerKind};

impl Run {
    /// Returns the time at which the next thing of this kind falls due, if one does. A closed run
    /// waits for nothing.
    pub(crate) fn due_ms(&self, kind: TimerKind) -> Option<u64> {
        match kind {
            // Closed runs are queried too.
            TimerKind::Query => return self.query_timers.first().map(|(due_ms, _)| *due_ms),
            TimerKind::UpdateCaller => return self.update_deadline_ms,
            _ => {}
        }
        if !self.is_running() {
            return None;
        }
        match kind {
            TimerKind::FirstWorkflowTask => self.state.first_workflow_task_ms,
            TimerKind::WorkflowTask => self.state.workflow_task.current.as_ref().and_then(|task| {
                if task.is_started() {
                    Some(task.started_ms + task.timeout_ms)
                } else {
                    task.sticky_deadline_ms
                }
            }),
            TimerKind::UserTimers => self.user_timers.next_due_ms(),
            TimerKind::ActivityTimeouts => self.activities.next_timeout_ms(),
            TimerKind::ActivityRetry => self.activities.next_retry_ms(),
            TimerKind::NexusOperation => self.nexus_operations.next_due_ms(),
            TimerKind::RunTimeout => self.state.run_expiration_ms,
            TimerKind::Query | TimerKind::UpdateCaller => None,
            TimerKind::ExecutionTimeout => self.state.execution_expiration_ms,
        }
    }
}
