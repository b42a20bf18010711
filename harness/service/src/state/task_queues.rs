//! Task queues: the tasks that wait for pollers, and the pollers that wait for tasks.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    base::identifiers::{ActivityKey, RequestId, RunKey},
    run::nexus_operations::{NexusCall, NexusCaller},
    state::abroad::GuestRequest,
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

/// A task queue: its place among all that were ever used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueKey(usize);

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
        stamp: u32,
    },
    Nexus {
        caller: NexusCaller,
        call: NexusCall,
        attempt: i32,
    },
    /// An attempt of a standalone activity.
    ActivityExecution {
        activity: ActivityKey,
        stamp: u32,
    },
    /// A request of a run in another namespace.
    GuestRequest(GuestRequest),
    Query {
        query: u64,
        ordinal: u32,
    },
}

/// A poll that waits for a task.
#[derive(Clone, Debug)]
pub(crate) struct Poller {
    pub(crate) id: RequestId,
    pub(crate) identity: Arc<str>,
    pub(crate) is_sticky: bool,
}

/// One task queue.
#[derive(Debug)]
pub(crate) struct TaskQueue {
    pub(crate) kind: QueueKind,
    pub(crate) name: Arc<str>,
    pub(crate) backlog: VecDeque<Task>,
    pub(crate) pollers: VecDeque<Poller>,
    pub(crate) last_poll_ms: Option<u64>,
}

/// All task queues that were ever used.
#[derive(Debug, Default)]
pub(crate) struct TaskQueues {
    queues: Vec<TaskQueue>,
    /// The queues of each [`QueueKind`], by name.
    by_name: [BTreeMap<Arc<str>, QueueKey>; 3],
    /// The number of executions that were freed since the last search for their tasks.
    pub(crate) freed: usize,
}

impl TaskQueues {
    /// Returns the queues of a kind, by name.
    pub(crate) fn of_kind(&self, kind: QueueKind) -> impl Iterator<Item = &TaskQueue> {
        let keys = self.by_name[kind as usize].values();
        keys.map(|key| &self.queues[key.0])
    }

    pub(crate) fn find(&self, kind: QueueKind, name: &str) -> Option<&TaskQueue> {
        let key = self.by_name[kind as usize].get(name)?;
        Some(&self.queues[key.0])
    }

    pub(crate) fn find_mut(&mut self, kind: QueueKind, name: &str) -> Option<&mut TaskQueue> {
        let key = self.by_name[kind as usize].get(name)?;
        Some(&mut self.queues[key.0])
    }

    /// Returns the key of a queue, which begins empty.
    pub(crate) fn key(&mut self, kind: QueueKind, name: &str) -> QueueKey {
        if let Some(key) = self.by_name[kind as usize].get(name) {
            return *key;
        }
        let key = QueueKey(self.queues.len());
        let name: Arc<str> = name.into();
        self.by_name[kind as usize].insert(name.clone(), key);
        self.queues.push(TaskQueue {
            kind,
            name,
            backlog: VecDeque::new(),
            pollers: VecDeque::new(),
            last_poll_ms: None,
        });
        key
    }

    pub(crate) fn queue_mut(&mut self, key: QueueKey) -> &mut TaskQueue {
        &mut self.queues[key.0]
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut TaskQueue> {
        self.queues.iter_mut()
    }

    /// Removes a poll, and returns the kind of its queue; `None` if there is no such poll.
    pub(crate) fn cancel_poll(&mut self, id: RequestId) -> Option<QueueKind> {
        for queue in &mut self.queues {
            if let Some(place) = queue.pollers.iter().position(|poller| poller.id == id) {
                queue.pollers.remove(place);
                return Some(queue.kind);
            }
        }
        None
    }

    /// Returns `true` if a task waits on a queue that was polled within this time.
    pub(crate) fn awaits_poll(&self, now_ms: u64, within_ms: u64) -> bool {
        self.queues.iter().any(|queue| {
            let last_poll_ms = queue.last_poll_ms.unwrap_or(0);
            !queue.backlog.is_empty() && last_poll_ms + within_ms >= now_ms
        })
    }

    /// Returns `true` if a worker polls a workflow task queue, or did within this time.
    pub(crate) fn has_been_polled_within(&self, name: &str, now_ms: u64, ms: u64) -> bool {
        self.find(QueueKind::Workflow, name).is_some_and(|queue| {
            !queue.pollers.is_empty()
                || queue
                    .last_poll_ms
                    .is_some_and(|poll_ms| poll_ms + ms >= now_ms)
        })
    }

    /// Returns `true` if the worker of a sticky queue seems to be gone.
    pub(crate) fn is_sticky_worker_unavailable(&self, name: &str, now_ms: u64) -> bool {
        self.find(QueueKind::Workflow, name).is_none_or(|queue| {
            queue.pollers.is_empty()
                && queue
                    .last_poll_ms
                    .is_none_or(|poll_ms| poll_ms + STICKY_POLLER_UNAVAILABLE_MS < now_ms)
        })
    }
}
