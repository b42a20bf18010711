//! Whole runs, through the official client.

use durasim::{
    Body, ChoiceSource, FaultProfile, TestResult, TestWorkflowEnvironment, WorldOptions, WorldReport,
    run_world,
};
use futures::{FutureExt, future::LocalBoxFuture};
use temporalio_client::{WorkflowGetResultOptions, WorkflowStartOptions};

use crate::{Rounds, Steps};

/// A world in which one client runs [`Rounds`] to its end.
pub fn rounds(
    rounds: u32,
) -> impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> + Send + Sync {
    move |env| run_rounds(env, rounds).boxed_local()
}

async fn run_rounds(env: TestWorkflowEnvironment, rounds: u32) -> TestResult {
    env.worker("rounds").activity(Steps::step).workflow::<Rounds>().start()?;
    let options = WorkflowStartOptions::new("rounds", "rounds-1").build();
    let handle = env.client().start_workflow(Rounds::run, rounds, options).await?;
    let sum = handle.get_result(WorkflowGetResultOptions::default()).await?;
    assert_eq!(sum, rounds * rounds.saturating_sub(1) / 2);
    Ok(())
}

/// A world in which nothing happens.
pub fn empty() -> impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> + Send + Sync {
    |env| {
        async move {
            drop(env);
            Ok(())
        }
        .boxed_local()
    }
}

/// What of a world is on beside its running.
#[derive(Clone, Copy, Default)]
pub struct Extras {
    /// The full replay of each history at the end.
    pub replay: bool,
    /// The SDK's own replay of it.
    pub core_replay: bool,
    /// Keeping the entries of the trace.
    pub trace: bool,
    /// No runs are kept between workflow tasks.
    pub no_cache: bool,
}

/// The options of a world without faults.
pub fn options(extras: Extras) -> WorldOptions {
    let mut options = WorldOptions::default();
    options.replay = extras.replay;
    options.core_replay = extras.core_replay;
    options.keep_trace = extras.trace;
    options.cache = !extras.no_cache;
    options
}

/// The options of a world with everything that a default test with faults has.
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
pub fn run(body: &Body, extras: Extras) -> WorldReport {
    let mut options = options(extras);
    options.choices = ChoiceSource::Benign;
    let report = run_world(body, &options);
    assert!(report.failure.is_none(), "{:?}", report.failure);
    report
}
