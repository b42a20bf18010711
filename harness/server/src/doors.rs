//! One gRPC service each: a path and bytes become a request.

use std::{
    convert::Infallible,
    future::ready,
    marker::PhantomData,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use durasim_service::{OPERATOR_SERVICE, Request, request::WORKFLOW_SERVICE};
use futures::{FutureExt, future::BoxFuture};
use http::HeaderValue;
use tonic::{
    Code, Status,
    body::Body,
    codec::CompressionEncoding,
    server::{Grpc, NamedService},
};
use tower_service::Service;

use crate::{bytes_codec::BytesCodec, carrier::Carrier, patience, test_service};

/// A gRPC service that the server has.
pub(crate) trait Door: Clone + Send + Sync + 'static {
    const NAME: &'static str;

    /// Answers an RPC.
    fn answer(call: Call) -> BoxFuture<'static, Result<Vec<u8>, Status>>;
}

/// An RPC that came in.
pub(crate) struct Call {
    carrier: Arc<Carrier>,
    rpc: String,
    timeout: Option<Duration>,
    message: Bytes,
}

/// Temporal's `WorkflowService`.
#[derive(Clone)]
pub(crate) struct Workflows;

impl Door for Workflows {
    const NAME: &'static str = WORKFLOW_SERVICE;

    fn answer(call: Call) -> BoxFuture<'static, Result<Vec<u8>, Status>> {
        async move {
            let request = Request::decode(&call.rpc, &call.message)?;
            let response = call.carrier.serve(request, call.timeout).await?;
            Ok(response.encode_to_vec())
        }
        .boxed()
    }
}

/// Temporal's `OperatorService`.
#[derive(Clone)]
pub(crate) struct Operators;

impl Door for Operators {
    const NAME: &'static str = OPERATOR_SERVICE;

    fn answer(call: Call) -> BoxFuture<'static, Result<Vec<u8>, Status>> {
        let mut state = call.carrier.host.state();
        let now_ms = state.clock.now_ms();
        let answer = state.cluster.operate(now_ms, &call.rpc, &call.message);
        ready(answer).boxed()
    }
}

/// Temporal's `TestService`.
#[derive(Clone)]
pub(crate) struct Tests;

impl Door for Tests {
    const NAME: &'static str = "temporal.api.testservice.v1.TestService";

    fn answer(call: Call) -> BoxFuture<'static, Result<Vec<u8>, Status>> {
        async move { test_service::answer(&call.carrier.host, &call.rpc, &call.message).await }
            .boxed()
    }
}

/// A door in its frame: the service that tonic calls.
pub(crate) struct Framed<D> {
    carrier: Arc<Carrier>,
    door: PhantomData<fn() -> D>,
}

impl<D: Door> Framed<D> {
    pub(crate) fn new(carrier: &Arc<Carrier>) -> Self {
        Self {
            carrier: carrier.clone(),
            door: PhantomData,
        }
    }
}

impl<D> Clone for Framed<D> {
    fn clone(&self) -> Self {
        Self {
            carrier: self.carrier.clone(),
            door: PhantomData,
        }
    }
}

impl<D: Door> NamedService for Framed<D> {
    const NAME: &'static str = D::NAME;
}

impl<D: Door> Service<http::Request<Body>> for Framed<D> {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let rpc = request.uri().path().rsplit('/').next().unwrap_or_default();
        let unary = Unary::<D> {
            carrier: self.carrier.clone(),
            rpc: rpc.to_owned(),
            timeout: patience::timeout(request.headers()),
            door: PhantomData,
        };
        async move {
            // Clients compress their requests by default, and accept what the server sends.
            let mut grpc = Grpc::new(BytesCodec)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Gzip);
            Ok(as_the_server_says(grpc.unary(unary, request).await))
        }
        .boxed()
    }
}

/// The words for a message that is too large, and for one that is after it is unpacked. SDKs
/// recognise the refusal by them.
const TOO_LARGE: &str = "grpc: received message larger than max";
const TOO_LARGE_UNPACKED: &str = "grpc: received message after decompression larger than max";

/// Gives a message that is too large the code and the words of the server: tonic says OUT_OF_RANGE,
/// which no RPC of Temporal's does, or that it cannot decompress the message.
fn as_the_server_says(mut answer: http::Response<Body>) -> http::Response<Body> {
    let headers = answer.headers_mut();
    let out_of_range = HeaderValue::from(Code::OutOfRange as i32);
    let message = headers.get(Status::GRPC_MESSAGE);
    let cannot_unpack =
        message.is_some_and(|it| it.as_bytes().starts_with(b"Error%20decompressing:%20size"));
    let words = if headers.get(Status::GRPC_STATUS) == Some(&out_of_range) {
        TOO_LARGE
    } else if cannot_unpack {
        TOO_LARGE_UNPACKED
    } else {
        return answer;
    };
    let exhausted = HeaderValue::from(Code::ResourceExhausted as i32);
    headers.insert(Status::GRPC_STATUS, exhausted);
    headers.insert(Status::GRPC_MESSAGE, HeaderValue::from_static(words));
    answer
}

/// One RPC of a door.
struct Unary<D> {
    carrier: Arc<Carrier>,
    rpc: String,
    timeout: Option<Duration>,
    door: PhantomData<fn() -> D>,
}

impl<D: Door> Service<tonic::Request<Bytes>> for Unary<D> {
    type Response = tonic::Response<Vec<u8>>;
    type Error = Status;
    type Future = BoxFuture<'static, Result<Self::Response, Status>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let answer = D::answer(Call {
            carrier: self.carrier.clone(),
            rpc: self.rpc.clone(),
            timeout: self.timeout,
            message: request.into_inner(),
        });
        async move { Ok(tonic::Response::new(answer.await?)) }.boxed()
    }
}
