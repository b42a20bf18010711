//! Summaries of task queues, for reports.

use crate::state::{
    service::Service,
    task_queues::{QueueKind, TaskQueue},
};

/// A task queue, with its waiting tasks and polls.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskQueueSummary {
    /// The name. A worker names its own sticky queue.
    pub name: String,
    /// True if the tasks are activity tasks; otherwise they are workflow tasks and queries.
    pub is_activity: bool,
    /// The number of tasks that wait for a poll, including stale ones, which are dropped when a
    /// poll meets them.
    pub backlog: usize,
    /// The number of polls that wait for a task.
    pub pollers: usize,
}

impl Service {
    /// Returns the task queues that were ever polled or used, by kind and name.
    pub fn task_queues(&self) -> Vec<TaskQueueSummary> {
        let summary = |queue: &TaskQueue| TaskQueueSummary {
            name: queue.name.to_string(),
            is_activity: queue.kind == QueueKind::Activity,
            backlog: queue.backlog.len(),
            pollers: queue.pollers.len(),
        };
        let workflow = self.task_queues.of_kind(QueueKind::Workflow);
        let activity = self.task_queues.of_kind(QueueKind::Activity);
        workflow.chain(activity).map(summary).collect()
    }
}
