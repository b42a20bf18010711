//! The tasks that workers have, as the answers to their polls show them.

use std::collections::BTreeMap;

use durasim_service::{PolledWorkflowTask, Request};
use temporalio_protos::temporal::api::{
    enums::v1::TaskQueueKind, taskqueue::v1::TaskQueue,
    workflowservice::v1::PollActivityTaskQueueResponse,
};

use crate::{
    faults::{Allowance, DEFAULT_TASK_TIMEOUT_MS, Need, RunTimes, limit_ms},
    label::{Label, Name, Workflow, Workflows},
};

/// The tasks that were handed out, by token, without those that are done.
#[derive(Default)]
pub(super) struct Tasks {
    workflow: BTreeMap<Vec<u8>, WorkflowTask>,
    attempts: BTreeMap<Vec<u8>, Attempt>,
}

/// A workflow task that a worker has.
#[derive(Clone)]
pub(super) struct WorkflowTask {
    pub(super) workflow: Workflow,
    pub(super) task_queue: String,
    pub(super) attempt: i32,
}

/// An attempt of an activity that a worker has.
#[derive(Clone)]
pub(super) struct Attempt {
    pub(super) workflow: Workflow,
    pub(super) activity_type: Name,
    pub(super) task_queue: String,
    pub(super) number: u32,
    pub(super) allowance: Allowance,
    pub(super) heartbeats: u32,
    /// True if the service hears of no heartbeat any more.
    pub(super) is_mute: bool,
}

impl Attempt {
    pub(super) fn label(&self) -> Label {
        Label::Attempt(self.workflow, self.activity_type)
    }
}

impl Tasks {
    /// Notes a workflow task that a worker gets, and returns it with the times of its run.
    pub(super) fn workflow_task(
        &mut self,
        names: &mut Workflows,
        task_queue: &str,
        task: &PolledWorkflowTask,
    ) -> (WorkflowTask, RunTimes) {
        let id = task.workflow_execution.as_ref();
        let id = id.map_or("", |execution| &execution.workflow_id);
        let workflow_type = task.workflow_type.as_ref().map_or("", |it| &it.name);
        let noted = WorkflowTask {
            workflow: names.appears(id, workflow_type),
            task_queue: task_queue.to_owned(),
            attempt: task.attempt,
        };
        self.workflow.insert(task.task_token.clone(), noted.clone());
        let mut events = task.events().iter().rev();
        let timeout_ms = events.find_map(|event| match &event.attributes {
            Some(durasim_events::Attributes::WorkflowTaskScheduledEventAttributes(scheduled)) => {
                limit_ms(scheduled.start_to_close_timeout.as_ref())
            }
            _ => None,
        });
        let times = RunTimes {
            task_timeout_ms: timeout_ms.unwrap_or(DEFAULT_TASK_TIMEOUT_MS),
            needed_from_ms: None,
        };
        (noted, times)
    }

    /// Notes an attempt of an activity that a worker gets.
    pub(super) fn attempt(
        &mut self,
        names: &mut Workflows,
        task_queue: &str,
        task: &PollActivityTaskQueueResponse,
    ) -> Attempt {
        let id = task.workflow_execution.as_ref();
        let id = id.map_or("", |execution| &execution.workflow_id);
        let workflow_type = task.workflow_type.as_ref().map_or("", |it| &it.name);
        let activity_type = task.activity_type.as_ref().map_or("", |it| &it.name);
        let attempt = Attempt {
            workflow: names.appears(id, workflow_type),
            activity_type: Name::new(activity_type),
            task_queue: task_queue.to_owned(),
            number: u32::try_from(task.attempt).unwrap_or(1),
            allowance: Allowance::of(task, None, Need::default()),
            heartbeats: 0,
            is_mute: false,
        };
        self.attempts
            .insert(task.task_token.clone(), attempt.clone());
        attempt
    }

    pub(super) fn of_workflow(&self, token: &[u8]) -> Option<&WorkflowTask> {
        self.workflow.get(token)
    }

    pub(super) fn of_attempt(&mut self, token: &[u8]) -> Option<&mut Attempt> {
        self.attempts.get_mut(token)
    }

    /// Forgets a task that is done.
    pub(super) fn done(&mut self, token: &[u8]) {
        self.workflow.remove(token);
        self.attempts.remove(token);
    }
}

/// Returns the name of a task queue that is the same in each run: sticky queues have random ones.
pub(super) fn queue_name(queue: Option<&TaskQueue>) -> &str {
    queue.map_or("", |queue| {
        if queue.kind() == TaskQueueKind::Sticky {
            &queue.normal_name
        } else {
            &queue.name
        }
    })
}

/// Returns the token of the task that a worker is done with by this request, if it is one.
pub(super) fn token_of(request: &Request) -> &[u8] {
    match request {
        Request::RespondWorkflowTaskCompleted(it) => &it.task_token,
        Request::RespondWorkflowTaskFailed(it) => &it.task_token,
        Request::RespondActivityTaskCompleted(it) => &it.task_token,
        Request::RespondActivityTaskFailed(it) => &it.task_token,
        Request::RespondActivityTaskCanceled(it) => &it.task_token,
        _ => &[],
    }
}
