//! Doors to the parts of the SDK that durasim drives as a whole: the official client's connection,
//! and real Core's replayer.
//!
//! Both are asynchronous, and the compiler generates the code of an asynchronous function in each
//! crate that polls it: for these two that is most of gRPC, HTTP/2 and Core. So this crate polls
//! them, behind functions that are neither generic nor asynchronous, and no crate above compiles
//! that code again. Nothing else belongs here.

use std::sync::Arc;

use futures::future::BoxFuture;
use temporalio_client::{
    Connection, ConnectionOptions, Url, WorkflowHistory,
    callback_based::{CallbackBasedGrpcService, GrpcRequest, GrpcSuccessResponse},
    errors::ClientConnectError,
};
use temporalio_sdk::workflow_replayer::{WorkflowReplayer, WorkflowReplayerOptions};
use tonic::Status;

/// Answers the calls of a connection.
pub type Answer = Arc<
    dyn Fn(GrpcRequest) -> BoxFuture<'static, Result<GrpcSuccessResponse, Status>> + Send + Sync,
>;

/// Connects the official client to a function that answers its calls. The connection owns no task
/// and no socket.
///
/// # Errors
///
/// If the client refuses the answer to its first request, `GetSystemInfo`.
#[expect(clippy::missing_panics_doc, reason = "the address is valid")]
pub fn connect(identity: &str, answer: Answer) -> Result<Connection, ClientConnectError> {
    let address: Url = "http://durasim.invalid:7233"
        .parse()
        .expect("a valid address");
    let options = ConnectionOptions::new(address)
        .identity(identity.to_owned())
        .dns_load_balancing(None)
        .service_override(CallbackBasedGrpcService { callback: answer })
        .build();
    futures::executor::block_on(Connection::connect(options))
}

/// Replays a history with the SDK's own `WorkflowReplayer`, which is real Core. Blocks the thread
/// until Core is done.
///
/// # Errors
///
/// The message of Core, if it rejects the history; or the reason why Core cannot start.
pub fn replay(options: WorkflowReplayerOptions, history: WorkflowHistory) -> Result<(), String> {
    // Core wants a Tokio runtime of its own, with real time.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime for the replayer: {error}"))?;
    runtime.block_on(async {
        let replayer = WorkflowReplayer::new(options).map_err(|error| error.to_string())?;
        let replayed = replayer.replay_workflow(history).await;
        replayed.map(drop).map_err(|error| error.to_string())
    })
}
