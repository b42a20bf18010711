//! The requests that reach handlers: to start an operation, and to cancel one.

use std::{collections::BTreeMap, rc::Rc};

use durasim_service::Response;
use temporalio_protos::temporal::api::{
    failure::v1::{Failure, NexusHandlerFailureInfo, failure::FailureInfo},
    nexus::v1::{
        CancelOperationRequest, CancelOperationResponse, Request as NexusRequest,
        StartOperationRequest, StartOperationResponse, request, response,
        start_operation_response as start,
    },
};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{
    handlers::{About, Asked, Started, Task, key},
    host::CurrentWorld,
};
use crate::{
    label::{Name, NexusMessage, Workflow},
    nexus::{Answer, CancelRequest, NexusCancelCall, NexusOperation, StartRequest},
    world::{World, state::State},
};

/// The header of callbacks that says which operation has ended.
const CALLBACK_TOKEN: &str = "temporal-callback-token";

impl State {
    /// An endpoint gets the answer to a poll, or to what a handler sent.
    pub(in crate::world) fn nexus_reply(
        &mut self,
        endpoint: usize,
        result: Result<Response, Status>,
    ) {
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
        self.executor.spawn(label.text(), async move {
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
        self.executor.spawn(label.text(), async move {
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
}
