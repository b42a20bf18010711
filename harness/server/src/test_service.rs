//! Temporal's `TestService`, by which test environments skip time.
//!
//! Source: `temporalio/sdk-java: temporal-test-server`, `testservice/v1/service.proto`.

use std::sync::Arc;

use durasim_service::time;
use prost::Message;
use temporalio_protos::temporal::api::testservice::v1::{
    GetCurrentTimeResponse, LockTimeSkippingResponse, SleepRequest, SleepResponse,
    SleepUntilRequest, UnlockTimeSkippingResponse,
};
use tokio::sync::oneshot;
use tonic::Status;

use crate::host::{Host, State};

/// Answers an RPC of `TestService`.
///
/// # Errors
///
/// UNIMPLEMENTED for an unknown RPC, or if time never skips; INVALID_ARGUMENT for a malformed
/// request.
pub(crate) async fn answer(host: &Arc<Host>, rpc: &str, message: &[u8]) -> Result<Vec<u8>, Status> {
    let answered = begin(&mut host.state(), rpc, message);
    host.changed.notify_one();
    match answered? {
        Begun::Answered(bytes) => Ok(bytes),
        Begun::Asleep(wakes) => match wakes.await {
            Ok(()) => Ok(SleepResponse {}.encode_to_vec()),
            Err(_) => Err(Status::unavailable("the server is shutting down")),
        },
    }
}

enum Begun {
    Answered(Vec<u8>),
    Asleep(oneshot::Receiver<()>),
}

fn begin(state: &mut State, rpc: &str, message: &[u8]) -> Result<Begun, Status> {
    let now_ms = state.clock.now_ms();
    let Some(skipping) = &mut state.skipping else {
        return Err(Status::unimplemented(
            "TestService: this server runs in real time; start it with `--time skipping`",
        ));
    };
    let bytes = match rpc {
        "LockTimeSkipping" => {
            skipping.lock();
            LockTimeSkippingResponse {}.encode_to_vec()
        }
        "UnlockTimeSkipping" => {
            skipping.unlock();
            UnlockTimeSkippingResponse {}.encode_to_vec()
        }
        "Sleep" | "UnlockTimeSkippingWithSleep" => {
            let request: SleepRequest = decode(message)?;
            let sleep_ms = time::duration_ms(request.duration.as_ref());
            let locks = rpc == "UnlockTimeSkippingWithSleep";
            if locks {
                skipping.unlock();
            }
            return Ok(Begun::Asleep(
                skipping.sleep(now_ms.saturating_add(sleep_ms), locks),
            ));
        }
        "SleepUntil" => {
            let request: SleepUntilRequest = decode(message)?;
            let until_ms = request.timestamp.as_ref().map_or(0, time::instant_ms);
            return Ok(Begun::Asleep(skipping.sleep(until_ms, false)));
        }
        "GetCurrentTime" => GetCurrentTimeResponse {
            time: Some(time::timestamp(now_ms)),
        }
        .encode_to_vec(),
        other => {
            return Err(Status::unimplemented(format!(
                "unknown method {other} for service temporal.api.testservice.v1.TestService"
            )));
        }
    };
    Ok(Begun::Answered(bytes))
}

fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, Status> {
    M::decode(bytes).map_err(|error| Status::invalid_argument(error.to_string()))
}
