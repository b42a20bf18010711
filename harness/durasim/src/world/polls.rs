//! The polls of a worker process: made once when it starts, and sent again whenever one is matched
//! with a task.

use super::process::WorkerCall;
use durasim_service::Request;
use std::rc::Rc;
use temporalio_protos::temporal::api::{
    enums::v1::TaskQueueKind,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{PollActivityTaskQueueRequest, PollWorkflowTaskQueueRequest},
};

/// What a process asks for tasks with.
pub(crate) struct Polls {
    workflow: Poll,
    sticky: Poll,
    activity: Poll,
    sticky_queue: String,
}

/// A poll, and what it is called in choices and traces.
pub(crate) struct Poll {
    pub(crate) label: Rc<str>,
    pub(crate) request: Request,
}

impl Polls {
    pub(crate) fn new(namespace: &str, task_queue: &str, identity: &str) -> Self {
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
        let workflow_label: Rc<str> = format!("{task_queue}/workflow task").into();
        let workflow = |task_queue| Poll {
            label: workflow_label.clone(),
            request: PollWorkflowTaskQueueRequest {
                namespace: namespace.to_owned(),
                task_queue: Some(task_queue),
                identity: identity.to_owned(),
                ..Default::default()
            }
            .into(),
        };
        let activity = PollActivityTaskQueueRequest {
            namespace: namespace.to_owned(),
            task_queue: Some(normal.clone()),
            identity: identity.to_owned(),
            ..Default::default()
        };
        Self {
            workflow: workflow(normal),
            sticky: workflow(sticky),
            activity: Poll {
                label: format!("{task_queue}/activity task").into(),
                request: activity.into(),
            },
            sticky_queue,
        }
    }

    /// The poll that a call is.
    pub(crate) fn of(&self, call: &WorkerCall) -> &Poll {
        match call {
            WorkerCall::PollWorkflowTask { sticky: false } => &self.workflow,
            WorkerCall::PollWorkflowTask { sticky: true } => &self.sticky,
            _ => &self.activity,
        }
    }

    /// The queue of the process's own, for the runs that it keeps.
    pub(crate) fn sticky_queue(&self) -> &str {
        &self.sticky_queue
    }
}
