//! Whole runs through the official client.

use durasim::{
    FaultProfile, TestResult, TestWorkflowEnvironment,
    advanced::{Body, ChoiceSource, WorldOptions, WorldReport, run_world},
};
use futures::{FutureExt, future::LocalBoxFuture};
use temporalio_client::{WorkflowGetResultOptions, WorkflowStartOptions};

use crate::{Rounds, Steps};

/// Returns a world in which one client runs [`Rounds`] to its end.
pub fn rounds(
    rounds: u32,
) -> impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> + Send + Sync {
    move |env| run_rounds(env, rounds).boxed_local()
}

async fn run_rounds(env: TestWorkflowEnvironment, rounds: u32) -> TestResult {
    env.worker("rounds")
        .activity(Steps::step)
        .workflow::<Rounds>()
        .start()?;
    let options = WorkflowStartOptions::new("rounds", "rounds-1").build();
    let handle = env
        .client()
        .start_workflow(Rounds::run, rounds, options)
        .await?;
    let sum = handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(sum, rounds * rounds.saturating_sub(1) / 2);
    Ok(())
}

/// Returns a world in which clients start this many workflows of two rounds each, and await them
/// all.
pub fn crowd(
    workflows: u32,
) -> impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> + Send + Sync {
    move |env| run_crowd(env, workflows).boxed_local()
}

async fn run_crowd(env: TestWorkflowEnvironment, workflows: u32) -> TestResult {
    env.worker("rounds")
        .activity(Steps::step)
        .workflow::<Rounds>()
        // All of them: what is evicted is replayed, as on a real worker, and that costs as much as
        // the run.
        .max_cached_workflows(10_000)
        .start()?;
    let client = env.client();
    let mut started = Vec::new();
    for number in 0..workflows {
        let options = WorkflowStartOptions::new("rounds", format!("rounds-{number}")).build();
        started.push(client.start_workflow(Rounds::run, 2, options).await?);
    }
    for handle in started {
        let sum = handle
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        assert_eq!(sum, 1);
    }
    Ok(())
}

/// Returns a world in which nothing happens.
pub fn empty()
-> impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> + Send + Sync {
    |_| futures::future::ready(Ok(())).boxed_local()
}

/// An optional part of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Each history is replayed in full at the end, as by default.
    Replay,
    /// Each history is also replayed by the SDK's own replayer.
    CoreReplay,
    /// The entries of the trace are kept.
    TraceKept,
    /// No run is cached between workflow tasks.
    CacheOff,
}

/// Returns the options of a world without faults.
pub fn options(extras: &[Extra]) -> WorldOptions {
    let mut options = WorldOptions::default();
    options.replay = extras.contains(&Extra::Replay);
    options.core_replay = extras.contains(&Extra::CoreReplay);
    options.keep_trace = extras.contains(&Extra::TraceKept);
    options.cache = !extras.contains(&Extra::CacheOff);
    options
}

/// Returns the options of a world with everything that a default test with faults has.
pub fn faulty() -> WorldOptions {
    let mut options = WorldOptions::default();
    options.faults = FaultProfile::all();
    options
}

/// Runs a world without faults.
///
/// # Panics
///
/// If the world fails.
pub fn run(body: &Body, extras: &[Extra]) -> WorldReport {
    let mut options = options(extras);
    options.choices = ChoiceSource::Benign;
    let report = run_world(body, &options);
    assert!(report.failure.is_none(), "{:?}", report.failure);
    report
}
