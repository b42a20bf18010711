//! A simulated service without a world around it, for the official worker and client.
//!
//! [`Server`] is one `durasim_service::Service` behind the official SDK's in-process callback. It
//! has its own virtual time, which jumps to the next timer when the service, the workers and the
//! test have nothing left to do. The server knows this by counting, not by waiting: every task that
//! it handed out is answered, every worker is back at its polls, and the test waits for an answer
//! or in [`Server::sleep`]. So nothing depends on the speed of the machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use durasim_engine::START_MS;
use durasim_service::{Reason, Request, RequestId, Response, Rpc, Service, ServiceConfig};
use futures::{channel::oneshot, future::BoxFuture};
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, Url,
    callback_based::{CallbackBasedGrpcService, GrpcRequest, GrpcSuccessResponse},
};
use temporalio_protos::temporal::api::{
    enums::v1::TaskQueueKind, history::v1::HistoryEvent, taskqueue::v1::TaskQueue,
};
use tonic::Status;

/// A task queue as pollers see it: its normal name and the kind of tasks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Poll {
    /// Workflow tasks from the queue itself.
    Workflow(String),
    /// Workflow tasks from the sticky queue of a worker of this queue.
    StickyWorkflow(String),
    /// Activity tasks.
    Activity(String),
}

/// A simulated service that the official worker and client are connected to.
#[derive(Clone)]
pub struct Server(Arc<Mutex<State>>);

struct State {
    service: Service,
    now_ms: u64,
    next_id: u64,
    calls: BTreeMap<RequestId, Call>,
    /// The task tokens that were handed out and not answered, each with its activity id, if it has
    /// one.
    handed_out: BTreeMap<Vec<u8>, Option<String>>,
    sleepers: Vec<(u64, oneshot::Sender<()>)>,
    expected: BTreeSet<Poll>,
    /// All RPCs so far, for the message of a test that is stuck.
    log: Vec<String>,
}

/// A request that the service has not answered yet.
struct Call {
    sender: oneshot::Sender<Result<Vec<u8>, Status>>,
    rpc: Rpc,
    poll: Option<Poll>,
}

impl Default for Server {
    fn default() -> Self {
        Self::new(ServiceConfig::default())
    }
}

impl Server {
    /// Creates a server without any workflow.
    pub fn new(config: ServiceConfig) -> Self {
        Self(Arc::new(Mutex::new(State {
            service: Service::new(config),
            now_ms: START_MS,
            next_id: 1,
            calls: BTreeMap::new(),
            handed_out: BTreeMap::new(),
            sleepers: Vec::new(),
            expected: BTreeSet::new(),
            log: Vec::new(),
        })))
    }

    /// Returns an official client that is connected to this server.
    ///
    /// # Panics
    ///
    /// If the client does not connect.
    pub async fn client(&self) -> Client {
        let server = self.clone();
        let callback = Arc::new(move |grpc: GrpcRequest| server.answer(&grpc));
        let options = ConnectionOptions::new(
            Url::parse("http://simulated.invalid:7233").expect("an address"),
        )
        .identity("oracle".to_owned())
        .dns_load_balancing(None)
        .service_override(CallbackBasedGrpcService { callback })
        .build();
        let connection = Connection::connect(options)
            .await
            .expect("the service answers GetSystemInfo");
        Client::new(connection, ClientOptions::new("default").build())
            .expect("a client without plugins")
    }

    /// Waits for the given virtual time.
    ///
    /// # Panics
    ///
    /// If the server is dropped meanwhile.
    pub async fn sleep(&self, duration: Duration) {
        let (sender, receiver) = oneshot::channel();
        {
            let mut state = self.state();
            let due_ms = state.now_ms + millis(duration);
            state.sleepers.push((due_ms, sender));
            state.pump();
        }
        receiver.await.expect("the server outlives its sleepers");
    }

    /// Advances virtual time, even if work is under way; timers that fall due fire.
    pub fn advance(&self, duration: Duration) {
        let mut state = self.state();
        let end_ms = state.now_ms + millis(duration);
        state.advance_to(end_ms);
        state.pump();
    }

    /// Lets time jump only while all these polls wait at the service.
    pub fn expect_polls(&self, polls: impl IntoIterator<Item = Poll>) {
        self.state().expected.extend(polls);
    }

    /// Undoes [`Server::expect_polls`] when the worker goes away.
    pub fn forget_polls(&self) {
        self.state().expected.clear();
    }

    /// Returns the histories of all runs so far in the order of their starts, each with its
    /// workflow id and run id.
    pub fn histories(&self) -> Vec<(String, String, Vec<HistoryEvent>)> {
        let state = self.state();
        let runs = state.service.executions();
        runs.map(|run| {
            let events = state
                .service
                .history(&run.workflow_id, Some(&run.run_id))
                .unwrap_or_default();
            (run.workflow_id, run.run_id, plain(events))
        })
        .collect()
    }

    /// Returns the history of the last run of a workflow id; empty if there is none.
    pub fn history(&self, workflow_id: &str) -> Vec<HistoryEvent> {
        plain(
            self.state()
                .service
                .history(workflow_id, None)
                .unwrap_or_default(),
        )
    }

    /// Returns all requests so far and the open ones, for the message of a test that is stuck.
    pub fn diagnosis(&self) -> String {
        let state = self.state();
        let mut text = state.log.join("\n");
        let waiting: Vec<_> = state
            .calls
            .values()
            .map(|call| (call.rpc, &call.poll))
            .collect();
        let _ = write!(
            text,
            "\nwaiting: {waiting:?}\nhanded out: {}\nruns: {:#?}",
            state.handed_out.len(),
            state.service.executions().collect::<Vec<_>>()
        );
        text
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(
        &self,
        grpc: &GrpcRequest,
    ) -> BoxFuture<'static, Result<GrpcSuccessResponse, Status>> {
        let request = match Request::decode(&grpc.rpc, &grpc.proto) {
            Ok(request) => request,
            Err(status) => return Box::pin(async move { Err(status) }),
        };
        let (sender, receiver) = oneshot::channel();
        let id = self.state().request(sender, request);
        let guard = Hangup {
            server: self.clone(),
            id,
        };
        Box::pin(async move {
            let _guard = guard;
            let proto = receiver
                .await
                .unwrap_or_else(|_| Err(Status::cancelled("the server is gone")))?;
            Ok(GrpcSuccessResponse {
                headers: tonic::metadata::MetadataMap::new().into_headers(),
                proto,
            })
        })
    }
}

/// A guard that tells the service when a caller stops waiting.
struct Hangup {
    server: Server,
    id: RequestId,
}

impl Drop for Hangup {
    fn drop(&mut self) {
        let mut state = self.server.state();
        if state.calls.remove(&self.id).is_some() {
            state.service.cancel(self.id);
        }
    }
}

impl State {
    fn request(
        &mut self,
        sender: oneshot::Sender<Result<Vec<u8>, Status>>,
        request: Request,
    ) -> RequestId {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        let poll = poll_of(&request);
        self.log
            .push(format!("{} {}", self.now_ms - START_MS, request.rpc()));
        self.calls.insert(
            id,
            Call {
                sender,
                rpc: request.rpc(),
                poll,
            },
        );
        self.answered(&request);
        self.service.request(self.now_ms, id, request);
        self.pump();
        id
    }

    /// Delivers replies, and lets time jump while nothing else can happen.
    fn pump(&mut self) {
        loop {
            self.deliver();
            if !self.is_idle() {
                return;
            }
            let sleeper = self.sleepers.iter().map(|(due_ms, _)| *due_ms).min();
            let Some(due_ms) = [sleeper, self.service.next_due_ms()]
                .into_iter()
                .flatten()
                .min()
            else {
                return;
            };
            self.advance_to(due_ms);
        }
    }

    fn advance_to(&mut self, end_ms: u64) {
        while let Some(due_ms) = self
            .service
            .next_due_ms()
            .filter(|due_ms| *due_ms <= end_ms)
        {
            self.now_ms = self.now_ms.max(due_ms);
            self.service.fire(self.now_ms, 0);
            self.deliver();
        }
        self.now_ms = self.now_ms.max(end_ms);
        let now_ms = self.now_ms;
        for (_, sleeper) in self
            .sleepers
            .extract_if(.., |(due_ms, _)| *due_ms <= now_ms)
        {
            // The test may have stopped waiting.
            let _ = sleeper.send(());
        }
    }

    /// Returns `true` if nothing can happen before time advances.
    fn is_idle(&self) -> bool {
        let waiting: BTreeSet<_> = self
            .calls
            .values()
            .filter_map(|call| call.poll.clone())
            .collect();
        let somebody_waits =
            !self.sleepers.is_empty() || self.calls.values().any(|call| call.poll.is_none());
        somebody_waits && self.handed_out.is_empty() && self.expected.is_subset(&waiting)
    }

    fn deliver(&mut self) {
        for mut reply in self.service.take_replies() {
            reply.result = reply.result.map_err(Reason::strip);
            let Some(call) = self.calls.remove(&reply.id) else {
                continue;
            };
            if let Err(status) = &reply.result {
                self.log.push(format!("  {}: {status}", call.rpc));
            }
            let tasks = reply.result.as_ref().map(tasks_of).unwrap_or_default();
            let bytes = reply.result.map(|response| response.encode_to_vec());
            if call.sender.send(bytes).is_ok() {
                self.handed_out.extend(tasks);
            }
        }
    }

    /// Removes the task that a request answers from the list.
    fn answered(&mut self, request: &Request) {
        let token = match request {
            Request::RespondWorkflowTaskCompleted(request) => &request.task_token,
            Request::RespondWorkflowTaskFailed(request) => &request.task_token,
            Request::RespondQueryTaskCompleted(request) => &request.task_token,
            Request::RespondActivityTaskCompleted(request) => &request.task_token,
            Request::RespondActivityTaskFailed(request) => &request.task_token,
            Request::RespondActivityTaskCanceled(request) => &request.task_token,
            Request::RespondActivityTaskCompletedById(request) => {
                return self.closed(&request.activity_id);
            }
            Request::RespondActivityTaskFailedById(request) => {
                return self.closed(&request.activity_id);
            }
            Request::RespondActivityTaskCanceledById(request) => {
                return self.closed(&request.activity_id);
            }
            _ => return,
        };
        self.handed_out.remove(token);
    }

    fn closed(&mut self, activity_id: &str) {
        self.handed_out
            .retain(|_, id| id.as_deref() != Some(activity_id));
    }
}

/// Returns the tasks that a response hands out.
fn tasks_of(response: &Response) -> Vec<(Vec<u8>, Option<String>)> {
    match response {
        Response::PollWorkflowTaskQueue(task) if !task.task_token.is_empty() => {
            vec![(task.task_token.clone(), None)]
        }
        Response::PollActivityTaskQueue(task) if !task.task_token.is_empty() => {
            vec![(task.task_token.clone(), Some(task.activity_id.clone()))]
        }
        Response::RespondWorkflowTaskCompleted(answer) => {
            let next = answer
                .workflow_task
                .iter()
                .map(|task| (task.task_token.clone(), None));
            let eager = answer.activity_tasks.iter();
            next.chain(eager.map(|task| (task.task_token.clone(), Some(task.activity_id.clone()))))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn poll_of(request: &Request) -> Option<Poll> {
    let normal = |queue: &Option<TaskQueue>| queue.clone().unwrap_or_default();
    match request {
        Request::PollWorkflowTaskQueue(poll) => {
            let queue = normal(&poll.task_queue);
            Some(if queue.kind() == TaskQueueKind::Sticky {
                Poll::StickyWorkflow(queue.normal_name)
            } else {
                Poll::Workflow(queue.name)
            })
        }
        Request::PollActivityTaskQueue(poll) => Some(Poll::Activity(normal(&poll.task_queue).name)),
        _ => None,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn plain(events: &[Arc<durasim_events::HistoryEvent>]) -> Vec<HistoryEvent> {
    events.iter().map(|event| (&**event).into()).collect()
}
