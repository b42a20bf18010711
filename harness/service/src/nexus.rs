//! What Nexus needs beside `WorkflowService`: endpoints, and the callback by which a handler tells
//! how an operation ended.
//!
//! On the server an endpoint is made by `OperatorService.CreateNexusEndpoint`, and a completion
//! arrives over HTTP and goes on as `HistoryService.CompleteNexusOperation`. Here the one is
//! [`Service::create_nexus_endpoint`], the other a [`Request`](crate::Request) of that name.
//! Source: `temporalio/temporal: common/nexus/endpoint_registry.go`,
//! `service/frontend/nexus_completion_http_handler.go`.

use std::collections::BTreeMap;

use crate::{
    api::{common::Payload, failure::Failure},
    identifiers::derived_uuid,
    service::Service,
};

/// Tells that an operation that its handler had started has ended: what a handler posts to the
/// callback that came with the request to start it.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CompleteNexusOperationRequest {
    /// The callback header `temporal-callback-token` of the request to start the operation.
    #[prost(string, tag = "1")]
    pub callback_token: String,
    /// By what the handler knows the operation, in case the answer to the request to start it comes
    /// later.
    #[prost(string, tag = "2")]
    pub operation_token: String,
    /// When the handler started the operation, in the same case: milliseconds since the Unix epoch.
    #[prost(uint64, optional, tag = "3")]
    pub start_time_ms: Option<u64>,
    /// The result of an operation that succeeded.
    #[prost(message, optional, tag = "4")]
    pub result: Option<Payload>,
    /// Why it did not succeed. One with `CanceledFailureInfo` says that it was canceled.
    #[prost(message, optional, tag = "5")]
    pub failure: Option<Failure>,
}

/// The answer to a [`CompleteNexusOperationRequest`].
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct CompleteNexusOperationResponse {}

/// Where the requests to an endpoint go.
#[derive(Clone, Debug)]
pub(crate) struct NexusEndpoint {
    pub(crate) id: String,
    pub(crate) task_queue: String,
}

/// The endpoints, by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct NexusEndpoints {
    by_name: BTreeMap<String, NexusEndpoint>,
}

impl NexusEndpoints {
    pub(crate) fn get(&self, name: &str) -> Option<&NexusEndpoint> {
        self.by_name.get(name)
    }
}

impl Service {
    /// Makes an endpoint, whose operations are handled by whoever polls this task queue for Nexus
    /// tasks. One that is there already gets the new task queue.
    pub fn create_nexus_endpoint(
        &mut self,
        name: impl Into<String>,
        task_queue: impl Into<String>,
    ) {
        let (name, task_queue) = (name.into(), task_queue.into());
        let id = derived_uuid(self.config.id_seed, &format!("nexus endpoint {name}"), 0);
        self.nexus_endpoints
            .by_name
            .insert(name, NexusEndpoint { id, task_queue });
    }
}
