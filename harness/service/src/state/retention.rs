//! The end of closed executions: they are deleted after their retention, and deleted ones are
//! freed.
//!
//! Nobody sees the time between the end of a retention and the next request, so no timer is set:
//! each request and each timer begins with the deletions that are due. A deleted execution is freed
//! when nothing refers to it any more, as the server deletes it after the tasks of its end.
//!
//! Source: `temporalio/temporal: service/history/timer_queue_task_executor_base.go`
//! (`executeDeleteHistoryEventTask`), `service/history/transfer_queue_task_executor_base.go`
//! (`processDeleteExecutionTask`).

use crate::{
    base::{config::Retention, identifiers::RunKey},
    run::nexus_operations::NexusCaller,
    state::{service::Service, task_queues::Task},
};

/// The number of freed executions after which task queues are searched for their tasks.
const SWEEP: usize = 1_000;

impl Service {
    /// Notes the time at which the retention of a closed run ends.
    pub(crate) fn retain_run(&mut self, key: RunKey) {
        let run = self.executions.run(key);
        let close_ms = run.state.close_ms.unwrap_or(self.now_ms);
        if let Some(ends_ms) = self.config.retention.ends_ms(close_ms, &run.run_id) {
            self.executions.store.keep_until(key, ends_ms);
        }
    }

    /// Notes the time at which the retention of a schedule ends, if the schedule has closed.
    pub(crate) fn retain_schedule(&mut self, id: &str) {
        let ends_ms = self.config.retention.ends_ms(self.now_ms, id);
        if let Some(ends_ms) = ends_ms {
            self.schedules.forget_at(id, ends_ms);
        }
    }

    /// Deletes the executions whose retention is over.
    pub(crate) fn expire_executions(&mut self) {
        self.executions.store.expire(self.now_ms);
        self.activity_executions.store.expire(self.now_ms);
        self.nexus_operation_executions.store.expire(self.now_ms);
        self.batch_operations.store.expire(self.now_ms);
        self.schedules.expire(self.now_ms);
    }

    /// Frees the deleted executions to which nothing refers any more.
    pub(crate) fn free_deleted(&mut self) {
        if self.config.retention == Retention::Life {
            return;
        }
        let mut freed = 0;
        for key in self.executions.store.deleted() {
            if !self.is_referred_to(key) {
                self.executions.free(key);
                self.history_polls.remove(&key);
                self.update_waiters.by_run.remove(&key);
                freed += 1;
            }
        }
        freed += self.activity_executions.free_deleted();
        freed += self.nexus_operation_executions.free_deleted();
        freed += self.batch_operations.free_deleted();
        if freed > 0 {
            self.sweep(freed);
        }
    }

    /// Returns `true` if a delivery comes from this closed run, or a caller waits for its answer.
    fn is_referred_to(&self, key: RunKey) -> bool {
        let mut queries = self.queries.pending.values();
        let waiters = self.update_waiters.by_run.get(&key);
        self.deliveries.any_from(key)
            || queries.any(|query| query.run == key)
            || waiters.is_some_and(|waiters| !waiters.is_empty())
    }

    /// Counts executions as freed, and drops their tasks after every so many.
    fn sweep(&mut self, freed: usize) {
        self.task_queues.freed += freed;
        if self.task_queues.freed < SWEEP {
            return;
        }
        let mut task_queues = std::mem::take(&mut self.task_queues);
        task_queues.freed = 0;
        for queue in task_queues.iter_mut() {
            queue.backlog.retain(|task| !self.is_gone(task));
        }
        self.task_queues = task_queues;
    }

    /// Returns `true` if the execution of a task was deleted, or the caller of a query has gone.
    pub(crate) fn is_gone(&self, task: &Task) -> bool {
        match task {
            Task::Workflow { run, .. } | Task::Activity { run, .. } => {
                self.executions.find(*run).is_none()
            }
            Task::Nexus { caller, .. } => match caller {
                NexusCaller::Run { run, .. } => self.executions.find(*run).is_none(),
                NexusCaller::Execution(key) => self.nexus_operation_executions.find(*key).is_none(),
            },
            Task::ActivityExecution { activity, .. } => {
                self.activity_executions.find(*activity).is_none()
            }
            Task::Query { query, .. } => self.queries.get(*query).is_none(),
            // Its own namespace knows.
            Task::GuestRequest(_) => false,
        }
    }
}
