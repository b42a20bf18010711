//! Task queues as a report names them.

use crate::state::{
    service::Service,
    task_queues::{QueueKind, TaskQueue},
};

/// A task queue, what waits in it, and who waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskQueueSummary {
    /// Its name; a sticky queue has the name that its worker gave it.
    pub name: String,
    /// Whether its tasks are activity tasks; else they are workflow tasks and queries.
    pub is_activity: bool,
    /// How many tasks wait for a poll. Some may be stale: those are dropped when a poll meets them.
    pub backlog: usize,
    /// How many polls wait for a task.
    pub pollers: usize,
}

impl Service {
    /// The task queues that anybody ever polled or used, by kind and name.
    pub fn task_queues(&self) -> Vec<TaskQueueSummary> {
        let summary = |is_activity, (name, queue): (&String, &TaskQueue)| TaskQueueSummary {
            name: name.clone(),
            is_activity,
            backlog: queue.backlog.len(),
            pollers: queue.pollers.len(),
        };
        let workflow = self
            .task_queues
            .queues(QueueKind::Workflow)
            .iter()
            .map(|queue| summary(false, queue));
        let activity = self
            .task_queues
            .queues(QueueKind::Activity)
            .iter()
            .map(|queue| summary(true, queue));
        workflow.chain(activity).collect()
    }
}
