//! Nexus handlers: the requests that reach them, their answers, and the ends of the operations that
//! they start.
//!
//! A handler is no part of a worker, so no fault of a worker touches it. It polls for requests as a
//! worker of its service would, and its calls are tasks of the executor.

use super::{
    World,
    calls::{Caller, ClientCall},
    state::State,
};
use crate::{
    label::{Label, Name, NexusMessage, TaskKind, Workflow},
    nexus::{
        Answer, CancelRequest, Handler, NexusCalls, NexusCancelCall, NexusHost, NexusOperation,
        StartRequest,
    },
};
use durasim_engine::Clock;
use durasim_service::{CompleteNexusOperationRequest, Reply, Request, Response};
use futures::{FutureExt, future::LocalBoxFuture};
use std::{collections::BTreeMap, rc::Rc};
use temporalio_protos::temporal::api::{
    common::v1::Payload,
    enums::v1::TaskQueueKind,
    failure::v1::{Failure, NexusHandlerFailureInfo, failure::FailureInfo},
    nexus::v1::{
        CancelOperationRequest, CancelOperationResponse, Request as NexusRequest,
        Response as NexusResponse, StartOperationRequest, StartOperationResponse, request,
        response, start_operation_response as start,
    },
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{
        PollNexusTaskQueueRequest, PollNexusTaskQueueResponse, RespondNexusTaskCompletedRequest,
        RespondNexusTaskFailedRequest,
    },
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

/// The time that an operation must have left, so that a request for it can be lost and made again: a
/// lost request is given up after nine seconds, and a few may be lost in a row.
const PATIENCE_MS: u64 = 120_000;

/// The header of callbacks that says which operation has ended.
const CALLBACK_TOKEN: &str = "temporal-callback-token";

/// Endpoint, service, operation.
type Key = (Rc<str>, Rc<str>, Rc<str>);

/// The handlers of a world, and the requests that reached them.
pub(crate) struct NexusHandlers {
    endpoints: Vec<Rc<str>>,
    operations: BTreeMap<Key, Handler>,
    /// The operations that a handler was asked to start, by request id.
    asked: BTreeMap<String, Asked>,
    /// The operations that were started, by operation and token.
    started: BTreeMap<(Key, String), Started>,
    calls: NexusCalls,
}

struct Asked {
    about: About,
    attempts: u32,
    cancel: CancellationToken,
}

#[derive(Clone)]
struct Started {
    request_id: String,
    about: About,
    callback_token: String,
    at_ms: u64,
    cancels: u32,
}

/// A request to start that a handler works on.
struct Task {
    endpoint: usize,
    token: Vec<u8>,
    operation: NexusOperation,
    request_id: String,
    about: About,
    callback_token: String,
}

/// An operation as labels name it: by the workflow that called it.
#[derive(Clone, Copy)]
struct About {
    workflow: Workflow,
    operation: Name,
}

impl About {
    fn label(self, message: NexusMessage) -> Label {
        Label::Nexus(self.workflow, self.operation, message)
    }
}

/// The world of the thread that uses it, as the host of Nexus operations.
pub(crate) struct CurrentWorld;

impl NexusHost for CurrentWorld {
    #[track_caller]
    fn with_handler(&self, operation: &NexusOperation, change: &mut dyn FnMut(&mut Handler)) {
        if let Some(handler) = World::current().state().nexus.handler_mut(operation) {
            change(handler);
        }
    }

    #[track_caller]
    fn calls(&self) -> NexusCalls {
        World::current().state().nexus.calls.clone()
    }

    fn end(
        &self,
        operation: &NexusOperation,
        token: &str,
        ended: Result<Payload, Box<Failure>>,
    ) -> Option<LocalBoxFuture<'static, Result<(), Status>>> {
        let world = World::current();
        let call = world.state().end_nexus_operation(operation, token, ended)?;
        Some(call.map(|answer| answer.map(drop)).boxed_local())
    }
}

fn key(operation: &NexusOperation) -> Key {
    (
        operation.endpoint.clone(),
        operation.service.clone(),
        operation.operation.clone(),
    )
}

impl NexusHandlers {
    pub(super) fn new(clock: Rc<Clock>) -> Self {
        Self {
            endpoints: Vec::new(),
            operations: BTreeMap::new(),
            asked: BTreeMap::new(),
            started: BTreeMap::new(),
            calls: NexusCalls::new(clock),
        }
    }

    fn handler_mut(&mut self, operation: &NexusOperation) -> Option<&mut Handler> {
        self.operations.get_mut(&key(operation))
    }

    /// Lists the operations of an endpoint, for the answer to a request for another one.
    fn registered(&self, endpoint: &str) -> String {
        let of_it = self.operations.keys().filter(|(of, ..)| **of == *endpoint);
        of_it
            .map(|(_, service, operation)| format!("{service}/{operation}"))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl State {
    /// Registers a handler, and its endpoint if that is new. Returns `false` if the operation has a
    /// handler already.
    pub(crate) fn register_nexus_operation(
        &mut self,
        operation: &NexusOperation,
        handler: Handler,
    ) -> bool {
        if self
            .nexus
            .operations
            .insert(key(operation), handler)
            .is_some()
        {
            return false;
        }
        if !self.nexus.endpoints.contains(&operation.endpoint) {
            let endpoint = self.nexus.endpoints.len();
            self.nexus.endpoints.push(operation.endpoint.clone());
            self.service
                .create_nexus_endpoint(&*operation.endpoint, task_queue_of(&operation.endpoint));
            self.poll_nexus(endpoint);
        }
        true
    }

    /// Polls for a request to an endpoint. Like a worker's poll, this is no message of its own.
    fn poll_nexus(&mut self, endpoint: usize) {
        let name = self.nexus.endpoints[endpoint].clone();
        let request = PollNexusTaskQueueRequest {
            namespace: self.namespace.clone(),
            task_queue: Some(TaskQueue {
                name: task_queue_of(&name),
                kind: TaskQueueKind::Normal.into(),
                normal_name: String::new(),
            }),
            identity: format!("nexus-{name}"),
            ..Default::default()
        };
        let caller = Caller::Nexus {
            endpoint,
            request_id: None,
        };
        let label = Label::Task(Name::new(&name), TaskKind::Nexus);
        let id = self.calls.open(label, caller);
        self.service
            .request(self.now_ms, id, Request::from(request));
    }

    /// Polls again as soon as a poll is matched.
    pub(super) fn repoll_nexus_if_matched(&mut self, endpoint: usize, reply: &Reply) {
        if matches!(reply.result, Ok(Response::PollNexusTaskQueue(_))) {
            self.poll_nexus(endpoint);
        }
    }

    /// Returns `true` if the operation with this request id has the time to be requested again.
    pub(super) fn nexus_tolerates_repeat(&self, request_id: &str) -> bool {
        let expires_at_ms = self
            .service
            .nexus_operation(request_id)
            .map(|(_, it)| it.expires_at_ms);
        expires_at_ms
            .is_some_and(|at_ms| at_ms.is_none_or(|at_ms| at_ms > self.now_ms + PATIENCE_MS))
    }

    /// Returns `true` if the operation of a request on its way to a handler has the time to be
    /// requested again.
    pub(super) fn nexus_task_tolerates_repeat(&self, task: &PollNexusTaskQueueResponse) -> bool {
        match task
            .request
            .as_ref()
            .and_then(|request| request.variant.as_ref())
        {
            Some(request::Variant::StartOperation(start)) => {
                self.nexus_tolerates_repeat(&start.request_id)
            }
            _ => false,
        }
    }

    /// An endpoint gets the answer to a poll, or to what a handler sent.
    pub(super) fn nexus_reply(&mut self, endpoint: usize, result: Result<Response, Status>) {
        let Ok(Response::PollNexusTaskQueue(task)) = result else {
            return;
        };
        let Some(NexusRequest {
            header, variant, ..
        }) = task.request
        else {
            return;
        };
        let headers = header.into_iter().collect();
        match variant {
            Some(request::Variant::StartOperation(start)) => {
                self.nexus_start_arrives(endpoint, task.task_token, start, headers);
            }
            Some(request::Variant::CancelOperation(cancel)) => {
                self.nexus_cancel_arrives(endpoint, task.task_token, cancel, headers);
            }
            None => {}
        }
    }

    /// Returns an operation as labels name it.
    fn nexus_about(&mut self, start: &StartOperationRequest) -> About {
        if let Some(asked) = self.nexus.asked.get(&start.request_id) {
            return asked.about;
        }
        let workflow = self
            .service
            .nexus_operation(&start.request_id)
            .map_or(Workflow::UNKNOWN, |(workflow_id, _)| {
                self.names.known(workflow_id)
            });
        About {
            workflow,
            operation: Name::new(&format!("{}.{}", start.service, start.operation)),
        }
    }

    fn nexus_start_arrives(
        &mut self,
        endpoint: usize,
        token: Vec<u8>,
        start: StartOperationRequest,
        headers: BTreeMap<String, String>,
    ) {
        let about = self.nexus_about(&start);
        let label = about.label(NexusMessage::Start);
        let asked = self
            .nexus
            .asked
            .entry(start.request_id.clone())
            .or_insert_with(|| Asked {
                about,
                attempts: 0,
                cancel: CancellationToken::new(),
            });
        asked.attempts += 1;
        let (attempt, cancel) = (asked.attempts, asked.cancel.clone());
        self.record("nexus start", format_args!("{label} attempt {attempt}"));
        let operation = self.nexus_operation_of(endpoint, &start.service, &start.operation);
        let StartOperationRequest {
            service,
            operation: name,
            request_id,
            payload,
            callback_header,
            ..
        } = start;
        let Some(handler) = self.nexus.handler_mut(&operation).cloned() else {
            let failure = self.nexus_not_found(&operation);
            let label = about.label(NexusMessage::Answer);
            return self.send_nexus_error(endpoint, token, Some(&request_id), label, failure);
        };
        let request = StartRequest {
            endpoint: operation.endpoint.to_string(),
            service,
            operation: name,
            request_id: request_id.clone(),
            attempt,
            headers,
            input: payload,
            cancel,
            calls: self.nexus.calls.clone(),
        };
        let callback_token = callback_header
            .get(CALLBACK_TOKEN)
            .cloned()
            .unwrap_or_default();
        let task = Task {
            endpoint,
            token,
            operation,
            request_id,
            about,
            callback_token,
        };
        self.executor.spawn(label.to_string(), async move {
            let answer = handler.start(request).await;
            World::current().state().nexus_start_answered(task, answer);
        });
    }

    fn nexus_operation_of(
        &self,
        endpoint: usize,
        service: &str,
        operation: &str,
    ) -> NexusOperation {
        NexusOperation {
            endpoint: self.nexus.endpoints[endpoint].clone(),
            service: service.into(),
            operation: operation.into(),
            host: Rc::new(CurrentWorld),
        }
    }

    fn nexus_not_found(&self, operation: &NexusOperation) -> Failure {
        let NexusOperation {
            endpoint,
            service,
            operation,
            ..
        } = operation;
        let info = NexusHandlerFailureInfo {
            r#type: "NOT_FOUND".to_owned(),
            ..Default::default()
        };
        Failure {
            message: format!(
                "endpoint {endpoint:?} has no operation {service}/{operation}; it has {}",
                self.nexus.registered(endpoint)
            ),
            failure_info: Some(FailureInfo::NexusHandlerFailureInfo(info)),
            ..Default::default()
        }
    }

    /// A handler has answered a request to start.
    fn nexus_start_answered(&mut self, task: Task, answer: Answer) {
        let Task {
            endpoint,
            token,
            operation,
            request_id,
            about,
            callback_token,
        } = task;
        let answered = about.label(NexusMessage::Answer);
        let mut ending = None;
        let variant = match answer {
            Answer::Completed(payload) => start::Variant::SyncSuccess(start::Sync {
                payload: Some(payload),
                links: Vec::new(),
            }),
            Answer::Started {
                token,
                ending: ends,
            } => {
                let at = (key(&operation), token.clone());
                // The same operation, started again, goes on as it is.
                if self
                    .nexus
                    .started
                    .get(&at)
                    .is_none_or(|started| started.request_id != request_id)
                {
                    let started = Started {
                        request_id: request_id.clone(),
                        about,
                        callback_token,
                        at_ms: self.now_ms,
                        cancels: 0,
                    };
                    self.nexus.started.insert(at, started);
                    ending = ends.map(|ends| (token.clone(), ends));
                }
                start::Variant::AsyncSuccess(start::Async {
                    operation_token: token,
                    ..Default::default()
                })
            }
            Answer::Unsuccessful(failure) => start::Variant::Failure(*failure),
            Answer::Error(failure) => {
                return self.send_nexus_error(
                    endpoint,
                    token,
                    Some(&request_id),
                    answered,
                    *failure,
                );
            }
        };
        let response = StartOperationResponse {
            variant: Some(variant),
        };
        let variant = response::Variant::StartOperation(response);
        self.send_nexus_answer(endpoint, token, Some(&request_id), answered, variant);
        if let Some((token, ending)) = ending {
            let name = format!("{}/operation", about.label(NexusMessage::Start));
            self.executor.spawn(name, async move {
                let ended = ending.await;
                // Whether anybody still waits for it is nothing that a handler would fail for.
                let _ = operation.end(&token, ended).await;
            });
        }
    }

    fn nexus_cancel_arrives(
        &mut self,
        endpoint: usize,
        token: Vec<u8>,
        cancel: CancelOperationRequest,
        headers: BTreeMap<String, String>,
    ) {
        let CancelOperationRequest {
            service,
            operation: name,
            operation_token,
            ..
        } = cancel;
        let operation = self.nexus_operation_of(endpoint, &service, &name);
        let started = self
            .nexus
            .started
            .get_mut(&(key(&operation), operation_token.clone()))
            .map(|started| {
                started.cancels += 1;
                started.clone()
            });
        let (Some(started), Some(handler)) = (started, self.nexus.handler_mut(&operation).cloned())
        else {
            let about = About {
                workflow: Workflow::UNKNOWN,
                operation: Name::new(&format!("{service}.{name}")),
            };
            let answered = about.label(NexusMessage::CancelAnswer);
            let failure = self.nexus_not_found(&operation);
            return self.send_nexus_error(endpoint, token, None, answered, failure);
        };
        let label = started.about.label(NexusMessage::Cancel);
        let answered = started.about.label(NexusMessage::CancelAnswer);
        self.record(
            "nexus cancel",
            format_args!("{label} attempt {}", started.cancels),
        );
        let call = NexusCancelCall {
            service,
            operation: name,
            token: operation_token,
            attempt: started.cancels,
            headers,
        };
        let endpoint_name = operation.endpoint.to_string();
        let request = CancelRequest {
            endpoint: endpoint_name,
            call,
            calls: self.nexus.calls.clone(),
        };
        let cancel = self
            .nexus
            .asked
            .get(&started.request_id)
            .map(|asked| asked.cancel.clone());
        self.executor.spawn(label.to_string(), async move {
            let answer = handler.cancel(request).await;
            let world = World::current();
            let mut state = world.state();
            match answer {
                Ok(()) => {
                    let variant = response::Variant::CancelOperation(CancelOperationResponse {});
                    state.send_nexus_answer(endpoint, token, None, answered, variant);
                    drop(state);
                    if let Some(cancel) = cancel {
                        cancel.cancel();
                    }
                }
                Err(failure) => {
                    state.send_nexus_error(endpoint, token, None, answered, *failure);
                }
            }
        });
    }

    fn send_nexus_answer(
        &mut self,
        endpoint: usize,
        task_token: Vec<u8>,
        request_id: Option<&str>,
        label: Label,
        variant: response::Variant,
    ) {
        let request = RespondNexusTaskCompletedRequest {
            namespace: self.namespace.clone(),
            identity: format!("nexus-{}", self.nexus.endpoints[endpoint]),
            task_token,
            response: Some(NexusResponse {
                variant: Some(variant),
            }),
            ..Default::default()
        };
        self.send_nexus(endpoint, request_id, label, request.into());
    }

    fn send_nexus_error(
        &mut self,
        endpoint: usize,
        task_token: Vec<u8>,
        request_id: Option<&str>,
        label: Label,
        failure: Failure,
    ) {
        let request = RespondNexusTaskFailedRequest {
            namespace: self.namespace.clone(),
            identity: format!("nexus-{}", self.nexus.endpoints[endpoint]),
            task_token,
            failure: Some(failure),
            ..Default::default()
        };
        self.send_nexus(endpoint, request_id, label, request.into());
    }

    fn send_nexus(
        &mut self,
        endpoint: usize,
        request_id: Option<&str>,
        label: Label,
        request: Request,
    ) {
        let caller = Caller::Nexus {
            endpoint,
            request_id: request_id.map(Into::into),
        };
        self.send_request(caller, label, request);
    }

    /// Tells the service how a started operation ended; `None` if none was started under this
    /// token.
    pub(crate) fn end_nexus_operation(
        &mut self,
        operation: &NexusOperation,
        token: &str,
        ended: Result<Payload, Box<Failure>>,
    ) -> Option<ClientCall> {
        let started = self
            .nexus
            .started
            .get(&(key(operation), token.to_owned()))?
            .clone();
        let (result, failure) = match ended {
            Ok(payload) => (Some(payload), None),
            Err(failure) => (None, Some(*failure)),
        };
        let request = CompleteNexusOperationRequest {
            callback_token: started.callback_token,
            operation_token: token.to_owned(),
            start_time_ms: Some(started.at_ms),
            result,
            failure,
        };
        // A handler waits for the answer, however long it takes.
        Some(self.call(
            started.about.label(NexusMessage::Completion),
            None,
            request.into(),
        ))
    }
}

/// The task queue of an endpoint: no worker's.
fn task_queue_of(endpoint: &str) -> String {
    format!("nexus endpoint {endpoint}")
}
