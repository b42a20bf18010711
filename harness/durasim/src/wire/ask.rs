//! The questions that the wire asks the faults, one for each kind of message.

use durasim_service::{Request, Response, Rpc};
use tonic::Status;

use super::{Lateness, Outage, Passage, Pending, Wire, tasks::queue_name};
use crate::{
    faults::{
        AttemptFate, AttemptMoment, AttemptView, CALL_TIMEOUT_MS, CallView, Delay, Direction, Fate,
        Lazily, TaskFate, TaskMoment, TaskView,
    },
    label::{AttemptMessage, Label, Name, TaskKind, WorkflowTaskMessage},
};

impl Wire {
    /// Returns the label of a request and, if a worker sends it, the worker's task queue.
    pub(super) fn about(&mut self, request: &Request) -> (Label, Option<String>) {
        let poll = |queue, kind| {
            let name = queue_name(queue);
            let label = Label::Task(Name::new(name), kind);
            (label, Some(name.to_owned()))
        };
        match request {
            Request::PollWorkflowTaskQueue(it) => poll(it.task_queue.as_ref(), TaskKind::Workflow),
            Request::PollActivityTaskQueue(it) => poll(it.task_queue.as_ref(), TaskKind::Activity),
            Request::RespondWorkflowTaskCompleted(it) => self.about_task(
                &it.task_token,
                WorkflowTaskMessage::Completed,
                request.rpc(),
            ),
            Request::RespondWorkflowTaskFailed(it) => {
                self.about_task(&it.task_token, WorkflowTaskMessage::Failed, request.rpc())
            }
            Request::RespondActivityTaskCompleted(it) => {
                self.about_attempt(&it.task_token, AttemptMessage::Completed, request.rpc())
            }
            Request::RespondActivityTaskFailed(it) => {
                self.about_attempt(&it.task_token, AttemptMessage::Failed, request.rpc())
            }
            Request::RespondActivityTaskCanceled(it) => {
                self.about_attempt(&it.task_token, AttemptMessage::Canceled, request.rpc())
            }
            Request::RecordActivityTaskHeartbeat(it) => {
                self.about_attempt(&it.task_token, AttemptMessage::Heartbeat, request.rpc())
            }
            _ => (Label::of_call(&mut self.names, request), None),
        }
    }

    fn about_task(
        &self,
        token: &[u8],
        message: WorkflowTaskMessage,
        rpc: Rpc,
    ) -> (Label, Option<String>) {
        match self.tasks.of_workflow(token) {
            Some(task) => {
                let label = Label::WorkflowTask(task.workflow, message);
                (label, Some(task.task_queue.clone()))
            }
            None => (Label::Rpc(rpc), None),
        }
    }

    fn about_attempt(
        &mut self,
        token: &[u8],
        message: AttemptMessage,
        rpc: Rpc,
    ) -> (Label, Option<String>) {
        match self.tasks.of_attempt(token) {
            Some(attempt) => {
                let label = Label::AttemptMessage(attempt.workflow, attempt.activity_type, message);
                (label, Some(attempt.task_queue.clone()))
            }
            None => (Label::Rpc(rpc), None),
        }
    }

    /// Decides the fate of a request.
    pub(super) fn of_request(
        &mut self,
        now_ms: u64,
        request: &mut Request,
        pending: &Pending,
        timeout_ms: Option<u64>,
    ) -> Passage {
        if let Some(passage) = self.of_workers_request(now_ms, request) {
            return passage;
        }
        let view = CallView {
            direction: Direction::Request,
            label: pending.label,
            rpc: Some(request.rpc()),
            worker: pending.worker.as_deref(),
            answer: None,
            allowance: None,
            // Whoever asks again may find another run; a test over the wire has no fault-free world
            // that says so.
            tolerates_repeat: false,
            tolerates_outage: &Lazily::new(&|| true),
            timeout_ms: timeout_ms.unwrap_or(CALL_TIMEOUT_MS),
            waited_ms: 0,
        };
        match self.faults.message(&mut self.choices, now_ms, &view) {
            None => Passage::OnTime,
            Some(Fate::Late(delay)) => Passage::Late(delay.into()),
            Some(Fate::Twice(delay)) => Passage::Twice(delay.into()),
            Some(Fate::Overtaken { at_most_events, .. }) => {
                Passage::Late(Delay::by_events(at_most_events).into())
            }
            Some(Fate::AnswerLost(status)) => Passage::Unanswered(status),
            Some(Fate::Refused(status)) => {
                self.faults.refused(pending.label);
                Passage::Refused(status)
            }
            Some(Fate::Outage(outage)) => {
                let status = outage.status.clone();
                self.outage = Some(Outage {
                    until_ms: now_ms.saturating_add(outage.ms),
                    status: outage.status,
                });
                Passage::Refused(status)
            }
        }
    }

    /// Decides the fate of what a worker says of its task; `None` if that is left alone so far.
    fn of_workers_request(&mut self, now_ms: u64, request: &mut Request) -> Option<Passage> {
        match request {
            Request::RespondWorkflowTaskCompleted(completed) => {
                if completed.sticky_attributes.is_some()
                    && self
                        .task(now_ms, &completed.task_token, TaskMoment::Arrives, true)
                        .is_some()
                {
                    // The next task goes to any worker, with the whole history.
                    completed.sticky_attributes = None;
                }
                match self.task(now_ms, &completed.task_token, TaskMoment::Done, false)? {
                    TaskFate::Late(delay) => Some(Passage::Late(delay.into())),
                    _ => None,
                }
            }
            Request::RespondActivityTaskCompleted(completed) => {
                let moment = AttemptMoment::Done;
                match self.attempt(now_ms, &completed.task_token, moment, true)? {
                    AttemptFate::LoseReport => {
                        self.tasks.done(&completed.task_token);
                        Some(Passage::Refused(lost("activity_completion_lost")))
                    }
                    _ => None,
                }
            }
            Request::RecordActivityTaskHeartbeat(heartbeat) => {
                let attempt = self.tasks.of_attempt(&heartbeat.task_token)?;
                if attempt.is_mute {
                    return Some(Passage::Refused(lost("heartbeat_loss")));
                }
                attempt.heartbeats += 1;
                let number = attempt.heartbeats;
                let moment = AttemptMoment::HeartbeatSent {
                    first: number,
                    last: number,
                };
                match self.attempt(now_ms, &heartbeat.task_token, moment, false)? {
                    AttemptFate::LoseHeartbeat { and_later } => {
                        if let Some(attempt) = self.tasks.of_attempt(&heartbeat.task_token) {
                            attempt.is_mute = and_later;
                        }
                        Some(Passage::Refused(lost("heartbeat_loss")))
                    }
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Asks the faults about a workflow task that a worker has.
    fn task(
        &mut self,
        now_ms: u64,
        token: &[u8],
        moment: TaskMoment,
        is_cached: bool,
    ) -> Option<TaskFate> {
        let task = self.tasks.of_workflow(token)?;
        let view = TaskView {
            moment,
            workflow: task.workflow,
            task_queue: &task.task_queue,
            attempt: task.attempt,
            is_query: false,
            is_cached,
            tolerates_crash: &Lazily::new(&|| false),
            shuts_down: false,
            version: 0,
            versions: &[],
            times: None,
        };
        self.faults.task(&mut self.choices, now_ms, &view)
    }

    /// Asks the faults about an attempt that a worker makes.
    fn attempt(
        &mut self,
        now_ms: u64,
        token: &[u8],
        moment: AttemptMoment,
        completed: bool,
    ) -> Option<AttemptFate> {
        let attempt = self.tasks.of_attempt(token)?;
        let view = AttemptView {
            moment,
            label: attempt.label(),
            task_queue: &attempt.task_queue,
            shuts_down: false,
            version: 0,
            attempt: attempt.number,
            allowance: attempt.allowance,
            last_heartbeat_ms: None,
            completed,
            tolerates_crash: &Lazily::new(&|| false),
        };
        self.faults.attempt(&mut self.choices, now_ms, &view)
    }

    /// Decides the fate of an answer.
    pub(super) fn of_answer(
        &mut self,
        now_ms: u64,
        pending: &Pending,
        answer: &Result<Response, Status>,
    ) -> Passage {
        let Ok(answer) = answer else {
            return Passage::OnTime;
        };
        if !pending.token.is_empty() {
            self.task(now_ms, &pending.token, TaskMoment::Recorded, false);
            self.tasks.done(&pending.token);
        }
        let allowance = match (answer, &pending.worker) {
            (Response::PollWorkflowTaskQueue(task), Some(queue)) => {
                if task.task_token.is_empty() {
                    return Passage::OnTime;
                }
                self.hand_out(now_ms, queue, task);
                None
            }
            (Response::PollActivityTaskQueue(task), Some(queue)) => {
                if task.task_token.is_empty() {
                    return Passage::OnTime;
                }
                let attempt = self.tasks.attempt(&mut self.names, queue, task);
                Some(attempt.allowance)
            }
            _ => None,
        };
        let view = CallView {
            direction: Direction::Reply,
            label: pending.label,
            rpc: Some(answer.rpc()),
            worker: pending.worker.as_deref(),
            answer: Some(answer),
            allowance,
            // An update that is asked for again is the same one.
            tolerates_repeat: true,
            tolerates_outage: &Lazily::new(&|| false),
            timeout_ms: CALL_TIMEOUT_MS,
            waited_ms: now_ms.saturating_sub(pending.sent_ms),
        };
        match self.faults.message(&mut self.choices, now_ms, &view) {
            Some(Fate::Late(delay)) => Passage::Late(delay.into()),
            Some(Fate::AnswerLost(status)) => Passage::Unanswered(status),
            _ => Passage::OnTime,
        }
    }

    /// Notes a workflow task that a worker gets, with the times of its run.
    fn hand_out(&mut self, now_ms: u64, queue: &str, polled: &durasim_service::PolledWorkflowTask) {
        let (task, times) = self.tasks.workflow_task(&mut self.names, queue, polled);
        let view = TaskView {
            moment: TaskMoment::Arrives,
            workflow: task.workflow,
            task_queue: &task.task_queue,
            attempt: task.attempt,
            is_query: polled.query.is_some(),
            // Whether the worker has it in its cache, nobody here knows.
            is_cached: false,
            tolerates_crash: &Lazily::new(&|| false),
            shuts_down: false,
            version: 0,
            versions: &[],
            times: Some(times),
        };
        self.faults.task(&mut self.choices, now_ms, &view);
    }
}

impl From<Delay> for Lateness {
    fn from(delay: Delay) -> Self {
        Self {
            ms: delay.ms,
            messages: delay.events,
        }
    }
}

/// Returns the status of a message that is lost. Workers do not send it again: they repeat no call
/// that ended with DEADLINE_EXCEEDED.
fn lost(fault: &str) -> Status {
    Status::deadline_exceeded(format!("the message was lost (fault {fault})"))
}
