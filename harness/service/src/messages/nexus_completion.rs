//! The callback with which the handler of a Nexus operation reports the end of the operation.
//!
//! On the server, a completion arrives over HTTP and goes on as
//! `HistoryService.CompleteNexusOperation`; here it is a [`Request`](crate::Request) of that name.
//!
//! Source: `temporalio/temporal: service/frontend/nexus_completion_http_handler.go`.

use crate::api::{
    common::{Link, Payload},
    failure::Failure,
};

/// The end of a Nexus operation, which its handler posts to the callback of the request that
/// started the operation.
#[derive(Clone, PartialEq, prost::Message)]
pub struct CompleteNexusOperationRequest {
    /// The callback header `temporal-callback-token` of the request that started the operation.
    #[prost(string, tag = "1")]
    pub callback_token: String,
    /// The handler's token for the operation, in case the answer to the request that started it
    /// comes later.
    #[prost(string, tag = "2")]
    pub operation_token: String,
    /// The time at which the handler started the operation, in the same case: milliseconds since
    /// the Unix epoch.
    #[prost(uint64, optional, tag = "3")]
    pub start_time_ms: Option<u64>,
    /// The result of an operation that succeeded.
    #[prost(message, optional, tag = "4")]
    pub result: Option<Payload>,
    /// The failure of an operation that did not succeed. With `CanceledFailureInfo`, the operation
    /// was canceled.
    #[prost(message, optional, tag = "5")]
    pub failure: Option<Failure>,
    /// The links to the handler's work, in case the answer to the request that started the
    /// operation comes later.
    #[prost(message, repeated, tag = "6")]
    pub links: Vec<Link>,
}

/// The answer to a [`CompleteNexusOperationRequest`].
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct CompleteNexusOperationResponse {}
