//! A cluster, its callers, and the checks on what it answers.

use std::collections::{BTreeMap, BTreeSet};

use durasim_events::HistoryEvent;
use durasim_service::{
    Cluster, Reply, Request, RequestId, Response, Rpc, ServiceConfig, history_rules,
};
use prost::Message;
use prost_reflect::DynamicMessage;
use temporalio_protos::temporal::api::{
    command::v1::{
        Command, CompleteWorkflowExecutionCommandAttributes, ScheduleActivityTaskCommandAttributes,
        command::Attributes,
    },
    common::v1::{ActivityType, WorkflowExecution, WorkflowType},
    enums::v1::CommandType,
    failure::v1::Failure,
    nexus::v1::{EndpointSpec, EndpointTarget, endpoint_target},
    operatorservice::v1::CreateNexusEndpointRequest,
    protocol::v1 as protocol_message,
    taskqueue::v1::TaskQueue,
    update::v1 as update,
    workflowservice::v1::*,
};
use tonic::{Code, Status};

use super::{
    fill::{self, Picks},
    known::Known,
    protocol,
};

const START_MS: u64 = 1_704_067_200_000;

/// An action of callers, of workers or of time.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A caller asks for something.
    Ask {
        rpc: u8,
        picks: Vec<u8>,
    },
    /// An operator does.
    Operate {
        rpc: u8,
        picks: Vec<u8>,
    },
    /// A worker takes the tasks of a queue, and answers them.
    Work {
        how: u8,
    },
    Pass {
        ms: u32,
    },
    /// A call that waits is ended.
    Expire {
        call: u8,
    },
}

/// An answer, for comparisons.
type Said = Result<Response, (Code, String, Vec<u8>)>;

pub(crate) struct World {
    cluster: Cluster,
    now_ms: u64,
    calls: u64,
    known: Known,
    unanswered: BTreeMap<RequestId, Rpc>,
    served: BTreeSet<Rpc>,
    /// The tasks that somebody polled, and that a worker has yet to answer.
    tasks: Vec<Response>,
    answers: Vec<(RequestId, Said)>,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut cluster = Cluster::new(ServiceConfig::default());
        cluster.register("elsewhere");
        let created = cluster.operate(START_MS, "CreateNexusEndpoint", &endpoint().encode_to_vec());
        created.expect("a valid endpoint");
        Self {
            cluster,
            now_ms: START_MS,
            calls: 0,
            known: Known::default(),
            unanswered: BTreeMap::new(),
            served: BTreeSet::new(),
            tasks: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Returns the RPCs that were served at least once.
    pub(crate) fn served(&self) -> &BTreeSet<Rpc> {
        &self.served
    }

    /// Returns all answers, in order.
    pub(crate) fn answers(self) -> Vec<(RequestId, Said)> {
        self.answers
    }

    pub(crate) fn take(&mut self, step: &Step) {
        match step {
            Step::Ask { rpc, picks } => {
                let rpc = Rpc::ALL[usize::from(*rpc) % Rpc::ALL.len()];
                if let Some((request, _)) = protocol::workflow_rpc(rpc) {
                    let request =
                        fill::message(&request, &mut Picks::new(picks), &self.known, fill::DEPTH);
                    match Request::decode(rpc.name(), &request.encode_to_vec()) {
                        Ok(request) => drop(self.ask(request)),
                        Err(status) => check(rpc.name(), &status),
                    }
                }
            }
            Step::Operate { rpc, picks } => self.operate(*rpc, picks),
            Step::Work { how } => self.work(*how),
            Step::Pass { ms } => self.pass(u64::from(*ms)),
            Step::Expire { call } => {
                let place = usize::from(*call).checked_rem(self.unanswered.len());
                if let Some(id) = place.and_then(|it| self.unanswered.keys().nth(it).copied()) {
                    self.cluster.expire(self.now_ms, id);
                    self.collect();
                }
            }
        }
    }

    /// Sends a request, and returns its answer if that comes at once.
    fn ask(&mut self, request: impl Into<Request>) -> Option<Response> {
        let request = request.into();
        self.calls += 1;
        let id = RequestId(self.calls);
        self.unanswered.insert(id, request.rpc());
        self.cluster.request(self.now_ms, id, request);
        self.collect();
        let answer = self
            .answers
            .iter()
            .rev()
            .find(|(answered, _)| *answered == id);
        answer.and_then(|(_, said)| said.clone().ok())
    }

    fn operate(&mut self, rpc: u8, picks: &[u8]) {
        let rpcs = protocol::operator_rpcs();
        let rpc = &rpcs[usize::from(rpc) % rpcs.len()];
        let mut picks = Picks::new(picks);
        let request = fill::message(&rpc.input(), &mut picks, &self.known, fill::DEPTH);
        let bytes = request.encode_to_vec();
        match self.cluster.operate(self.now_ms, rpc.name(), &bytes) {
            Ok(bytes) => self.learn(DynamicMessage::decode(rpc.output(), &*bytes)),
            Err(status) => check(rpc.name(), &status),
        }
    }

    fn learn(&mut self, answer: Result<DynamicMessage, prost::DecodeError>) {
        self.known.learn(&answer.expect("an answer is its message"));
    }

    fn collect(&mut self) {
        for Reply { id, result, .. } in self.cluster.take_replies() {
            let rpc = self.unanswered.remove(&id);
            let rpc = rpc.unwrap_or_else(|| panic!("{id} was answered twice"));
            match &result {
                Ok(answer) => {
                    assert_eq!(answer.rpc(), rpc);
                    self.served.insert(rpc);
                    if let Some((_, output)) = protocol::workflow_rpc(rpc) {
                        self.learn(DynamicMessage::decode(output, &*answer.encode_to_vec()));
                    }
                    if matches!(rpc, Rpc::PollWorkflowTaskQueue | Rpc::PollActivityTaskQueue) {
                        self.tasks.push(answer.clone());
                    }
                }
                Err(status) => check(rpc.name(), status),
            }
            let said = result.map_err(|status| {
                let (words, details) = (status.message().to_owned(), status.details().to_vec());
                (status.code(), words, details)
            });
            self.answers.push((id, said));
        }
    }

    /// A caller makes sure that two workflows run; a worker without mistakes polls, and answers all
    /// tasks that anybody has taken.
    fn work(&mut self, how: u8) {
        for workflow_id in ["w0", "w1"] {
            self.ask(start(workflow_id, self.calls));
        }
        for name in ["a", "b", "queue"] {
            let task_queue = Some(TaskQueue {
                name: name.to_owned(),
                ..TaskQueue::default()
            });
            self.ask(PollWorkflowTaskQueueRequest {
                namespace: "default".to_owned(),
                task_queue: task_queue.clone(),
                ..PollWorkflowTaskQueueRequest::default()
            });
            self.ask(PollActivityTaskQueueRequest {
                namespace: "default".to_owned(),
                task_queue,
                ..PollActivityTaskQueueRequest::default()
            });
        }
        for task in std::mem::take(&mut self.tasks) {
            match task {
                Response::PollWorkflowTaskQueue(task) => self.answer(task.into_message(), how),
                // Some activities go on, so that others can ask about them.
                Response::PollActivityTaskQueue(task) if how.is_multiple_of(4) => {
                    self.ask(RespondActivityTaskCompletedRequest {
                        namespace: "default".to_owned(),
                        task_token: task.task_token,
                        ..RespondActivityTaskCompletedRequest::default()
                    });
                }
                _ => {}
            }
        }
    }

    fn answer(&mut self, task: PollWorkflowTaskQueueResponse, how: u8) {
        if task.query.is_some() {
            self.ask(RespondQueryTaskCompletedRequest {
                namespace: "default".to_owned(),
                task_token: task.task_token,
                completed_type: 1,
                ..RespondQueryTaskCompletedRequest::default()
            });
            return;
        }
        let command = match how % 8 {
            0 => Some(close()),
            1..=3 => Some(activity("a")),
            4 => Some(activity("b")),
            _ => None,
        };
        self.ask(RespondWorkflowTaskCompletedRequest {
            namespace: "default".to_owned(),
            task_token: task.task_token,
            commands: command.into_iter().collect(),
            messages: task.messages.iter().map(rejection).collect(),
            ..RespondWorkflowTaskCompletedRequest::default()
        });
    }

    fn pass(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        // A cron schedule goes on for ever.
        for _ in 0..200 {
            let due_ms = self
                .cluster
                .next_due_ms()
                .filter(|due_ms| *due_ms <= end_ms);
            let Some(due_ms) = due_ms else { break };
            self.now_ms = self.now_ms.max(due_ms);
            self.cluster.fire_due(self.now_ms);
        }
        self.now_ms = self.now_ms.max(end_ms);
        self.collect();
    }

    /// Ends every wait, and checks all histories. A query that a worker may still answer waits
    /// until its caller gives up.
    pub(crate) fn end(&mut self) {
        for id in self.unanswered.keys().copied().collect::<Vec<_>>() {
            self.cluster.expire(self.now_ms, id);
            self.collect();
        }
        let waits: BTreeSet<_> = self.unanswered.values().copied().collect();
        let waits: Vec<_> = waits
            .into_iter()
            .filter(|rpc| *rpc != Rpc::QueryWorkflow)
            .collect();
        assert!(waits.is_empty(), "never answered: {waits:?}");
        for namespace in ["default", "elsewhere"] {
            for execution in self.executions(namespace) {
                self.check_history(namespace, execution);
            }
        }
    }

    fn executions(&mut self, namespace: &str) -> Vec<WorkflowExecution> {
        let listed = self.ask(ListWorkflowExecutionsRequest {
            namespace: namespace.to_owned(),
            page_size: 1_000,
            ..ListWorkflowExecutionsRequest::default()
        });
        let Some(Response::ListWorkflowExecutions(listed)) = listed else {
            panic!("a list is answered at once: {listed:?}")
        };
        listed
            .executions
            .into_iter()
            .filter_map(|it| it.execution)
            .collect()
    }

    fn check_history(&mut self, namespace: &str, execution: WorkflowExecution) {
        let name = format!("{execution:?}");
        let read = self.ask(GetWorkflowExecutionHistoryRequest {
            namespace: namespace.to_owned(),
            execution: Some(execution),
            ..GetWorkflowExecutionHistoryRequest::default()
        });
        let Some(Response::GetWorkflowExecutionHistory(page)) = read else {
            panic!("{name} has a history: {read:?}")
        };
        let events = page.history.unwrap_or_default().events;
        let events: Vec<_> = events.into_iter().map(HistoryEvent::from).collect();
        if page.next_page_token.is_empty() {
            let kept = history_rules::check(&events);
            assert!(kept.is_ok(), "{name}: {kept:?}");
        }
    }
}

/// Returns the request for an endpoint whose operations are handled on a queue.
fn endpoint() -> CreateNexusEndpointRequest {
    let worker = endpoint_target::Worker {
        namespace: "default".to_owned(),
        task_queue: "queue".to_owned(),
    };
    CreateNexusEndpointRequest {
        spec: Some(EndpointSpec {
            name: "endpoint".to_owned(),
            target: Some(EndpointTarget {
                variant: Some(endpoint_target::Variant::Worker(worker)),
            }),
            ..EndpointSpec::default()
        }),
    }
}

fn start(workflow_id: &str, number: u64) -> StartWorkflowExecutionRequest {
    let name = |name: &str| name.to_owned();
    StartWorkflowExecutionRequest {
        namespace: name("default"),
        workflow_id: name(workflow_id),
        workflow_type: Some(WorkflowType { name: name("a") }),
        task_queue: Some(TaskQueue {
            name: name("queue"),
            ..TaskQueue::default()
        }),
        request_id: format!("start-{number}"),
        ..StartWorkflowExecutionRequest::default()
    }
}

/// Returns a command to begin an activity on a queue that workers poll.
fn activity(activity_id: &str) -> Command {
    let name = |name: &str| name.to_owned();
    let mut attributes = ScheduleActivityTaskCommandAttributes {
        activity_id: name(activity_id),
        activity_type: Some(ActivityType { name: name("a") }),
        task_queue: Some(TaskQueue {
            name: name("queue"),
            ..TaskQueue::default()
        }),
        ..ScheduleActivityTaskCommandAttributes::default()
    };
    let timeout = attributes.start_to_close_timeout.get_or_insert_default();
    timeout.seconds = 60;
    Command {
        command_type: CommandType::ScheduleActivityTask.into(),
        attributes: Some(Attributes::ScheduleActivityTaskCommandAttributes(
            attributes,
        )),
        ..Command::default()
    }
}

/// Returns a command to complete the workflow.
fn close() -> Command {
    let attributes = CompleteWorkflowExecutionCommandAttributes::default();
    Command {
        command_type: CommandType::CompleteWorkflowExecution.into(),
        attributes: Some(Attributes::CompleteWorkflowExecutionCommandAttributes(
            attributes,
        )),
        ..Command::default()
    }
}

/// Returns the rejection of an update.
fn rejection(asked: &protocol_message::Message) -> protocol_message::Message {
    let rejection = update::Rejection {
        rejected_request_message_id: asked.id.clone(),
        failure: Some(Failure::default()),
        ..update::Rejection::default()
    };
    let mut message = protocol_message::Message {
        id: format!("{}/rejection", asked.id),
        protocol_instance_id: asked.protocol_instance_id.clone(),
        ..protocol_message::Message::default()
    };
    let body = message.body.get_or_insert_default();
    "type.googleapis.com/temporal.api.update.v1.Rejection".clone_into(&mut body.type_url);
    body.value = rejection.encode_to_vec();
    message
}

/// Checks that a refusal is the server's: no bug of ours is clear to a caller.
fn check(rpc: &str, status: &Status) {
    let bugs = [Code::Internal, Code::Unknown, Code::DataLoss, Code::Ok];
    assert!(
        !bugs.contains(&status.code()),
        "{rpc}: not a clear status: {status:?}"
    );
    // Why a query failed, only its worker can say.
    assert!(
        !status.message().is_empty() || !status.details().is_empty(),
        "{rpc}: a status without words: {status:?}"
    );
}
