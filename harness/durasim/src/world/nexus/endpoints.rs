//! The endpoints of handlers: how they are made, and how they poll for requests.

use durasim_service::{Reply, Request, Response};
use temporalio_protos::temporal::api::{
    enums::v1::TaskQueueKind,
    nexus::v1::request,
    taskqueue::v1::TaskQueue,
    workflowservice::v1::{PollNexusTaskQueueRequest, PollNexusTaskQueueResponse},
};

use super::handlers::key;
use crate::{
    label::{Label, Name, TaskKind},
    nexus::{Handler, NexusOperation},
    world::{pending::Caller, state::State},
};

/// The time that an operation must have left, so that a request for it can be lost and made again:
/// a lost request is given up after nine seconds, and a few may be lost in a row.
const PATIENCE_MS: u64 = 120_000;

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
    pub(in crate::world) fn repoll_nexus_if_matched(&mut self, endpoint: usize, reply: &Reply) {
        if matches!(reply.result, Ok(Response::PollNexusTaskQueue(_))) {
            self.poll_nexus(endpoint);
        }
    }

    /// Returns `true` if the operation with this request id has the time to be requested again.
    pub(in crate::world) fn nexus_tolerates_repeat(&self, request_id: &str) -> bool {
        let expires_at_ms = self
            .service
            .nexus_operation(request_id)
            .map(|(_, it)| it.expires_at_ms);
        expires_at_ms
            .is_some_and(|at_ms| at_ms.is_none_or(|at_ms| at_ms > self.now_ms + PATIENCE_MS))
    }

    /// Returns `true` if the operation of a request on its way to a handler has the time to be
    /// requested again.
    pub(in crate::world) fn nexus_task_tolerates_repeat(
        &self,
        task: &PollNexusTaskQueueResponse,
    ) -> bool {
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
}

/// The task queue of an endpoint: no worker's.
fn task_queue_of(endpoint: &str) -> String {
    format!("nexus endpoint {endpoint}")
}
