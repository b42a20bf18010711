//! A small world around the service for the tests of this crate: it calls, polls, answers, and lets
//! time pass.

#![allow(
    clippy::unnecessary_wraps,
    reason = "message fields of the API are optional"
)]

use std::{collections::BTreeMap, sync::Arc};

use tonic::Status;

use crate::{
    RequestId, ServiceConfig,
    api::{
        HistoryEvent, Payloads, WorkflowExecution,
        command::{
            Command, CompleteWorkflowExecutionCommandAttributes, StartTimerCommandAttributes,
            command::Attributes,
        },
        common::{Payload, WorkflowType},
        enums::EventType,
        query::WorkflowQuery,
        rpc::*,
        taskqueue::{StickyExecutionAttributes, TaskQueue},
    },
    base::time::duration,
    messages::request::{Request, Response},
    state::service::Service,
};

/// The time at which the worlds of these tests begin.
pub(crate) const START_MS: u64 = 1_704_067_200_000;
pub(crate) const TASK_QUEUE: &str = "queue";

/// A service, a clock, and the replies so far.
pub(crate) struct World {
    pub(crate) service: Service,
    pub(crate) now_ms: u64,
    last_id: u64,
    replies: BTreeMap<RequestId, Result<Response, Status>>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(ServiceConfig::default())
    }

    pub(crate) fn with(config: ServiceConfig) -> Self {
        Self {
            service: Service::new(config),
            now_ms: START_MS,
            last_id: 0,
            replies: BTreeMap::new(),
        }
    }

    /// Sends a request that may be answered later.
    pub(crate) fn send(&mut self, request: impl Into<Request>) -> RequestId {
        self.send_with(request.into(), None)
    }

    /// Ends the wait of a request.
    pub(crate) fn expire(&mut self, id: RequestId) {
        self.service.expire(self.now_ms, id);
        self.collect();
    }

    /// Sends a request with a deadline.
    pub(crate) fn send_until(
        &mut self,
        request: impl Into<Request>,
        deadline_ms: u64,
    ) -> RequestId {
        self.send_with(request.into(), Some(deadline_ms))
    }

    fn send_with(&mut self, request: Request, deadline_ms: Option<u64>) -> RequestId {
        self.last_id += 1;
        let id = RequestId(self.last_id);
        self.service
            .request_until(self.now_ms, id, request, deadline_ms);
        self.collect();
        id
    }

    /// Returns the reply to an earlier request, if it has come.
    pub(crate) fn reply(&mut self, id: RequestId) -> Option<Result<Response, Status>> {
        self.collect();
        self.replies.remove(&id)
    }

    /// Sends a request that is answered at once.
    #[track_caller]
    pub(crate) fn call(&mut self, request: impl Into<Request>) -> Result<Response, Status> {
        let id = self.send(request);
        self.reply(id).expect("an answer at once")
    }

    fn collect(&mut self) {
        for reply in self.service.take_replies() {
            let twice = self.replies.insert(reply.id, reply.result);
            assert!(twice.is_none(), "{} was answered twice", reply.id);
        }
    }

    /// Lets time pass, and fires everything that falls due.
    pub(crate) fn pass(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        while let Some(due_ms) = self
            .service
            .next_due_ms()
            .filter(|due_ms| *due_ms <= end_ms)
        {
            self.now_ms = self.now_ms.max(due_ms);
            self.service.fire(self.now_ms, 0);
        }
        self.now_ms = end_ms;
        self.collect();
    }

    pub(crate) fn start(&mut self, workflow_id: &str) -> String {
        match self.call(start_request(workflow_id)) {
            Ok(Response::StartWorkflowExecution(response)) => response.run_id,
            other => panic!("not started: {other:?}"),
        }
    }

    /// Polls the task queue of these tests, which has a workflow task.
    #[track_caller]
    pub(crate) fn workflow_task(&mut self) -> PollWorkflowTaskQueueResponse {
        self.workflow_task_on(poll_request())
    }

    #[track_caller]
    pub(crate) fn workflow_task_on(
        &mut self,
        poll: PollWorkflowTaskQueueRequest,
    ) -> PollWorkflowTaskQueueResponse {
        match self.call(poll) {
            Ok(Response::PollWorkflowTaskQueue(task)) => task.into_message(),
            other => panic!("not a workflow task: {other:?}"),
        }
    }

    /// Returns `true` if a workflow task waits for a poll.
    pub(crate) fn has_workflow_task(&mut self) -> bool {
        self.is_answered_at_once(poll_request())
    }

    /// Polls the task queue of these tests, which has an activity task.
    #[track_caller]
    pub(crate) fn activity_task(&mut self) -> PollActivityTaskQueueResponse {
        self.activity_task_on(activity_poll_request())
    }

    #[track_caller]
    pub(crate) fn activity_task_on(
        &mut self,
        poll: PollActivityTaskQueueRequest,
    ) -> PollActivityTaskQueueResponse {
        match self.call(poll) {
            Ok(Response::PollActivityTaskQueue(task)) => *task,
            other => panic!("not an activity task: {other:?}"),
        }
    }

    /// Returns `true` if an activity task waits for a poll.
    pub(crate) fn has_activity_task(&mut self) -> bool {
        self.is_answered_at_once(activity_poll_request())
    }

    /// Returns `true` if this request is answered at once. Otherwise it is canceled.
    pub(crate) fn is_answered_at_once(&mut self, request: impl Into<Request>) -> bool {
        let id = self.send(request);
        self.service.cancel(id);
        self.reply(id).is_some()
    }

    pub(crate) fn complete(
        &mut self,
        task: &PollWorkflowTaskQueueResponse,
        commands: Vec<Attributes>,
    ) -> Result<RespondWorkflowTaskCompletedResponse, Status> {
        self.respond(completion(task, commands))
    }

    pub(crate) fn respond(
        &mut self,
        request: RespondWorkflowTaskCompletedRequest,
    ) -> Result<RespondWorkflowTaskCompletedResponse, Status> {
        match self.call(request)? {
            Response::RespondWorkflowTaskCompleted(response) => Ok(*response),
            other => panic!("not its response: {other:?}"),
        }
    }

    /// Takes the next workflow task, and completes it with these commands.
    #[track_caller]
    pub(crate) fn run_workflow_task(&mut self, commands: Vec<Attributes>) {
        let task = self.workflow_task();
        self.complete(&task, commands)
            .expect("commands that are accepted");
    }

    #[track_caller]
    pub(crate) fn history(&self, workflow_id: &str) -> &[Arc<HistoryEvent>] {
        self.service.history(workflow_id, None).expect("a run")
    }

    #[track_caller]
    pub(crate) fn event_types(&self, workflow_id: &str) -> Vec<EventType> {
        self.history(workflow_id)
            .iter()
            .map(|event| event.event_type())
            .collect()
    }

    #[track_caller]
    pub(crate) fn last_event(&self, workflow_id: &str) -> &HistoryEvent {
        self.history(workflow_id).last().expect("an event")
    }
}

pub(crate) fn execution(workflow_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution {
        workflow_id: workflow_id.to_owned(),
        run_id: String::new(),
    })
}

pub(crate) fn queue(name: &str) -> Option<TaskQueue> {
    Some(TaskQueue {
        name: name.to_owned(),
        ..TaskQueue::default()
    })
}

pub(crate) fn payloads(text: &str) -> Option<Payloads> {
    Some(Payloads {
        payloads: vec![Payload {
            data: text.as_bytes().to_vec(),
            ..Payload::default()
        }],
    })
}

pub(crate) fn start_request(workflow_id: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType {
            name: "Workflow".to_owned(),
        }),
        task_queue: queue(TASK_QUEUE),
        identity: "client".to_owned(),
        request_id: format!("start-{workflow_id}"),
        ..StartWorkflowExecutionRequest::default()
    }
}

pub(crate) fn query_request(workflow_id: &str) -> QueryWorkflowRequest {
    QueryWorkflowRequest {
        namespace: "default".to_owned(),
        execution: execution(workflow_id),
        query: Some(WorkflowQuery {
            query_type: "status".to_owned(),
            ..WorkflowQuery::default()
        }),
        ..QueryWorkflowRequest::default()
    }
}

pub(crate) fn poll_request() -> PollWorkflowTaskQueueRequest {
    PollWorkflowTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(TASK_QUEUE),
        identity: "worker".to_owned(),
        ..PollWorkflowTaskQueueRequest::default()
    }
}

pub(crate) fn activity_poll_request() -> PollActivityTaskQueueRequest {
    PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(TASK_QUEUE),
        identity: "worker".to_owned(),
        ..PollActivityTaskQueueRequest::default()
    }
}

/// Returns a poll of the sticky queue of a worker.
pub(crate) fn sticky_poll_request(sticky: &str) -> PollWorkflowTaskQueueRequest {
    PollWorkflowTaskQueueRequest {
        task_queue: Some(TaskQueue {
            name: sticky.to_owned(),
            kind: crate::api::enums::TaskQueueKind::Sticky.into(),
            normal_name: TASK_QUEUE.to_owned(),
        }),
        ..poll_request()
    }
}

pub(crate) fn completion(
    task: &PollWorkflowTaskQueueResponse,
    commands: Vec<Attributes>,
) -> RespondWorkflowTaskCompletedRequest {
    RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        identity: "worker".to_owned(),
        commands: commands
            .into_iter()
            .map(|attributes| Command {
                attributes: Some(attributes),
                ..Command::default()
            })
            .collect(),
        ..RespondWorkflowTaskCompletedRequest::default()
    }
}

/// Returns the [`completion`] of a worker that keeps the run in its cache.
pub(crate) fn sticky_completion(
    task: &PollWorkflowTaskQueueResponse,
    commands: Vec<Attributes>,
    sticky: &str,
) -> RespondWorkflowTaskCompletedRequest {
    RespondWorkflowTaskCompletedRequest {
        sticky_attributes: Some(StickyExecutionAttributes {
            worker_task_queue: queue(sticky),
            schedule_to_start_timeout: Some(duration(10_000)),
        }),
        ..completion(task, commands)
    }
}

pub(crate) fn start_timer(timer_id: &str, ms: u64) -> Attributes {
    Attributes::StartTimerCommandAttributes(StartTimerCommandAttributes {
        timer_id: timer_id.to_owned(),
        start_to_fire_timeout: Some(duration(ms)),
    })
}

pub(crate) fn complete_workflow(result: &str) -> Attributes {
    Attributes::CompleteWorkflowExecutionCommandAttributes(
        CompleteWorkflowExecutionCommandAttributes {
            result: payloads(result),
        },
    )
}
