//! The official worker, connected to a simulated service.

use std::{future::Future, time::Duration};

use temporalio_client::Client;
use temporalio_sdk::{Runtime, Worker, WorkerOptions, runtime::RuntimeOptions};

use crate::server::{Poll, Server};

/// Runs a test against a simulated service with an official worker.
///
/// `options` are the worker's; `body` is the test, which gets the server and an official client.
/// Everything except the worker's own threads runs on the calling thread.
///
/// # Panics
///
/// If the worker does not start or fails, or if the test gets stuck; the message then lists all
/// requests so far.
pub fn with_worker<T, F>(options: WorkerOptions, body: impl FnOnce(Server, Client) -> F) -> T
where
    F: Future<Output = T>,
{
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a Tokio runtime");
    runtime.block_on(async {
        let server = Server::default();
        let client = server.client().await;
        expect_worker(&server, &options);
        let mut worker = worker(client.clone(), options);
        let shutdown = worker.shutdown_handle();
        let test = async {
            let result = tokio::time::timeout(PATIENCE, body(server.clone(), client)).await;
            let result =
                result.unwrap_or_else(|_| panic!("the test is stuck:\n{}", server.diagnosis()));
            server.forget_polls();
            shutdown();
            result
        };
        let (ended, result) = futures::join!(worker.run(), test);
        ended.expect("the official worker runs until it is shut down");
        result
    })
}

/// The real time that a test may take: a guard against tests that hang.
const PATIENCE: Duration = Duration::from_mins(1);

/// Creates an official worker over the connection of this client.
///
/// # Panics
///
/// If the worker does not start.
pub fn worker(client: Client, options: WorkerOptions) -> Worker {
    let runtime_options = RuntimeOptions::builder()
        .heartbeat_interval(None)
        .build()
        .expect("runtime options");
    let runtime = Runtime::from_current_tokio(runtime_options).expect("a Tokio runtime is current");
    Worker::new(&runtime, client, options).expect("the official worker starts")
}

fn expect_worker(server: &Server, options: &WorkerOptions) {
    let queue = &options.task_queue;
    let mut polls = Vec::new();
    if !options.workflows().is_empty() {
        polls.push(Poll::Workflow(queue.clone()));
        if options.max_cached_workflows > 0 {
            polls.push(Poll::StickyWorkflow(queue.clone()));
        }
    }
    let core = options
        .to_core_options("default".to_owned(), String::new())
        .expect("valid worker options");
    if core.task_types.enable_remote_activities {
        polls.push(Poll::Activity(queue.clone()));
    }
    server.expect_polls(polls);
}
