//! The official client's connection, answered by the world of the thread that uses it.
//!
//! Connecting costs more than a whole simulated run, so one connection serves the process: it owns
//! no task and no socket, and its callback finds the world it belongs to by the thread.

use std::sync::{Arc, OnceLock};

use durasim_engine::START_MS;
use durasim_service::{
    Request, RequestId, Service, ServiceConfig, request::WORKFLOW_SERVICE, time::grpc_timeout,
};
use futures::future::BoxFuture;
use temporalio_client::{
    Connection,
    callback_based::{GrpcRequest, GrpcSuccessResponse},
};
use tonic::{Status, codegen::http::HeaderMap};

use super::World;

static CONNECTION: OnceLock<Connection> = OnceLock::new();

/// Returns the connection of this process.
///
/// # Panics
///
/// If the official client refuses to connect, which only a broken simulated service can cause.
pub(crate) fn connection() -> Connection {
    CONNECTION.get_or_init(connect).clone()
}

fn connect() -> Connection {
    durasim_sdk::connect("durasim-client", Arc::new(answer))
        .expect("the simulated service answers the official client's first request")
}

fn answer(grpc: GrpcRequest) -> BoxFuture<'static, Result<GrpcSuccessResponse, Status>> {
    match World::try_current() {
        Some(world) => {
            let call = if grpc.service == WORKFLOW_SERVICE {
                world
                    .state()
                    .client_call(&grpc.rpc, timeout_ms(&grpc.headers), &grpc.proto)
            } else {
                Err(status_of_other_service(&grpc))
            };
            Box::pin(async move { Ok(success(call?.await?)) })
        }
        // Connecting asks what the service can do, before there is a world.
        None if grpc.rpc == "GetSystemInfo" => Box::pin(async { Ok(success(system_info()?)) }),
        None => Box::pin(async move {
            Err(Status::failed_precondition(format!(
                "{}: the client was used outside of a `#[workflow_test]`, or on another thread",
                grpc.rpc
            )))
        }),
    }
}

/// Returns the time that the caller waits, from the header `grpc-timeout`, in milliseconds rounded
/// up.
fn timeout_ms(headers: &HeaderMap) -> Option<u64> {
    let timeout = grpc_timeout(headers.get("grpc-timeout")?.to_str().ok()?)?;
    u64::try_from(timeout.as_nanos().div_ceil(1_000_000)).ok()
}

fn success(proto: Vec<u8>) -> GrpcSuccessResponse {
    GrpcSuccessResponse {
        headers: tonic::metadata::MetadataMap::new().into_headers(),
        proto,
    }
}

fn status_of_other_service(grpc: &GrpcRequest) -> Status {
    Status::unimplemented(format!(
        "unknown method {} for service {}: only {WORKFLOW_SERVICE} is simulated",
        grpc.rpc, grpc.service
    ))
}

fn system_info() -> Result<Vec<u8>, Status> {
    let mut service = Service::new(ServiceConfig::default());
    service.request(
        START_MS,
        RequestId(0),
        Request::decode("GetSystemInfo", &[])?,
    );
    let reply = service
        .take_replies()
        .pop()
        .expect("GetSystemInfo is answered at once");
    Ok(reply.result?.encode_to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_read_as_grpc_writes_it() {
        let timeout = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", value.parse().expect("a header"));
            timeout_ms(&headers)
        };
        assert_eq!(timeout("30000000u"), Some(30_000));
        assert_eq!(timeout("70S"), Some(70_000));
        assert_eq!(timeout("2M"), Some(120_000));
        assert_eq!(timeout("99999999H"), Some(99_999_999 * 3_600_000));
        assert_eq!(timeout("1n"), Some(1));
        for garbage in ["", "S", "1", "1x", "-1S", "9\u{e9}"] {
            let Ok(value) = garbage.parse() else { continue };
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", value);
            assert_eq!(timeout_ms(&headers), None, "{garbage}");
        }
        assert_eq!(timeout_ms(&HeaderMap::new()), None);
    }
}
