//! The methods by which the service is driven: requests and the passing of time in, replies out.

use std::{mem, sync::Arc};

use crate::{
    api::HistoryEvent,
    base::{
        identifiers::{RequestId, derived_uuid},
        nexus_endpoints::NexusEndpoint,
    },
    executors::{deliveries, timers, transfers},
    frontend::{
        self, activity_executions, answer::Answer, batch_operations, callbacks,
        nexus_operation_executions, system_operations, update_workflow_execution, validate,
    },
    matching,
    messages::{reply::Reply, request::Request},
    state::{answers, service::Service, work::Work},
};

impl Service {
    /// Handles a request. [`Service::take_replies`] returns its reply at once or, for a long poll,
    /// much later.
    pub fn request(&mut self, now_ms: u64, id: RequestId, request: Request) {
        self.request_until(now_ms, id, request, None);
    }

    /// Handles a request of a caller that waits until `deadline_ms`, in milliseconds since the Unix
    /// epoch.
    ///
    /// A query or an update that has no answer by then is answered with DEADLINE_EXCEEDED. Other
    /// waits have no deadline. Neither has an update whose deadline is 20 s away or more: the
    /// server answers it before that, and clients ask again.
    pub fn request_until(
        &mut self,
        now_ms: u64,
        id: RequestId,
        request: Request,
        deadline_ms: Option<u64>,
    ) {
        self.advance(now_ms);
        self.expire_executions();
        let mut request = request;
        let handled = validate::validate(&mut request, &self.config, self.now_ms)
            .and_then(|()| frontend::handle(self, id, deadline_ms, request));
        match handled {
            Ok(Answer::Now(response)) => self.reply(id, Ok(response)),
            Ok(Answer::Later) => {}
            Err(status) => self.reply(id, Err(status)),
        }
        self.settle();
    }

    /// Cancels a request whose caller has gone away: its poll takes no task, and it gets no reply.
    pub fn cancel(&mut self, id: RequestId) {
        self.task_queues.cancel_poll(id, self.now_ms);
        answers::updates::cancel(self, id);
        for waiters in self.history_polls.values_mut() {
            waiters.retain(|waiter| waiter.id != id);
        }
        answers::queries::cancel(self, id);
        self.activity_executions.cancel_poll(id);
        self.nexus_operation_executions.cancel_poll(id);
    }

    /// Returns the time at which the next timer, the next delivery from one run to another, or the
    /// next action of a schedule is due.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.timers
            .next_due_ms()
            .into_iter()
            .chain(self.deliveries.next_due_ms())
            .chain(self.next_due_of_others_ms())
            .min()
    }

    /// Returns the time at which something is next due that belongs to no run.
    fn next_due_of_others_ms(&self) -> Option<u64> {
        let schedules = self.schedules.next_due_ms().into_iter();
        schedules.chain(self.next_due_beside_runs_ms()).min()
    }

    /// Returns the time at which something is next due that belongs to no run and no schedule.
    pub(super) fn next_due_beside_runs_ms(&self) -> Option<u64> {
        self.activity_executions
            .next_due_ms()
            .into_iter()
            .chain(self.nexus_operation_executions.next_due_ms())
            .chain(self.batch_operations.next_due_ms())
            .chain(self.task_queues.next_due_ms())
            .min()
    }

    /// Returns the number of things that are due. Each run that has deliveries to others counts
    /// once, and so does each timer by its run and kind, and each schedule.
    pub fn due(&mut self, now_ms: u64) -> usize {
        let of_runs = self.deliveries.due(now_ms) + self.timers.due(now_ms).len();
        let others_ms = self.next_due_of_others_ms();
        if others_ms.is_none_or(|due_ms| due_ms > now_ms) {
            return of_runs;
        }
        of_runs
            + self.schedules.due(now_ms).count()
            + self.activity_executions.due(now_ms).count()
            + self.nexus_operation_executions.due(now_ms).count()
            + self.batch_operations.due(now_ms).count()
            + self.task_queues.due(now_ms).count()
    }

    /// Fires one of the things that are due.
    ///
    /// The index counts first the deliveries between runs, which take no time on the server, then
    /// the timers, earliest first, then the schedules, then the standalone activities and Nexus
    /// operations, then the batch operations, and then the task queues whose rate lets a task go.
    /// All due timers that workflow code of one run started count as one, and fire in one
    /// transaction, as on the server. An index past [`Service::due`] fires nothing.
    pub fn fire(&mut self, now_ms: u64, index: usize) {
        self.advance(now_ms);
        self.expire_executions();
        match index.checked_sub(self.deliveries.due(now_ms)) {
            None => deliveries::deliver(self, index),
            Some(index) => {
                let timers = self.timers.due(now_ms);
                if let Some(&(_, run, kind)) = timers.get(index) {
                    timers::fire(self, run, kind);
                } else {
                    let timers = timers.len();
                    self.fire_beside_runs(index - timers);
                }
            }
        }
        self.settle();
    }

    /// Lets no schedule act any more by itself: nobody is left who waits for what it does.
    pub fn rest_schedules(&mut self) {
        self.schedules.rest();
    }

    /// Fires one of the things that are due beside those of runs: first the schedules, then the
    /// standalone activities and Nexus operations, then the batch operations, then the task queues
    /// with a rate.
    fn fire_beside_runs(&mut self, index: usize) {
        let now_ms = self.now_ms;
        let schedules = self.schedules.due(now_ms).count();
        let Some(index) = index.checked_sub(schedules) else {
            return frontend::schedules::fire(self, index);
        };
        let activity = self.activity_executions.due(now_ms).nth(index);
        if let Some(activity) = activity {
            return activity_executions::fire(self, activity);
        }
        let index = index - self.activity_executions.due(now_ms).count();
        let operation = self.nexus_operation_executions.due(now_ms).nth(index);
        if let Some(operation) = operation {
            return nexus_operation_executions::fire(self, operation);
        }
        let index = index - self.nexus_operation_executions.due(now_ms).count();
        let batch = self.batch_operations.due(now_ms).nth(index);
        if let Some(batch) = batch {
            return batch_operations::fire(self, batch);
        }
        let index = index - self.batch_operations.due(now_ms).count();
        let queue = self.task_queues.due(now_ms).nth(index);
        if let Some(queue) = queue {
            matching::resume(self, queue);
        }
    }

    /// Returns `true` if there are replies to take.
    pub fn has_replies(&self) -> bool {
        !self.replies.is_empty()
    }

    /// Returns the replies since the last call, in order.
    pub fn take_replies(&mut self) -> Vec<Reply> {
        mem::take(&mut self.replies)
    }

    /// Returns the history of a run; without a run id, of the last run of the workflow id.
    pub fn history(&self, workflow_id: &str, run_id: Option<&str>) -> Option<&[Arc<HistoryEvent>]> {
        let key = match run_id {
            Some(run_id) => self.executions.by_run_id(workflow_id, run_id)?,
            None => self.executions.current(workflow_id)?,
        };
        Some(self.executions.run(key).history.events())
    }

    /// Returns the history of every run, in the order in which the runs started.
    pub fn histories(&self) -> impl Iterator<Item = &[Arc<HistoryEvent>]> {
        self.executions.iter().map(|run| run.history.events())
    }

    /// Does the work that transactions left for later, in order, until none is left.
    pub(super) fn settle(&mut self) {
        while let Some(work) = self.work.pop_front() {
            match work {
                Work::Transfer(transfer) => transfers::execute(self, transfer),
                Work::SystemOperation {
                    run,
                    scheduled_event_id,
                } => system_operations::start(self, run, scheduled_event_id),
                Work::Callbacks { run } => callbacks::call(self, run),
                Work::UpdateCallbacks { run } => callbacks::call_of_updates(self, run),
                Work::ActivityCallbacks { activity } => callbacks::call_of_activity(self, activity),
                Work::MovedUpdate { waiter, run } => {
                    update_workflow_execution::resubmit(self, run, *waiter);
                }
                Work::UpdateWithStart { waiter } => {
                    update_workflow_execution::start_again(self, *waiter);
                }
            }
        }
        self.free_deleted();
        if self.config.reimports {
            self.reimport();
        }
    }

    /// Creates a Nexus endpoint. The workers that poll `task_queue` for Nexus tasks handle its
    /// operations.
    ///
    /// An existing endpoint gets the new task queue. On the server,
    /// `OperatorService.CreateNexusEndpoint` creates endpoints.
    pub fn create_nexus_endpoint(
        &mut self,
        name: impl Into<String>,
        task_queue: impl Into<String>,
    ) {
        let (name, task_queue) = (name.into(), task_queue.into());
        let id = derived_uuid(&format!("nexus endpoint {name}"), 0);
        let namespace = self.config.namespace.clone();
        let endpoint = NexusEndpoint {
            id,
            namespace,
            task_queue,
        };
        self.nexus_endpoints.insert(name, endpoint);
    }
}
