//! The callback by which the handler of a Nexus operation tells how the operation ended.
//!
//! On the server a completion arrives over HTTP and goes on as
//! `HistoryService.CompleteNexusOperation`; here it is a [`Request`](crate::Request) of that name.
//!
//! Source: `temporalio/temporal: service/frontend/nexus_completion_http_handler.go`.

use crate::api::{common::Payload, failure::Failure};

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
