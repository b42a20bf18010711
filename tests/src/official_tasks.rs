//! The official worker as a stand-in that answers the workflow tasks of a simulated world.
//!
//! The world keeps its network, clock and activities, but each workflow task goes to the official
//! worker: real Core and the SDK's own host, on a thread of its own with real time. Virtual time
//! stands still until the answer arrives. So the world remains deterministic, and its histories can
//! be compared byte by byte.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    time::Duration,
};

use durasim::__private::{ExternalWorker, WorkflowTaskAnswerer};
use durasim_service::{
    PolledWorkflowTask, Reason, Request, RequestId, Response, Service, ServiceConfig,
};
use durasim_worker::{HistoryFetch, TaskFailureReason, WorkflowTaskFailure, WorkflowTaskProgress};
use futures::{channel::oneshot, future::BoxFuture};
use temporalio_client::{
    Client, ClientOptions, Connection, ConnectionOptions, Url,
    callback_based::{CallbackBasedGrpcService, GrpcRequest, GrpcSuccessResponse},
};
use temporalio_common::worker::WorkerDeploymentOptions;
use temporalio_protos::temporal::api::{
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{
        GetWorkflowExecutionHistoryResponse, PollWorkflowTaskQueueResponse,
        RespondQueryTaskCompletedResponse, RespondWorkflowTaskCompletedRequest,
        RespondWorkflowTaskCompletedResponse, RespondWorkflowTaskFailedResponse,
        ShutdownWorkerResponse,
    },
};
use temporalio_sdk::WorkerOptions;
use tonic::Status;

/// Returns a stand-in with one official worker for each task queue, started with the queue's first
/// task.
///
/// `register` gives a worker its workflows and its local activities, if it has any; local
/// activities then run in real time.
///
/// # Panics
///
/// In the world that uses the stand-in: if the worker does not start, gives no answer, or sends an
/// unexpected request.
pub fn official_worker(
    register: impl Fn(&mut WorkerOptions) + Send + Sync + 'static,
    cache: bool,
) -> ExternalWorker {
    ExternalWorker::new(OfficialWorkers {
        register: Arc::new(register),
        cache,
        by_queue: Mutex::default(),
    })
}

/// A function that registers workflows and activities with an official worker.
type Register = Arc<dyn Fn(&mut WorkerOptions) + Send + Sync>;

/// The official workers of a world.
struct OfficialWorkers {
    register: Register,
    cache: bool,
    by_queue: Mutex<BTreeMap<String, OfficialWorker>>,
}

impl WorkflowTaskAnswerer for OfficialWorkers {
    fn on_task(
        &self,
        sticky_queue: &str,
        task: PollWorkflowTaskQueueResponse,
    ) -> WorkflowTaskProgress {
        let queue = task
            .workflow_execution_task_queue
            .clone()
            .unwrap_or_default()
            .name;
        let mut workers = self.by_queue.lock().unwrap_or_else(PoisonError::into_inner);
        let worker = workers.entry(queue).or_insert_with_key(|queue| {
            let identity = sticky_queue.trim_end_matches("-sticky");
            OfficialWorker::start(
                self.register.clone(),
                queue.clone(),
                identity.to_owned(),
                self.cache,
            )
        });
        sticky_queue.clone_into(&mut worker.sticky_queue);
        worker.desk.hand_out(task);
        worker.progress()
    }

    fn on_completed(
        &self,
        run_id: &str,
        answer: Result<&RespondWorkflowTaskCompletedResponse, &Status>,
    ) {
        let workers = self.by_queue.lock().unwrap_or_else(PoisonError::into_inner);
        let reported = workers
            .values()
            .find_map(|worker| worker.desk.state().reported.remove(run_id));
        // If the worker got another task meanwhile, it was answered in the service's place.
        let Some(reported) = reported else { return };
        // The world itself delivers the next task.
        let answer = answer
            .cloned()
            .map(|answer| RespondWorkflowTaskCompletedResponse {
                workflow_task: None,
                ..answer
            });
        // Core waits for this answer, unless it has shut down.
        let _ = reported.send(answer.map_err(|status| Reason::strip(status.clone())));
    }

    fn on_history_page(
        &self,
        run_id: &str,
        page: GetWorkflowExecutionHistoryResponse,
    ) -> WorkflowTaskProgress {
        let mut workers = self.by_queue.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = workers
            .values_mut()
            .find_map(|worker| Some((worker.desk.asked(run_id)?, worker)));
        let (page_wanted, worker) = asked.expect("a page that an official worker asked for");
        // If the worker has given up, its answer says so.
        let _ = page_wanted.send(page);
        worker.progress()
    }
}

/// An official worker on a thread of its own.
struct OfficialWorker {
    desk: Arc<Desk>,
    answers: mpsc::Receiver<Request>,
    /// The sticky queue that the world polls for this worker.
    sticky_queue: String,
}

/// The exchange with an official worker: tasks go to it, its answers come back.
struct Desk {
    state: Mutex<DeskState>,
    answers: mpsc::Sender<Request>,
}

#[derive(Default)]
struct DeskState {
    tasks: VecDeque<PollWorkflowTaskQueueResponse>,
    /// The run of each task that was handed out, by task token.
    runs: BTreeMap<Vec<u8>, String>,
    polls: Vec<oneshot::Sender<PollWorkflowTaskQueueResponse>>,
    /// By run id, the receivers of the service's answers to completed tasks.
    reported:
        BTreeMap<String, oneshot::Sender<Result<RespondWorkflowTaskCompletedResponse, Status>>>,
    /// By run id, the receivers of requested pages of history.
    pages: BTreeMap<String, oneshot::Sender<GetWorkflowExecutionHistoryResponse>>,
    shutdown: Option<oneshot::Sender<()>>,
}

/// The real time that an answer may take: a guard against tests that hang.
const PATIENCE: Duration = Duration::from_mins(1);

impl OfficialWorker {
    fn start(register: Register, queue: String, identity: String, cache: bool) -> Self {
        let (sender, answers) = mpsc::channel();
        let (shutdown, shut_down) = oneshot::channel();
        let desk = Arc::new(Desk {
            state: Mutex::default(),
            answers: sender,
        });
        desk.state().shutdown = Some(shutdown);
        let of_thread = desk.clone();
        std::thread::Builder::new()
            .name(format!("official worker of {queue}"))
            .spawn(move || run(&of_thread, shut_down, &register, queue, identity, cache))
            .expect("a thread for the official worker");
        Self {
            desk,
            answers,
            sticky_queue: String::new(),
        }
    }

    /// Waits for the worker's next request.
    fn progress(&self) -> WorkflowTaskProgress {
        match self
            .answers
            .recv_timeout(PATIENCE)
            .expect("the official worker answers its workflow task")
        {
            Request::RespondWorkflowTaskCompleted(mut request) => {
                rename_sticky_queue(&mut request, &self.sticky_queue);
                WorkflowTaskProgress::Completed(request)
            }
            Request::RespondWorkflowTaskFailed(request) => {
                let failure = request.failure.clone().unwrap_or_default();
                let cause = request.cause();
                WorkflowTaskProgress::Failed(Box::new(WorkflowTaskFailure {
                    task_token: request.task_token.clone(),
                    request: Some(request),
                    failure,
                    cause,
                    reason: TaskFailureReason::Other,
                }))
            }
            Request::RespondQueryTaskCompleted(request) => {
                WorkflowTaskProgress::QueryAnswered(request)
            }
            Request::GetWorkflowExecutionHistory(request) => {
                // Core tells its fetches apart by itself.
                let fetch = HistoryFetch {
                    run_id: request.execution.clone().unwrap_or_default().run_id,
                    number: 0,
                };
                WorkflowTaskProgress::NeedsHistory { fetch, request }
            }
            other => panic!("{} does not answer a workflow task", other.rpc()),
        }
    }
}

impl Drop for OfficialWorker {
    fn drop(&mut self) {
        if let Some(shutdown) = self.desk.state().shutdown.take() {
            // A worker that failed is gone already.
            let _ = shutdown.send(());
        }
    }
}

/// Replaces the random name of Core's sticky queue; the world polls its own.
fn rename_sticky_queue(request: &mut RespondWorkflowTaskCompletedRequest, sticky_queue: &str) {
    if let Some(TaskQueue { name, .. }) = request
        .sticky_attributes
        .as_mut()
        .and_then(|sticky| sticky.worker_task_queue.as_mut())
    {
        sticky_queue.clone_into(name);
    }
}

/// Runs the thread of an official worker until the worker is shut down.
fn run(
    desk: &Arc<Desk>,
    shut_down: oneshot::Receiver<()>,
    register: &Register,
    queue: String,
    identity: String,
    cache: bool,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a Tokio runtime");
    runtime.block_on(async {
        let client = desk.client(&identity).await;
        let mut options = WorkerOptions::new(queue)
            .client_identity_override(identity)
            .build();
        options.max_cached_workflows = if cache { 1000 } else { 0 };
        // No build id, as the simulated workers; the default is a hash of the test's own binary.
        options.deployment_options = WorkerDeploymentOptions::from_build_id(String::new());
        register(&mut options);
        let mut worker = crate::official_worker::worker(client, options);
        let shutdown = worker.shutdown_handle();
        let until_shut_down = async {
            // The sender is dropped or used when the world has ended.
            let _ = shut_down.await;
            shutdown();
        };
        let (ended, ()) = futures::join!(worker.run(), until_shut_down);
        ended.expect("the official worker runs until it is shut down");
    });
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, DeskState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hand_out(&self, task: PollWorkflowTaskQueueResponse) {
        let mut state = self.state();
        // The SDK reports one task after the other: it begins no task before it knows the result of
        // the last.
        for reported in std::mem::take(&mut state.reported).into_values() {
            // Core waits for this answer, unless it has shut down.
            let _ = reported.send(Ok(RespondWorkflowTaskCompletedResponse::default()));
        }
        let run_id = task.workflow_execution.clone().unwrap_or_default().run_id;
        state.runs.insert(task.task_token.clone(), run_id);
        state.tasks.push_back(task);
        state.serve();
    }

    fn asked(&self, run_id: &str) -> Option<oneshot::Sender<GetWorkflowExecutionHistoryResponse>> {
        self.state().pages.remove(run_id)
    }

    async fn client(self: &Arc<Self>, identity: &str) -> Client {
        let desk = self.clone();
        let callback = Arc::new(move |grpc: GrpcRequest| desk.serve(&grpc));
        let options = ConnectionOptions::new(
            Url::parse("http://simulated.invalid:7233").expect("an address"),
        )
        .identity(identity.to_owned())
        .dns_load_balancing(None)
        .service_override(CallbackBasedGrpcService { callback })
        .build();
        let connection = Connection::connect(options)
            .await
            .expect("GetSystemInfo is answered");
        Client::new(connection, ClientOptions::new("default").build())
            .expect("a client without plugins")
    }

    fn serve(&self, grpc: &GrpcRequest) -> BoxFuture<'static, Result<GrpcSuccessResponse, Status>> {
        let answer =
            Request::decode(&grpc.rpc, &grpc.proto).and_then(|request| self.respond(request));
        Box::pin(async move {
            let proto = match answer? {
                Answer::Now(response) => response.encode_to_vec(),
                Answer::Task(task) => {
                    let task = task
                        .await
                        .map_err(|_| Status::cancelled("the worker is gone"))?;
                    Response::from(PolledWorkflowTask::from(task)).encode_to_vec()
                }
                Answer::Page(page) => {
                    let page = page
                        .await
                        .map_err(|_| Status::cancelled("the world is gone"))?;
                    Response::from(page).encode_to_vec()
                }
                Answer::Reported(answer) => {
                    let answer = answer
                        .await
                        .map_err(|_| Status::cancelled("the world is gone"))??;
                    Response::from(answer).encode_to_vec()
                }
                Answer::Never => futures::future::pending().await,
            };
            Ok(GrpcSuccessResponse {
                headers: tonic::metadata::MetadataMap::new().into_headers(),
                proto,
            })
        })
    }

    fn respond(&self, request: Request) -> Result<Answer, Status> {
        let response: Response = match &request {
            Request::PollWorkflowTaskQueue(_) => {
                let (sender, receiver) = oneshot::channel();
                let mut state = self.state();
                state.polls.push(sender);
                state.serve();
                return Ok(Answer::Task(receiver));
            }
            Request::GetWorkflowExecutionHistory(page) => {
                let (sender, receiver) = oneshot::channel();
                let run_id = page.execution.clone().unwrap_or_default().run_id;
                self.state().pages.insert(run_id, sender);
                let _ = self.answers.send(request);
                return Ok(Answer::Page(receiver));
            }
            Request::PollActivityTaskQueue(_) | Request::PollNexusTaskQueue(_) => {
                return Ok(Answer::Never);
            }
            Request::GetSystemInfo(_) | Request::DescribeNamespace(_) => {
                return asked_at_start(request);
            }
            Request::RespondWorkflowTaskCompleted(completed) => {
                let (sender, receiver) = oneshot::channel();
                let mut state = self.state();
                let run_id = state
                    .runs
                    .get(&completed.task_token)
                    .cloned()
                    .unwrap_or_default();
                state.reported.insert(run_id, sender);
                drop(state);
                let _ = self.answers.send(request);
                return Ok(Answer::Reported(receiver));
            }
            Request::RespondWorkflowTaskFailed(_) => {
                RespondWorkflowTaskFailedResponse::default().into()
            }
            Request::RespondQueryTaskCompleted(_) => {
                RespondQueryTaskCompletedResponse::default().into()
            }
            Request::ShutdownWorker(_) => {
                return Ok(Answer::Now(ShutdownWorkerResponse::default().into()));
            }
            other => {
                return Err(Status::unimplemented(format!(
                    "{} is not expected",
                    other.rpc()
                )));
            }
        };
        // The receiver is gone once the world has ended.
        let _ = self.answers.send(request);
        Ok(Answer::Now(response))
    }
}

enum Answer {
    Now(Response),
    Task(oneshot::Receiver<PollWorkflowTaskQueueResponse>),
    Page(oneshot::Receiver<GetWorkflowExecutionHistoryResponse>),
    Reported(oneshot::Receiver<Result<RespondWorkflowTaskCompletedResponse, Status>>),
    Never,
}

impl DeskState {
    /// Passes tasks to waiting polls; tasks whose poll is gone are skipped.
    fn serve(&mut self) {
        self.polls.retain(|poll| !poll.is_canceled());
        while !self.tasks.is_empty()
            && let Some(poll) = self.polls.pop()
        {
            if let Some(task) = self.tasks.pop_front()
                && let Err(task) = poll.send(task)
            {
                self.tasks.push_front(task);
            }
        }
    }
}

/// Answers the requests that a worker sends before it polls; they do not depend on the world.
fn asked_at_start(request: Request) -> Result<Answer, Status> {
    let mut service = Service::new(ServiceConfig::default());
    service.request(durasim_engine::START_MS, RequestId(0), request);
    let reply = service.take_replies().pop().expect("answered at once");
    let mut response = reply.result?;
    if let Response::GetSystemInfo(info) = &mut response
        && let Some(capabilities) = &mut info.capabilities
    {
        // A worker stamps its answers for such a server, even without a build id; the simulated
        // workers without one do not.
        capabilities.build_id_based_versioning = false;
    }
    Ok(Answer::Now(response))
}
