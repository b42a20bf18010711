//! Task queues: the tasks that wait for pollers, and the pollers that wait for tasks.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use crate::{
    api::rpc::{PollActivityTaskQueueResponse, PollNexusTaskQueueResponse},
    base::{
        identifiers::{ActivityKey, RequestId, RunKey},
        versions::{Version, WorkerVersion},
    },
    messages::{polled_workflow_task::PolledWorkflowTask, request::Response},
    run::nexus_operations::{NexusCall, NexusCaller},
    state::{
        abroad::GuestRequest,
        backlog::{Backlog, Level},
        rate_limits::RateLimit,
        routing::VersionedPolls,
        service::Service,
    },
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

impl QueueKind {
    /// Returns the answer to a poll that gets no task.
    pub(crate) fn no_task(self) -> Response {
        match self {
            Self::Workflow => PolledWorkflowTask::default().into(),
            Self::Activity => PollActivityTaskQueueResponse::default().into(),
            Self::Nexus => PollNexusTaskQueueResponse::default().into(),
        }
    }
}

/// A task queue: its place among all that were ever used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

impl Service {
    /// Sets the rate that the worker of a poll has for its queue.
    pub(crate) fn set_worker_rate(&mut self, queue: QueueKey, rate: Option<f64>) {
        let now_ms = self.now_ms;
        let limit = &mut self.task_queues.queue_mut(queue).limit;
        if limit.is_some() || rate.is_some() {
            limit.get_or_insert_default().set_worker_rate(now_ms, rate);
        }
    }

    /// Returns the level of a task among those that wait with it.
    pub(crate) fn level(&self, task: &Task) -> Level {
        let of_run = |run: RunKey| {
            let run = self.executions.find(run);
            run.and_then(|run| run.state.options.priority.as_ref())
        };
        match task {
            Task::Workflow { run, .. } => Level::of(of_run(*run)),
            Task::Activity {
                run,
                scheduled_event_id,
                ..
            } => {
                let run = self.executions.find(*run);
                Level::of(
                    run.and_then(|run| run.activity_priority(*scheduled_event_id))
                        .as_ref(),
                )
            }
            Task::ActivityExecution { activity, .. } => {
                let activity = self.activity_executions.find(*activity);
                Level::of(activity.and_then(|it| it.request.priority.as_ref()))
            }
            Task::Query { query, .. } => {
                let query = self.queries.get(*query);
                Level::of(query.and_then(|query| of_run(query.run)))
            }
            Task::Nexus { .. } | Task::GuestRequest(_) => Level::default(),
        }
    }
}

/// A poll that waits for a task.
#[derive(Clone, Debug)]
pub(crate) struct Poller {
    pub(crate) id: RequestId,
    pub(crate) identity: Arc<str>,
    /// The instance key of its worker; empty for a worker that has none.
    pub(crate) worker: Arc<str>,
    pub(crate) is_sticky: bool,
    /// The version of its worker, if it has one or a build id.
    pub(crate) worker_version: Option<Arc<WorkerVersion>>,
}

impl Poller {
    /// Returns the version of the worker; `None` if it is unversioned.
    pub(crate) fn version(&self) -> Option<&Version> {
        self.worker_version.as_ref()?.version.as_ref()
    }
}

/// One task queue.
#[derive(Debug)]
pub(crate) struct TaskQueue {
    pub(crate) kind: QueueKind,
    pub(crate) name: Arc<str>,
    pub(crate) backlog: Backlog,
    pub(crate) pollers: VecDeque<Poller>,
    pub(crate) last_poll_ms: Option<u64>,
    /// The rate, if anybody has ever set one.
    pub(crate) limit: Option<Box<RateLimit>>,
    /// The versioned workers that have polled the queue; `None` while it has only unversioned
    /// workers, and only tasks for such.
    pub(crate) versions: Option<Box<VersionedPolls>>,
}

/// All task queues that were ever used.
#[derive(Debug, Default)]
pub(crate) struct TaskQueues {
    queues: Vec<TaskQueue>,
    /// The queues of each [`QueueKind`], by name.
    by_name: [BTreeMap<Arc<str>, QueueKey>; 3],
    /// The queues with a task and a poller that wait for the time at which the task may go.
    limited: BTreeSet<(u64, QueueKey)>,
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
            backlog: Backlog::default(),
            pollers: VecDeque::new(),
            last_poll_ms: None,
            limit: None,
            versions: None,
        });
        key
    }

    pub(crate) fn queue(&self, key: QueueKey) -> &TaskQueue {
        &self.queues[key.0]
    }

    /// Forgets that a worker has polled, which has shut down.
    pub(crate) fn forget_poller(&mut self, identity: &str) {
        for polls in self.queues.iter_mut().filter_map(|it| it.versions.as_mut()) {
            polls.forget(identity);
        }
    }

    pub(crate) fn queue_mut(&mut self, key: QueueKey) -> &mut TaskQueue {
        &mut self.queues[key.0]
    }

    /// Returns `true` if a task of a queue may go now. Otherwise the queue is due when it may.
    pub(crate) fn may_hand_out(&mut self, key: QueueKey, now_ms: u64) -> bool {
        let Some(limit) = &mut self.queues[key.0].limit else {
            return true;
        };
        let ready_ms = limit.ready_ms();
        let waits_ms = ready_ms.filter(|ready_ms| *ready_ms > now_ms);
        if limit.armed_ms != waits_ms {
            if let Some(armed_ms) = limit.armed_ms {
                self.limited.remove(&(armed_ms, key));
            }
            if let Some(waits_ms) = waits_ms {
                self.limited.insert((waits_ms, key));
            }
            limit.armed_ms = waits_ms;
        }
        ready_ms.is_some() && waits_ms.is_none()
    }

    /// Returns the time at which the next task may go that waits for it.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.limited.first().map(|(due_ms, _)| *due_ms)
    }

    /// Returns the queues whose tasks have waited long enough, earliest first.
    pub(crate) fn due(&self, now_ms: u64) -> impl Iterator<Item = QueueKey> {
        let due = self.limited.iter();
        let due = due.take_while(move |(due_ms, _)| *due_ms <= now_ms);
        due.map(|(_, key)| *key)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut TaskQueue> {
        self.queues.iter_mut()
    }

    /// Removes a workflow task from the queues of these names.
    pub(crate) fn withdraw_workflow_task(&mut self, names: &[&str], of: RunKey) {
        for name in names {
            if let Some(queue) = self.find_mut(QueueKind::Workflow, name) {
                let is_of_run =
                    |task: &Task| matches!(task, Task::Workflow { run, .. } if *run == of);
                queue.backlog.retain(|task| !is_of_run(task));
            }
        }
    }

    /// Removes a poll, and returns the kind of its queue; `None` if there is no such poll.
    pub(crate) fn cancel_poll(&mut self, id: RequestId, now_ms: u64) -> Option<QueueKind> {
        for queue in &mut self.queues {
            if let Some(place) = queue.pollers.iter().position(|poller| poller.id == id) {
                let poller = queue.pollers.remove(place)?;
                if let (Some(polls), Some(version)) = (&mut queue.versions, poller.version()) {
                    polls.renew(version, &poller.identity, now_ms);
                }
                return Some(queue.kind);
            }
        }
        None
    }

    /// Removes the polls of a worker, and returns them with the kinds of their queues.
    pub(crate) fn take_polls_of(&mut self, worker: &str) -> Vec<(QueueKind, Poller)> {
        let mut taken = Vec::new();
        for queue in &mut self.queues {
            let (of_worker, others) = std::mem::take(&mut queue.pollers)
                .into_iter()
                .partition(|poller| &*poller.worker == worker);
            queue.pollers = others;
            let of_worker: VecDeque<Poller> = of_worker;
            taken.extend(of_worker.into_iter().map(|poller| (queue.kind, poller)));
        }
        taken
    }

    /// Returns `true` if a task waits on a queue that was polled within this time.
    pub(crate) fn awaits_poll(&self, now_ms: u64, within_ms: u64) -> bool {
        self.queues.iter().any(|queue| {
            let last_poll_ms = queue.last_poll_ms.unwrap_or(0);
            let waits = !queue.backlog.is_empty() && queue.pollers.is_empty();
            waits && last_poll_ms + within_ms >= now_ms
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
