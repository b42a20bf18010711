//! The service, its callers and its workers, and what must hold after every step.

use std::collections::BTreeSet;

use durasim_service::{Request, RequestId, Response, Service, ServiceConfig, history_rules, request::SERVED};
use prost_types::Duration;
use temporalio_protos::temporal::api::{
    command::v1 as command,
    common::v1::{RetryPolicy, WorkflowExecution, WorkflowType},
    enums::v1::{TaskQueueKind, WorkflowTaskFailedCause},
    query::v1::WorkflowQuery,
    taskqueue::v1::{StickyExecutionAttributes, TaskQueue},
    update::v1::{self as update, UpdateRef, WaitPolicy},
    workflowservice::v1::{execute_multi_operation_request as multi, *},
};
use tonic::{Code, Status};

use super::{
    commands::{Command, UpdateMessage, failure},
    steps::Step,
};

const START_MS: u64 = 1_704_067_200_000;
const STICKY: &str = "sticky-worker";

/// What the server answers; INTERNAL and UNKNOWN would be the service's own fault.
const CLEAR: [Code; 9] = [
    Code::InvalidArgument,
    Code::NotFound,
    Code::AlreadyExists,
    Code::FailedPrecondition,
    Code::PermissionDenied,
    Code::ResourceExhausted,
    Code::Aborted,
    Code::Unimplemented,
    Code::Unavailable,
];

pub(crate) struct World {
    service: Service,
    now_ms: u64,
    last_id: u64,
    unanswered: BTreeSet<RequestId>,
    workflow_tasks: Vec<PollWorkflowTaskQueueResponse>,
    activity_tasks: Vec<PollActivityTaskQueueResponse>,
    log: Vec<(RequestId, Said)>,
}

/// What a reply says. Its text would not do: it shows maps, which have no order of their own.
pub(crate) type Said = Result<Response, (Code, String, Vec<u8>)>;

impl World {
    pub(crate) fn new() -> Self {
        Self {
            service: Service::new(ServiceConfig::default()),
            now_ms: START_MS,
            last_id: 0,
            unanswered: BTreeSet::new(),
            workflow_tasks: Vec::new(),
            activity_tasks: Vec::new(),
            log: Vec::new(),
        }
    }

    /// The replies so far, in order.
    pub(crate) fn log(self) -> Vec<(RequestId, Said)> {
        self.log
    }

    /// Takes a step and checks everything that must hold after it.
    pub(crate) fn take(&mut self, step: &Step) {
        self.act(step);
        self.collect();
        self.check();
    }

    /// Lets a day pass, and checks what is left.
    pub(crate) fn settle(&mut self) {
        self.pass(86_400_000);
        self.collect();
        self.check();
    }

    fn send(&mut self, request: impl Into<Request>) {
        let request = request.into();
        // Whatever a caller sends arrives as bytes.
        let request = Request::decode(request.rpc(), &request.encode_to_vec()).expect("its own bytes");
        self.last_id += 1;
        let id = RequestId(self.last_id);
        self.unanswered.insert(id);
        self.service.request(self.now_ms, id, request);
    }

    fn collect(&mut self) {
        for reply in self.service.take_replies() {
            assert!(
                self.unanswered.remove(&reply.id),
                "{} was answered twice, or after it was abandoned",
                reply.id
            );
            self.log.push((reply.id, said(&reply.result)));
            match reply.result {
                Ok(response) => self.receive(response),
                Err(status) => Self::check_status(&status),
            }
        }
    }

    fn check_status(status: &Status) {
        assert!(CLEAR.contains(&status.code()), "not a clear status: {status:?}");
        assert!(!status.message().is_empty(), "a status without words: {status:?}");
    }

    fn receive(&mut self, response: Response) {
        match response {
            Response::PollWorkflowTaskQueue(task) => self.workflow_tasks.push(task.into_message()),
            Response::RespondWorkflowTaskCompleted(response) => {
                self.workflow_tasks.extend(response.workflow_task);
            }
            Response::PollActivityTaskQueue(task) => self.activity_tasks.push(*task),
            _ => {}
        }
    }

    fn check(&self) {
        for execution in self.service.executions() {
            let history =
                self.service.history(&execution.workflow_id, Some(&execution.run_id)).expect("its history");
            if let Err(violation) = history_rules::check(history) {
                let events: Vec<_> =
                    history.iter().map(|event| (event.event_id, event.event_type())).collect();
                panic!("{}: {violation}\n{events:?}", execution.workflow_id);
            }
        }
        if let Some(due_ms) = self.service.next_due_ms() {
            assert_eq!(
                self.service.due(self.now_ms) > 0,
                due_ms <= self.now_ms,
                "what is due next, and when"
            );
        }
    }

    fn pass(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        // A cron schedule goes on for ever.
        for _ in 0..200 {
            let Some(due_ms) = self.service.next_due_ms().filter(|due_ms| *due_ms <= end_ms) else { break };
            self.now_ms = self.now_ms.max(due_ms);
            self.service.fire(self.now_ms, 0);
        }
        self.now_ms = self.now_ms.max(self.service.next_due_ms().map_or(end_ms, |due_ms| due_ms.min(end_ms)));
    }

    fn workflow_task(&mut self, task: u8) -> Option<PollWorkflowTaskQueueResponse> {
        let place = usize::from(task).checked_rem(self.workflow_tasks.len())?;
        // A worker may answer the same task twice.
        let task = self.workflow_tasks[place].clone();
        if self.workflow_tasks.len() > 3 {
            self.workflow_tasks.remove(place);
        }
        Some(task)
    }

    fn activity_token(&self, task: u8) -> Option<Vec<u8>> {
        let place = usize::from(task).checked_rem(self.activity_tasks.len())?;
        Some(self.activity_tasks[place].task_token.clone())
    }

    fn act(&mut self, step: &Step) {
        match step {
            Step::Work { .. }
            | Step::WorkOnActivity { .. }
            | Step::PollWorkflowTask { .. }
            | Step::CompleteTask { .. }
            | Step::FailTask { .. }
            | Step::PollActivityTask
            | Step::CompleteActivity { .. }
            | Step::FailActivity { .. }
            | Step::CancelActivity { .. }
            | Step::Heartbeat { .. }
            | Step::ActivityById { .. } => self.act_as_worker(step),
            Step::Abandon { call } => {
                if let Some(place) = usize::from(*call).checked_rem(self.unanswered.len()) {
                    let id = *self.unanswered.iter().nth(place).expect("within");
                    self.unanswered.remove(&id);
                    self.service.cancel(id);
                }
            }
            Step::Pass { ms } => self.pass((*ms).into()),
            Step::Fire { index } => {
                let due = self.service.due(self.now_ms);
                if due > 0 {
                    self.service.fire(self.now_ms, usize::from(*index) % due);
                }
            }
            Step::Empty { rpc } => {
                let rpc = SERVED[usize::from(*rpc) % SERVED.len()];
                self.send(Request::decode(rpc, &[]).expect("an empty message"));
            }
            Step::Nonsense { rpc, bytes } => {
                let rpc = SERVED[usize::from(*rpc) % SERVED.len()];
                match Request::decode(rpc, bytes) {
                    Ok(request) => self.send(request),
                    Err(status) => Self::check_status(&status),
                }
            }
            _ => self.act_as_client(step),
        }
    }

    fn act_as_client(&mut self, step: &Step) {
        match *step {
            Step::Start { workflow, reuse, conflict, options } => {
                self.send(start(workflow, self.last_id, reuse, conflict, options));
            }
            Step::SignalWithStart { workflow, options } => {
                let start = start(workflow, self.last_id, 0, 0, options);
                self.send(SignalWithStartWorkflowExecutionRequest {
                    namespace: start.namespace,
                    workflow_id: start.workflow_id,
                    workflow_type: start.workflow_type,
                    task_queue: start.task_queue,
                    request_id: start.request_id,
                    cron_schedule: start.cron_schedule,
                    signal_name: "signal".to_owned(),
                    ..SignalWithStartWorkflowExecutionRequest::default()
                });
            }
            Step::Signal { workflow, request } => self.send(SignalWorkflowExecutionRequest {
                namespace: namespace(),
                workflow_execution: execution(workflow),
                signal_name: "signal".to_owned(),
                request_id: format!("{}", request % 16),
                ..SignalWorkflowExecutionRequest::default()
            }),
            Step::Cancel { workflow } => self.send(RequestCancelWorkflowExecutionRequest {
                namespace: namespace(),
                workflow_execution: execution(workflow),
                ..RequestCancelWorkflowExecutionRequest::default()
            }),
            Step::Terminate { workflow } => self.send(TerminateWorkflowExecutionRequest {
                namespace: namespace(),
                workflow_execution: execution(workflow),
                ..TerminateWorkflowExecutionRequest::default()
            }),
            Step::Query { workflow } => self.send(QueryWorkflowRequest {
                namespace: namespace(),
                execution: execution(workflow),
                query: Some(WorkflowQuery { query_type: "state".to_owned(), ..WorkflowQuery::default() }),
                ..QueryWorkflowRequest::default()
            }),
            Step::Update { workflow, update, stage } => self.send(update_request(workflow, update, stage)),
            Step::UpdateWithStart { workflow, update, conflict } => {
                let operations = [
                    multi::operation::Operation::StartWorkflow(start(workflow, self.last_id, 0, conflict, 0)),
                    multi::operation::Operation::UpdateWorkflow(update_request(workflow, update, 2)),
                ];
                let operations = operations.map(|operation| multi::Operation { operation: Some(operation) });
                self.send(ExecuteMultiOperationRequest {
                    namespace: namespace(),
                    operations: operations.into(),
                    ..ExecuteMultiOperationRequest::default()
                });
            }
            Step::PollUpdate { workflow, update } => self.send(PollWorkflowExecutionUpdateRequest {
                namespace: namespace(),
                update_ref: Some(UpdateRef {
                    workflow_execution: execution(workflow),
                    update_id: format!("update-{update}"),
                }),
                wait_policy: Some(WaitPolicy { lifecycle_stage: 3 }),
                ..PollWorkflowExecutionUpdateRequest::default()
            }),
            Step::Describe { workflow } => self.send(DescribeWorkflowExecutionRequest {
                namespace: namespace(),
                execution: execution(workflow),
            }),
            Step::History { workflow, waits } => self.send(GetWorkflowExecutionHistoryRequest {
                namespace: namespace(),
                execution: execution(workflow),
                wait_new_event: waits,
                maximum_page_size: 7,
                ..GetWorkflowExecutionHistoryRequest::default()
            }),
            Step::Reset { workflow, event } => self.send(ResetWorkflowExecutionRequest {
                namespace: namespace(),
                workflow_execution: execution(workflow),
                workflow_task_finish_event_id: event.into(),
                request_id: format!("reset-{}", self.last_id),
                ..ResetWorkflowExecutionRequest::default()
            }),
            _ => unreachable!("another's step"),
        }
    }

    /// Deliveries between runs take no time, mostly.
    fn deliver(&mut self) {
        for _ in 0..20 {
            if self.service.next_due_ms().is_none_or(|due_ms| due_ms > self.now_ms) {
                break;
            }
            self.service.fire(self.now_ms, 0);
        }
    }

    fn work(&mut self, commands: &[Command], update: u8, options: u8) {
        if options & 128 != 0 {
            self.deliver();
        }
        self.send(poll(true));
        self.send(poll(false));
        self.collect();
        let Some(task) = self.workflow_tasks.pop() else { return };
        let answers: Vec<_> = task
            .messages
            .iter()
            .flat_map(|request| UpdateMessage::answers(&request.protocol_instance_id, update))
            .collect();
        let mut completion = completion(task, commands, &[], options);
        completion.messages = answers;
        self.send(completion);
    }

    fn work_on_activity(&mut self, outcome: u8) {
        self.send(PollActivityTaskQueueRequest {
            namespace: namespace(),
            task_queue: queue("activities"),
            ..PollActivityTaskQueueRequest::default()
        });
        self.collect();
        let Some(task) = self.activity_tasks.pop() else { return };
        let task_token = task.task_token;
        match outcome % 4 {
            0 | 1 => self.send(RespondActivityTaskCompletedRequest { task_token, ..Default::default() }),
            2 => self.send(RespondActivityTaskFailedRequest {
                task_token,
                failure: Some(failure(outcome & 4 != 0)),
                ..Default::default()
            }),
            // It is lost: only a timeout ends the attempt.
            _ => {}
        }
    }

    fn act_as_worker(&mut self, step: &Step) {
        match step {
            Step::Work { commands, update, options } => self.work(commands, *update, *options),
            Step::WorkOnActivity { outcome } => self.work_on_activity(*outcome),
            Step::PollWorkflowTask { sticky } => self.send(poll(*sticky)),
            Step::CompleteTask { task, commands, messages, options } => {
                if let Some(task) = self.workflow_task(*task) {
                    self.send(completion(task, commands, messages, *options));
                }
            }
            Step::FailTask { task, cause } => {
                if let Some(task) = self.workflow_task(*task) {
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
            Step::PollActivityTask => self.send(PollActivityTaskQueueRequest {
                namespace: namespace(),
                task_queue: queue("activities"),
                ..PollActivityTaskQueueRequest::default()
            }),
            Step::CompleteActivity { task } => {
                if let Some(task_token) = self.activity_token(*task) {
                    self.send(RespondActivityTaskCompletedRequest { task_token, ..Default::default() });
                }
            }
            Step::FailActivity { task, non_retryable } => {
                if let Some(task_token) = self.activity_token(*task) {
                    self.send(RespondActivityTaskFailedRequest {
                        task_token,
                        failure: Some(failure(*non_retryable)),
                        ..Default::default()
                    });
                }
            }
            Step::CancelActivity { task } => {
                if let Some(task_token) = self.activity_token(*task) {
                    self.send(RespondActivityTaskCanceledRequest { task_token, ..Default::default() });
                }
            }
            Step::Heartbeat { task } => {
                if let Some(task_token) = self.activity_token(*task) {
                    self.send(RecordActivityTaskHeartbeatRequest { task_token, ..Default::default() });
                }
            }
            Step::ActivityById { workflow, activity } => self.send(RespondActivityTaskCompletedByIdRequest {
                namespace: namespace(),
                workflow_id: format!("workflow-{workflow}"),
                activity_id: format!("{activity}"),
                ..RespondActivityTaskCompletedByIdRequest::default()
            }),
            _ => unreachable!("another's step"),
        }
    }
}

fn said(result: &Result<Response, Status>) -> Said {
    result.clone().map_err(|status| (status.code(), status.message().to_owned(), status.details().to_vec()))
}

fn namespace() -> String {
    "default".to_owned()
}

#[allow(clippy::unnecessary_wraps, reason = "as the fields of the messages have it")]
fn execution(workflow: u8) -> Option<WorkflowExecution> {
    Some(WorkflowExecution { workflow_id: format!("workflow-{workflow}"), run_id: String::new() })
}

#[allow(clippy::unnecessary_wraps, reason = "as the fields of the messages have it")]
fn queue(name: &str) -> Option<TaskQueue> {
    Some(TaskQueue { name: name.to_owned(), ..TaskQueue::default() })
}

fn start(workflow: u8, call: u64, reuse: i32, conflict: i32, options: u8) -> StartWorkflowExecutionRequest {
    let seconds = |seconds: i64| Some(Duration { seconds, nanos: 0 });
    StartWorkflowExecutionRequest {
        namespace: namespace(),
        workflow_id: format!("workflow-{workflow}"),
        workflow_type: Some(WorkflowType { name: "Random".to_owned() }),
        task_queue: queue("workflows"),
        request_id: format!("start-{call}"),
        workflow_id_reuse_policy: reuse,
        workflow_id_conflict_policy: conflict,
        workflow_run_timeout: if options & 1 == 0 { None } else { seconds(30) },
        workflow_execution_timeout: if options & 2 == 0 { None } else { seconds(100) },
        retry_policy: (options & 4 != 0)
            .then(|| RetryPolicy { maximum_attempts: 3, ..RetryPolicy::default() }),
        cron_schedule: if options & 0x18 == 0x18 { "@every 20s".to_owned() } else { String::new() },
        workflow_start_delay: if options & 0x60 == 0x60 { seconds(5) } else { None },
        ..StartWorkflowExecutionRequest::default()
    }
}

fn update_request(workflow: u8, update: u8, stage: i32) -> UpdateWorkflowExecutionRequest {
    UpdateWorkflowExecutionRequest {
        namespace: namespace(),
        workflow_execution: execution(workflow),
        wait_policy: Some(WaitPolicy { lifecycle_stage: stage }),
        request: Some(update::Request {
            meta: Some(update::Meta { update_id: format!("update-{update}"), ..update::Meta::default() }),
            input: Some(update::Input { name: "update".to_owned(), ..update::Input::default() }),
            ..update::Request::default()
        }),
        ..UpdateWorkflowExecutionRequest::default()
    }
}

fn poll(sticky: bool) -> PollWorkflowTaskQueueRequest {
    let task_queue = if sticky {
        Some(TaskQueue {
            name: STICKY.to_owned(),
            kind: TaskQueueKind::Sticky.into(),
            normal_name: "workflows".to_owned(),
        })
    } else {
        queue("workflows")
    };
    PollWorkflowTaskQueueRequest {
        namespace: namespace(),
        task_queue,
        ..PollWorkflowTaskQueueRequest::default()
    }
}

fn completion(
    task: PollWorkflowTaskQueueResponse,
    commands: &[Command],
    messages: &[UpdateMessage],
    options: u8,
) -> RespondWorkflowTaskCompletedRequest {
    let attributes = |command: &Command| command::Command {
        attributes: Some(command.attributes()),
        ..command::Command::default()
    };
    RespondWorkflowTaskCompletedRequest {
        namespace: namespace(),
        task_token: task.task_token,
        commands: commands.iter().map(attributes).collect(),
        messages: messages.iter().enumerate().map(|(place, message)| message.message(place)).collect(),
        return_new_workflow_task: options & 1 != 0,
        force_create_new_workflow_task: options & 0x1e == 0x1e,
        sticky_attributes: (options & 32 != 0).then(|| StickyExecutionAttributes {
            worker_task_queue: queue(STICKY),
            schedule_to_start_timeout: Some(Duration { seconds: 10, nanos: 0 }),
        }),
        capabilities: Some(respond_workflow_task_completed_request::Capabilities {
            discard_speculative_workflow_task_with_events: options & 64 != 0,
        }),
        ..RespondWorkflowTaskCompletedRequest::default()
    }
}
