//! Task queues: the tasks that wait for pollers, and the pollers that wait for tasks.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    base::identifiers::{RequestId, RunKey},
    run::nexus_operations::NexusCall,
};

/// The time without a poll after which a sticky queue counts as abandoned (`temporalio/temporal:
/// service/matching/matching_engine.go`, `stickyPollerUnavailableWindow`).
const STICKY_POLLER_UNAVAILABLE_MS: u64 = 10_000;

/// The kinds of task queues, by their tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum QueueKind {
    Workflow,
    Activity,
    Nexus,
}

/// A task that waits for a poller.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    Workflow {
        run: RunKey,
        scheduled_event_id: i64,
    },
    Activity {
        run: RunKey,
        scheduled_event_id: i64,
        attempt: i32,
    },
    Nexus {
        run: RunKey,
        scheduled_event_id: i64,
        call: NexusCall,
        attempt: i32,
    },
    Query {
        query: u64,
        ordinal: u32,
    },
}

/// A poll that waits for a task.
#[derive(Clone, Debug)]
pub(crate) struct Poller {
    pub(crate) id: RequestId,
    pub(crate) identity: String,
    pub(crate) is_sticky: bool,
}

/// One task queue.
#[derive(Debug, Default)]
pub(crate) struct TaskQueue {
    pub(crate) backlog: VecDeque<Task>,
    pub(crate) pollers: VecDeque<Poller>,
    pub(crate) last_poll_ms: Option<u64>,
}

/// All task queues, by kind and name.
#[derive(Debug, Default)]
pub(crate) struct TaskQueues {
    workflow: BTreeMap<String, TaskQueue>,
    activity: BTreeMap<String, TaskQueue>,
    nexus: BTreeMap<String, TaskQueue>,
}

impl TaskQueues {
    pub(crate) fn queues(&self, kind: QueueKind) -> &BTreeMap<String, TaskQueue> {
        match kind {
            QueueKind::Workflow => &self.workflow,
            QueueKind::Activity => &self.activity,
            QueueKind::Nexus => &self.nexus,
        }
    }

    pub(crate) fn get_mut(&mut self, kind: QueueKind, name: &str) -> Option<&mut TaskQueue> {
        match kind {
            QueueKind::Workflow => &mut self.workflow,
            QueueKind::Activity => &mut self.activity,
            QueueKind::Nexus => &mut self.nexus,
        }
        .get_mut(name)
    }

    pub(crate) fn queue_mut(&mut self, kind: QueueKind, name: &str) -> &mut TaskQueue {
        let queues = match kind {
            QueueKind::Workflow => &mut self.workflow,
            QueueKind::Activity => &mut self.activity,
            QueueKind::Nexus => &mut self.nexus,
        };
        if !queues.contains_key(name) {
            queues.insert(name.to_owned(), TaskQueue::default());
        }
        queues.get_mut(name).expect("just inserted")
    }

    /// Removes the poll of a caller that has gone away.
    pub(crate) fn cancel_poll(&mut self, id: RequestId) {
        let queues = self.workflow.values_mut().chain(self.activity.values_mut());
        for queue in queues.chain(self.nexus.values_mut()) {
            queue.pollers.retain(|poller| poller.id != id);
        }
    }

    /// Returns `true` if a worker polls a workflow task queue, or did within this time.
    pub(crate) fn has_been_polled_within(&self, name: &str, now_ms: u64, ms: u64) -> bool {
        self.workflow.get(name).is_some_and(|queue| {
            !queue.pollers.is_empty()
                || queue
                    .last_poll_ms
                    .is_some_and(|poll_ms| poll_ms + ms >= now_ms)
        })
    }

    /// Returns `true` if the worker of a sticky queue seems to be gone.
    pub(crate) fn is_sticky_worker_unavailable(&self, name: &str, now_ms: u64) -> bool {
        self.workflow.get(name).is_none_or(|queue| {
            queue.pollers.is_empty()
                && queue
                    .last_poll_ms
                    .is_none_or(|poll_ms| poll_ms + STICKY_POLLER_UNAVAILABLE_MS < now_ms)
        })
    }
}
