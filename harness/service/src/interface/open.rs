//! The runs and the standalone activities that have not closed.

use crate::{
    activity_execution::ActivityExecution, interface::inspect::PendingActivitySummary,
    state::service::Service,
};

impl Service {
    /// Returns the number of open runs, of open standalone activities and Nexus operations, and of
    /// batch operations that have not ended.
    pub fn open_executions(&self) -> usize {
        let runs = self.executions.iter().filter(|run| run.is_running());
        let operations = self.nexus_operation_executions.iter();
        let operations = operations.filter(|operation| !operation.is_closed());
        let batches = self.batch_operations.iter();
        let batches = batches.filter(|operation| !operation.is_closed());
        runs.count() + self.open_activities().count() + operations.count() + batches.count()
    }

    fn open_activities(&self) -> impl Iterator<Item = &ActivityExecution> {
        let activities = self.activity_executions.iter();
        activities.filter(|activity| !activity.is_closed())
    }

    /// Returns the standalone activities that have not closed, each with its id, in the order in
    /// which they were started.
    pub fn open_activity_executions(&self) -> Vec<(String, PendingActivitySummary)> {
        let summary = |activity: &ActivityExecution| PendingActivitySummary {
            activity_type: activity.activity_type().to_owned(),
            task_queue: activity.task_queue().to_owned(),
            attempt: activity.attempt,
            started: activity.is_started(),
            paused: false,
            last_failure: activity.last_failure.as_ref().map(|it| it.message.clone()),
        };
        self.open_activities()
            .map(|activity| (activity.activity_id().to_owned(), summary(activity)))
            .collect()
    }
}
