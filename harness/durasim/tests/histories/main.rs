//! Histories of real runs: replayed, and gone on from.

#![allow(
    clippy::unused_async,
    reason = "an activity that is not async leaves the simulated thread"
)]

#[path = "../failing/mod.rs"]
mod failing;
mod import;
mod order;
mod replay;

use std::path::Path;

use durasim::prelude::*;

use order::{Order, Shop};

/// Returns a history of this folder.
fn history(file: &str) -> History {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/histories");
    History::from_file(folder.join(file)).unwrap_or_else(|error| panic!("{error}"))
}

/// Starts a worker with today's code.
fn start_worker(env: &TestWorkflowEnvironment) -> TestResult {
    let worker = env.worker("orders").workflow::<Order>();
    worker.activity(Shop::charge).activity(Shop::ship).start()?;
    Ok(())
}
