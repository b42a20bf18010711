//! The polls of a worker process: made once when it starts, and sent again whenever one is matched
//! with a task.

use durasim_service::{Request, Service, StandingPoll};
use durasim_worker::WorkflowWorkerOptions;
use temporalio_protos::temporal::api::{
    enums::v1::TaskQueueKind,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{PollActivityTaskQueueRequest, PollWorkflowTaskQueueRequest},
};

use crate::label::{Label, Name, TaskKind};

/// The kinds of poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(clippy::enum_variant_names, reason = "Temporal's own words")]
pub(crate) enum PollKind {
    WorkflowTask,
    /// For workflow tasks of the runs that the process keeps.
    StickyWorkflowTask,
    ActivityTask,
}

/// The polls of one process.
pub(super) struct Polls {
    workflow: Poll,
    sticky: Poll,
    activity: Poll,
    sticky_queue: String,
}

/// A poll.
pub(super) struct Poll {
    pub(super) label: Label,
    /// The poll as the service has checked it; `None` if the service refuses it. The worker of such
    /// a poll gets no tasks, and a failure says that nobody takes them.
    pub(super) standing: Option<StandingPoll>,
}

impl Poll {
    fn new(service: &mut Service, label: Label, request: Request) -> Self {
        let standing = service.standing_poll(request).ok();
        Self { label, standing }
    }
}

impl Polls {
    #[allow(deprecated, reason = "Core still sends the build id with each poll")]
    pub(super) fn new(
        service: &mut Service,
        namespace: &str,
        task_queue: &str,
        options: &WorkflowWorkerOptions,
    ) -> Self {
        let identity = &options.identity;
        let sticky_queue = format!("{identity}-sticky");
        let normal = TaskQueue {
            name: task_queue.to_owned(),
            kind: TaskQueueKind::Normal.into(),
            normal_name: String::new(),
        };
        let sticky = TaskQueue {
            name: sticky_queue.clone(),
            kind: TaskQueueKind::Sticky.into(),
            normal_name: task_queue.to_owned(),
        };
        let queue = Name::new(task_queue);
        let mut workflow = |task_queue| {
            let request = PollWorkflowTaskQueueRequest {
                namespace: namespace.to_owned(),
                task_queue: Some(task_queue),
                identity: identity.clone(),
                worker_version_capabilities: options.version_capabilities(),
                deployment_options: options.deployment(),
                ..Default::default()
            };
            let label = Label::Task(queue, TaskKind::Workflow);
            Poll::new(service, label, request.into())
        };
        let (workflow, sticky) = (workflow(normal.clone()), workflow(sticky));
        let activity = PollActivityTaskQueueRequest {
            namespace: namespace.to_owned(),
            task_queue: Some(normal),
            identity: identity.clone(),
            worker_version_capabilities: options.version_capabilities(),
            deployment_options: options.deployment(),
            ..Default::default()
        };
        Self {
            workflow,
            sticky,
            activity: Poll::new(
                service,
                Label::Task(queue, TaskKind::Activity),
                activity.into(),
            ),
            sticky_queue,
        }
    }

    /// Returns the poll of this kind.
    pub(super) fn of(&self, kind: PollKind) -> &Poll {
        match kind {
            PollKind::WorkflowTask => &self.workflow,
            PollKind::StickyWorkflowTask => &self.sticky,
            PollKind::ActivityTask => &self.activity,
        }
    }

    /// Returns the name of the process's own queue, for the runs that it keeps.
    pub(super) fn sticky_queue(&self) -> &str {
        &self.sticky_queue
    }
}
