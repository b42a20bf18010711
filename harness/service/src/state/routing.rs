//! The versions of the workers that tasks go to.
//!
//! A task waits in its queue until a worker of the right version polls. Which version that is can
//! change meanwhile, so it is asked when the two might meet.
//!
//! Source: `temporalio/temporal: service/matching/task_queue_partition_manager.go`
//! (`getPhysicalQueuesForAdd`).

use std::{collections::BTreeMap, sync::Arc};

use tonic::Status;

use crate::{
    api::{
        enums::{TaskQueueType, VersioningBehavior},
        workflow::VersioningOverride,
    },
    base::{
        identifiers::RunKey,
        versioning_override,
        versions::{Target, Version, with_colon},
    },
    deployments::VersionState,
    run::{Run, nexus_operations::NexusCaller},
    state::{
        service::Service,
        task_queues::{Poller, QueueKey, QueueKind, Task, TaskQueue, TaskQueues},
    },
};

/// The time for which a poller is remembered (`matching.PollerHistoryTTL`).
const POLLER_KNOWN_MS: u64 = 5 * 60 * 1000;

/// The workers that a task goes to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Route {
    /// The version; `None` for unversioned workers.
    pub(crate) version: Option<Version>,
    /// The revision of the routing that chose the version.
    pub(crate) revision: i64,
    /// The version that the task queue routes to, also if the run is pinned to another.
    pub(crate) target: Target,
}

/// The versioned workers that have polled a task queue.
#[derive(Debug, Default)]
pub(crate) struct VersionedPolls {
    /// The last poll of each version and worker, by name, build id and identity.
    last_ms: BTreeMap<(String, String, Arc<str>), u64>,
}

impl VersionedPolls {
    pub(crate) fn record(&mut self, version: &Version, identity: &Arc<str>, now_ms: u64) {
        let (name, build_id) = (version.deployment_name.clone(), version.build_id.clone());
        let key = (name, build_id, identity.clone());
        self.last_ms.insert(key, now_ms);
    }

    /// Records that a poll of this worker has lasted until now, unless the worker has shut down.
    pub(crate) fn renew(&mut self, version: &Version, identity: &Arc<str>, now_ms: u64) {
        let (name, build_id) = (version.deployment_name.clone(), version.build_id.clone());
        if let Some(last_ms) = self.last_ms.get_mut(&(name, build_id, identity.clone())) {
            *last_ms = now_ms;
        }
    }

    /// Forgets the polls of a worker that has shut down.
    pub(crate) fn forget(&mut self, identity: &str) {
        self.last_ms.retain(|(_, _, known), _| **known != *identity);
    }

    fn has_seen(&self, version: &Version, now_ms: u64) -> bool {
        self.last_ms.iter().any(|((name, build_id, _), last_ms)| {
            *name == version.deployment_name
                && *build_id == version.build_id
                && last_ms + POLLER_KNOWN_MS > now_ms
        })
    }
}

impl QueueKind {
    /// Returns the kind as messages have it.
    pub(crate) fn task_type(self) -> TaskQueueType {
        match self {
            Self::Workflow => TaskQueueType::Workflow,
            Self::Activity => TaskQueueType::Activity,
            Self::Nexus => TaskQueueType::Nexus,
        }
    }

    pub(crate) fn of_task_type(task_type: TaskQueueType) -> Self {
        match task_type {
            TaskQueueType::Activity => Self::Activity,
            TaskQueueType::Nexus => Self::Nexus,
            TaskQueueType::Workflow | TaskQueueType::Unspecified => Self::Workflow,
        }
    }
}

impl TaskQueues {
    /// Returns the test if a worker of a version has polled one of its task queues lately.
    pub(crate) fn have_pollers(&self, now_ms: u64) -> impl Fn(&VersionState) -> bool {
        move |state| self.have_pollers_of(state, now_ms)
    }

    fn have_pollers_of(&self, state: &VersionState, now_ms: u64) -> bool {
        state.queues.iter().any(|(name, kind)| {
            let queue = self.find(QueueKind::of_task_type(*kind), name);
            queue.is_some_and(|queue| {
                let mut standing = queue.pollers.iter();
                let polls = queue.versions.as_ref();
                standing.any(|poller| poller.version() == Some(&state.version))
                    || polls.is_some_and(|polls| polls.has_seen(&state.version, now_ms))
            })
        })
    }

    /// Returns `true` if a task queue has tasks that wait, or had new ones lately.
    pub(crate) fn is_in_use(&self, kind: TaskQueueType, name: &str, now_ms: u64) -> bool {
        let queue = self.find(QueueKind::of_task_type(kind), name);
        queue.is_some_and(|queue| {
            !queue.backlog.is_empty() || queue.backlog.has_had_tasks_lately(now_ms)
        })
    }
}

impl Service {
    /// Takes the first task of a queue that one of its pollers is for, and the poller; `None` too
    /// if the rate of the queue lets no task go now.
    pub(crate) fn next_match(&mut self, key: QueueKey) -> Option<(Task, Poller)> {
        let now_ms = self.now_ms;
        let queue = self.task_queues.queue(key);
        if queue.pollers.is_empty() || queue.backlog.is_empty() {
            return None;
        }
        let (place, poller) = if queue.versions.is_some() {
            let poller_for = |task: &Task| self.poller_for(queue, task);
            let (place, poller) = queue.backlog.find_map(poller_for)?;
            (Some(place), poller)
        } else {
            (None, 0)
        };
        if !self.task_queues.may_hand_out(key, now_ms) {
            return None;
        }
        let queue = self.task_queues.queue_mut(key);
        let task = match place {
            None => queue.backlog.pop_front(now_ms),
            Some(place) => queue.backlog.take(now_ms, place),
        };
        Some((task?, queue.pollers.remove(poller)?))
    }

    /// Returns the deployment version of the workers that take the workflow tasks of a run, as
    /// `NAME:BUILD_ID`; `None` for workers without one.
    pub(crate) fn version_of_workflow_tasks(&self, run: &Run) -> Option<String> {
        let route = self.route(run, TaskQueueType::Workflow, run.task_queue_name());
        route.version.as_ref().map(with_colon)
    }

    /// Returns the place of the first poller that a task is for.
    pub(crate) fn poller_for(&self, queue: &TaskQueue, task: &Task) -> Option<usize> {
        if queue.versions.is_none() {
            return (!queue.pollers.is_empty()).then_some(0);
        }
        let route = self.route_of_task(queue, task);
        let mut pollers = queue.pollers.iter();
        pollers.position(|poller| poller.version() == route.version.as_ref())
    }

    fn route_of_task(&self, queue: &TaskQueue, task: &Task) -> Route {
        let kind = queue.kind.task_type();
        let of_run = |run: RunKey| {
            let run = self.executions.find(run);
            run.map_or_else(Route::default, |run| self.route(run, kind, &queue.name))
        };
        match task {
            Task::Workflow { run, .. } | Task::Activity { run, .. } => of_run(*run),
            Task::Query { query, .. } => self
                .queries
                .get(*query)
                .map_or_else(Route::default, |query| of_run(query.run)),
            Task::ActivityExecution { activity, .. } => {
                let activity = self.activity_executions.find(*activity);
                let id = activity.map_or("", |activity| activity.activity_id());
                self.route_of_id(kind, &queue.name, id)
            }
            Task::Nexus {
                caller: NexusCaller::Run { .. } | NexusCaller::Execution(_),
                ..
            }
            | Task::GuestRequest(_) => self.route_of_id(kind, &queue.name, ""),
        }
    }

    /// Returns the workers that a task goes to which belongs to no run.
    fn route_of_id(&self, kind: TaskQueueType, queue: &str, id: &str) -> Route {
        let routing = self.deployments.routing(kind, queue);
        let target = routing.map(|routing| routing.target(id, false).clone());
        let target = target.unwrap_or_default();
        Route {
            version: target.version.clone(),
            revision: target.revision,
            target,
        }
    }

    /// Returns the workers that tasks of a run on a task queue go to.
    ///
    /// A pinned run stays on its version, except for activities on task queues that the version
    /// does not have. Any other run goes where the task queue routes it, unless it has seen a later
    /// routing of its deployment.
    pub(crate) fn route(&self, run: &Run, kind: TaskQueueType, queue: &str) -> Route {
        let state = &run.state;
        let routing = self.deployments.routing(kind, queue);
        let is_workflow = kind == TaskQueueType::Workflow;
        let target = routing.map_or_else(Target::default, |routing| {
            let uses_ramping = is_workflow && state.uses_ramping_version();
            routing.target(&run.workflow_id, uses_ramping).clone()
        });
        let own = state.effective_version();
        if state.effective_behavior() == VersioningBehavior::Pinned {
            let has_queue = |own| self.deployments.has_version(kind, queue, own);
            if is_workflow || own.is_some_and(has_queue) {
                return Route {
                    version: own.cloned(),
                    revision: target.revision,
                    target,
                };
            }
        }
        let Some(next) = &target.version else {
            return Route {
                target,
                ..Route::default()
            };
        };
        let seen = state.versioning.as_ref().map_or(0, |it| it.revision);
        let stays =
            own.filter(|own| own.deployment_name == next.deployment_name && target.revision < seen);
        match stays {
            Some(own) => Route {
                version: Some(own.clone()),
                revision: seen,
                target,
            },
            None => Route {
                version: target.version.clone(),
                revision: target.revision,
                target,
            },
        }
    }

    /// Returns `true` if the tasks of a run may go to the worker that keeps it in its cache: to the
    /// same version as to any worker of the normal queue.
    pub(crate) fn may_stay_sticky(&self, run: &Run) -> bool {
        if run.state.effective_behavior() == VersioningBehavior::Pinned {
            return true;
        }
        let kind = TaskQueueType::Workflow;
        let routing = self.deployments.routing(kind, run.task_queue_name());
        let target = routing.and_then(|routing| {
            let uses_ramping = run.state.uses_ramping_version();
            let target = routing.target(&run.workflow_id, uses_ramping);
            target.version.as_ref()
        });
        target.is_none() || target == run.state.effective_version()
    }

    /// Checks that workers of the version of an override have polled the task queue of a run.
    ///
    /// # Errors
    ///
    /// FAILED_PRECONDITION if they have not.
    pub(crate) fn check_override(
        &self,
        queue: &str,
        versioning: &VersioningOverride,
    ) -> Result<(), Status> {
        #[allow(deprecated, reason = "an override of the oldest kind is not checked")]
        let is_checked = versioning.deployment.is_none();
        let modern = versioning_override::modern(versioning.clone());
        let target = versioning_override::target(modern.as_ref()).filter(|_| is_checked);
        let kind = TaskQueueType::Workflow;
        match target {
            Some(version) if !self.deployments.has_version(kind, queue, version) => {
                Err(Status::failed_precondition(format!(
                    "Pinned version '{}' is not present in task queue '{queue}' of type 'Workflow'",
                    with_colon(version)
                )))
            }
            _ => Ok(()),
        }
    }

    /// Lets the version of an override drain again, if it had drained or never was active.
    pub(crate) fn reactivate(&mut self, versioning: Option<&VersioningOverride>) {
        if let Some(version) = versioning_override::target(versioning) {
            self.deployments.refresh(self.now_ms);
            self.deployments.reactivate(self.now_ms, version);
        }
    }

    /// Counts a run as pinned to the version that search attributes show, while it is open.
    pub(crate) fn count_pinned(&mut self, key: RunKey) {
        let run = self.executions.run_mut(key);
        let is_pinned =
            run.is_running() && run.state.shown_behavior() == VersioningBehavior::Pinned;
        let now = run.state.shown_version().filter(|_| is_pinned).cloned();
        if run.pinned_to == now {
            return;
        }
        let before = std::mem::replace(&mut run.pinned_to, now.clone());
        if let Some(before) = before {
            self.deployments.unpin(self.now_ms, &before);
        }
        if let Some(now) = now {
            self.deployments.pin(self.now_ms, &now);
        }
    }
}
