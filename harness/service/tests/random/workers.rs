//! The workers of the world.

use durasim_service::Request;
use prost_types::Duration;
use temporalio_protos::temporal::api::{
    enums::v1::WorkflowTaskFailedCause,
    failure::v1::{Failure, NexusHandlerFailureInfo, failure::FailureInfo},
    nexus::v1::{
        self as nexus, request::Variant as NexusRequest, start_operation_response as start,
    },
    protocol::v1::Message,
    query::v1::WorkflowQueryResult,
    taskqueue::v1::StickyExecutionAttributes,
    workflowservice::v1::*,
};

use super::{
    commands::{Begun, Command},
    messages::UpdateMessage,
    parts::*,
    steps::Work,
    world::World,
};

impl World {
    pub(crate) fn work(&mut self, work: &Work) {
        match work {
            Work::NextTask {
                commands,
                update,
                query,
                options,
            } => {
                self.work_on_next_task(commands, *update, *query, *options);
            }
            Work::NextActivity { outcome } => self.work_on_next_activity(*outcome),
            Work::NextNexusTask { outcome } => self.work_on_next_nexus_task(*outcome),
            Work::PollWorkflowTask { sticky } => self.send(poll_workflow_task(*sticky)),
            Work::PollActivityTask => self.send(poll_activity_task(ACTIVITIES)),
            Work::CompleteTask {
                task,
                commands,
                messages,
                options,
            } => {
                if let Some(task) = self.taken_workflow_task(*task) {
                    let messages = messages.iter().map(UpdateMessage::message).collect();
                    let begun = self.begun(&task);
                    self.send(completion(
                        task.task_token,
                        commands,
                        &begun,
                        messages,
                        *options,
                    ));
                }
            }
            Work::FailTask { task, cause } => {
                if let Some(task) = self.taken_workflow_task(*task) {
                    let cause = WorkflowTaskFailedCause::try_from(*cause)
                        .unwrap_or(WorkflowTaskFailedCause::NonDeterministicError);
                    self.send(RespondWorkflowTaskFailedRequest {
                        namespace: namespace(),
                        task_token: task.task_token,
                        cause: cause.into(),
                        ..RespondWorkflowTaskFailedRequest::default()
                    });
                }
            }
            Work::AnswerQuery { task, how } => {
                if let Some(task) = self.taken_workflow_task(*task) {
                    self.send(query_answer(task.task_token, *how));
                }
            }
            Work::CompleteActivity { .. }
            | Work::FailActivity { .. }
            | Work::CancelActivity { .. }
            | Work::Heartbeat { .. } => self.answer_activity(work),
            Work::Confuse { task, rpc } => self.confuse(*task, *rpc),
        }
    }

    fn work_on_next_task(&mut self, commands: &[Command], update: u8, query: u8, options: u8) {
        if options & 128 != 0 {
            self.deliver();
        }
        self.send(poll_workflow_task(true));
        self.send(poll_workflow_task(false));
        self.collect();
        let Some(task) = self.workflow_tasks.pop() else {
            return;
        };
        if task.query.is_some() {
            match query % 4 {
                // The task is lost with its worker.
                0 => {}
                how => self.send(query_answer(task.task_token, how)),
            }
            return;
        }
        let answers = task
            .messages
            .iter()
            .flat_map(|it| UpdateMessage::answers(&it.protocol_instance_id, update));
        let begun = self.begun(&task);
        let mut commands = commands.to_vec();
        if !options.is_multiple_of(8) {
            commands.sort_by_key(Command::closes);
        }
        let mut completion = completion(
            task.task_token,
            &commands,
            &begun,
            answers.collect(),
            options,
        );
        if !query.is_multiple_of(8) {
            let answer = |id: &String| (id.clone(), query_result(query));
            completion.query_results = task.queries.keys().map(answer).collect();
        }
        self.send(completion);
    }

    /// Returns the things that the run of a task has begun, as a worker remembers them.
    fn begun(&self, task: &PollWorkflowTaskQueueResponse) -> Begun {
        let Some(execution) = &task.workflow_execution else {
            return Begun::default();
        };
        let history = self
            .service
            .history(&execution.workflow_id, Some(&execution.run_id));
        Begun::of(history.unwrap_or_default().iter().map(|event| &**event))
    }

    fn work_on_next_activity(&mut self, outcome: u8) {
        self.send(poll_activity_task(ACTIVITIES));
        self.collect();
        let Some(task) = self.activity_tasks.pop() else {
            return;
        };
        let task_token = task.task_token;
        match outcome % 5 {
            0 | 1 => self.send(RespondActivityTaskCompletedRequest {
                task_token,
                result: payloads(),
                ..RespondActivityTaskCompletedRequest::default()
            }),
            2 => self.send(activity_failed(task_token, outcome / 5)),
            3 => {
                self.send(heartbeat(task_token.clone()));
                self.activity_tasks.push(PollActivityTaskQueueResponse {
                    task_token,
                    ..PollActivityTaskQueueResponse::default()
                });
            }
            // The task is lost: only a timeout ends the attempt.
            _ => {}
        }
    }

    fn answer_activity(&mut self, work: &Work) {
        let (Work::CompleteActivity { task }
        | Work::FailActivity { task, .. }
        | Work::CancelActivity { task }
        | Work::Heartbeat { task }) = *work
        else {
            return;
        };
        let Some(task_token) = self.taken_activity_task(task) else {
            return;
        };
        match work {
            Work::CompleteActivity { .. } => self.send(RespondActivityTaskCompletedRequest {
                task_token,
                ..RespondActivityTaskCompletedRequest::default()
            }),
            Work::FailActivity { how, .. } => self.send(activity_failed(task_token, *how)),
            Work::CancelActivity { .. } => self.send(RespondActivityTaskCanceledRequest {
                task_token,
                ..RespondActivityTaskCanceledRequest::default()
            }),
            _ => self.send(heartbeat(task_token)),
        }
    }

    fn work_on_next_nexus_task(&mut self, outcome: u8) {
        self.send(poll_nexus_task());
        self.collect();
        let Some(task) = self.nexus_tasks.pop() else {
            return;
        };
        let is_start = matches!(
            task.request.and_then(|it| it.variant),
            Some(NexusRequest::StartOperation(_))
        );
        self.answer_nexus_task(task.task_token, is_start, outcome);
    }

    pub(crate) fn answer_nexus_task(&mut self, task_token: Vec<u8>, is_start: bool, outcome: u8) {
        use nexus::response::Variant;
        let variant = match outcome % 8 {
            0 => return,
            1 => {
                return self.send(RespondNexusTaskFailedRequest {
                    namespace: namespace(),
                    task_token,
                    failure: Some(nexus_failure(outcome / 8)),
                    ..RespondNexusTaskFailedRequest::default()
                });
            }
            _ if !is_start => Variant::CancelOperation(nexus::CancelOperationResponse {}),
            2 => start_response(start::Variant::Failure(failure(outcome / 8))),
            3 | 4 => start_response(start::Variant::SyncSuccess(start::Sync {
                payload: Some(payload()),
                ..start::Sync::default()
            })),
            _ => start_response(start::Variant::AsyncSuccess(start::Async {
                operation_token: "operation".to_owned(),
                ..start::Async::default()
            })),
        };
        self.send(RespondNexusTaskCompletedRequest {
            namespace: namespace(),
            task_token,
            response: Some(nexus::Response {
                variant: Some(variant),
            }),
            ..RespondNexusTaskCompletedRequest::default()
        });
    }

    fn confuse(&mut self, task: u8, rpc: u8) {
        let Some(task_token) = self.any_token(task) else {
            return;
        };
        let request: Request = match rpc % 7 {
            0 => completion(task_token, &[], &Begun::default(), Vec::new(), rpc).into(),
            1 => query_answer(task_token, rpc).into(),
            2 => activity_failed(task_token, rpc).into(),
            3 => heartbeat(task_token).into(),
            4 => RespondNexusTaskCompletedRequest {
                namespace: namespace(),
                task_token,
                ..RespondNexusTaskCompletedRequest::default()
            }
            .into(),
            5 => RespondWorkflowTaskFailedRequest {
                namespace: namespace(),
                task_token,
                ..RespondWorkflowTaskFailedRequest::default()
            }
            .into(),
            _ => RespondActivityTaskCanceledRequest {
                namespace: namespace(),
                task_token,
                ..RespondActivityTaskCanceledRequest::default()
            }
            .into(),
        };
        self.send(request);
    }
}

pub(crate) fn poll_workflow_task(sticky: bool) -> PollWorkflowTaskQueueRequest {
    PollWorkflowTaskQueueRequest {
        namespace: namespace(),
        task_queue: if sticky {
            sticky_queue()
        } else {
            queue(WORKFLOWS)
        },
        ..PollWorkflowTaskQueueRequest::default()
    }
}

pub(crate) fn poll_activity_task(name: &str) -> PollActivityTaskQueueRequest {
    PollActivityTaskQueueRequest {
        namespace: namespace(),
        task_queue: queue(name),
        ..PollActivityTaskQueueRequest::default()
    }
}

pub(crate) fn poll_nexus_task() -> PollNexusTaskQueueRequest {
    PollNexusTaskQueueRequest {
        namespace: namespace(),
        task_queue: queue(NEXUS),
        ..PollNexusTaskQueueRequest::default()
    }
}

/// Returns the answer to a query: a result, a failure, or neither.
pub(crate) fn query_answer(task_token: Vec<u8>, how: u8) -> RespondQueryTaskCompletedRequest {
    RespondQueryTaskCompletedRequest {
        namespace: namespace(),
        task_token,
        completed_type: (how % 4).into(),
        query_result: payloads(),
        error_message: "no such query".to_owned(),
        ..RespondQueryTaskCompletedRequest::default()
    }
}

fn query_result(how: u8) -> WorkflowQueryResult {
    WorkflowQueryResult {
        result_type: (how % 4).into(),
        answer: payloads(),
        error_message: "no such query".to_owned(),
        ..WorkflowQueryResult::default()
    }
}

fn activity_failed(task_token: Vec<u8>, how: u8) -> RespondActivityTaskFailedRequest {
    RespondActivityTaskFailedRequest {
        task_token,
        failure: Some(failure(how)),
        ..RespondActivityTaskFailedRequest::default()
    }
}

fn heartbeat(task_token: Vec<u8>) -> RecordActivityTaskHeartbeatRequest {
    RecordActivityTaskHeartbeatRequest {
        task_token,
        details: payloads(),
        ..RecordActivityTaskHeartbeatRequest::default()
    }
}

fn start_response(variant: start::Variant) -> nexus::response::Variant {
    nexus::response::Variant::StartOperation(nexus::StartOperationResponse {
        variant: Some(variant),
    })
}

fn nexus_failure(number: u8) -> Failure {
    let kind = if number.is_multiple_of(2) {
        "INTERNAL"
    } else {
        "BAD_REQUEST"
    };
    Failure {
        message: "handler".to_owned(),
        failure_info: Some(FailureInfo::NexusHandlerFailureInfo(
            NexusHandlerFailureInfo {
                r#type: kind.to_owned(),
                retry_behavior: 0,
            },
        )),
        ..Failure::default()
    }
}

pub(crate) fn completion(
    task_token: Vec<u8>,
    commands: &[Command],
    begun: &Begun,
    mut messages: Vec<Message>,
    options: u8,
) -> RespondWorkflowTaskCompletedRequest {
    for (place, message) in messages.iter_mut().enumerate() {
        message.id = format!("{place}");
    }
    RespondWorkflowTaskCompletedRequest {
        namespace: namespace(),
        task_token,
        commands: commands
            .iter()
            .map(|command| command.command(begun))
            .collect(),
        messages,
        return_new_workflow_task: options & 1 != 0,
        force_create_new_workflow_task: options & 0x1e == 0x1e,
        sticky_attributes: (options & 32 != 0).then(|| StickyExecutionAttributes {
            worker_task_queue: sticky_queue(),
            schedule_to_start_timeout: Some(Duration {
                seconds: 10,
                nanos: 0,
            }),
        }),
        capabilities: Some(respond_workflow_task_completed_request::Capabilities {
            discard_speculative_workflow_task_with_events: options & 64 != 0,
        }),
        ..RespondWorkflowTaskCompletedRequest::default()
    }
}
