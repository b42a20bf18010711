//! The front door: requests that are refused before anything happens, with their messages.
//!
//! `service/frontend/workflow_handler.go`, `chasm/lib/workflow/validator.go`, `common/retrypolicy`

#![allow(
    clippy::unnecessary_wraps,
    reason = "message fields of the API are optional"
)]

mod about_runs;
mod by_workers;
mod starts;

use prost::Message;
use temporalio_protos::temporal::api::{
    common::v1::{Payload, Payloads, WorkflowExecution},
    taskqueue::v1::TaskQueue,
};
use tonic::{Code, Status};

use super::{Counter, by_hand, last, on, seconds, stock};

/// Returns an id that is one byte longer than allowed.
fn too_long() -> String {
    "x".repeat(1001)
}

fn too_large() -> Option<Payloads> {
    let payload = Payload {
        data: vec![0; 2 * 1024 * 1024 + 1],
        ..Payload::default()
    };
    Some(Payloads {
        payloads: vec![payload],
    })
}

fn execution(workflow_id: &str, run_id: &str) -> Option<WorkflowExecution> {
    Some(WorkflowExecution {
        workflow_id: workflow_id.to_owned(),
        run_id: run_id.to_owned(),
    })
}

fn queue(name: &str) -> Option<TaskQueue> {
    Some(TaskQueue {
        name: name.to_owned(),
        ..TaskQueue::default()
    })
}

/// Returns a duration of the given seconds, which may be negative.
fn seconds_of<D: Message + Default>(seconds: i64) -> Option<D> {
    let duration = prost_types::Duration { seconds, nanos: 0 };
    Some(D::decode(&*duration.encode_to_vec()).expect("the same message"))
}

/// A change that makes a good request invalid.
type Spoil<R> = fn(&mut R);

/// Returns `spoil`, with its type inferred from `good`.
fn spoil_of<R>(_good: &impl Fn() -> R, spoil: Spoil<R>) -> Spoil<R> {
    spoil
}

/// Sends a good request with each of these changes in turn, and expects an error with this code and
/// these words.
macro_rules! assert_refused {
    ($env:expr, $rpc:ident, $good:expr, $($spoil:expr => $code:ident $words:expr),+ $(,)?) => {{
        let good = || $good;
        for (spoil, code, words) in [$((spoil_of(&good, $spoil), Code::$code, $words)),+] {
            let mut request = good();
            spoil(&mut request);
            let answer = $env.connection().workflow_service().$rpc(request.into_request()).await;
            assert_status(answer.map(drop), code, words);
        }
    }};
}
use assert_refused;

#[track_caller]
fn assert_status(answer: Result<(), Status>, code: Code, words: &str) {
    let status = answer.expect_err(words);
    assert_eq!(status.code(), code, "{status:?}");
    assert!(
        status.message().contains(words),
        "{:?} does not say {words:?}",
        status.message()
    );
}
