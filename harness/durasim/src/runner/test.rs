//! What a `#[workflow_test]` expands to: run the worlds, print the failure.

use super::world::{Body, ChoiceSource, WorldOptions, WorldReport, run_world};
use crate::{
    TestOptions, TestWorkflowEnvironment,
    error::{TestOutcome, TestResult},
    report::{Colors, FailureReport, Spent},
};
use futures::future::{FutureExt, LocalBoxFuture};
use std::{
    future::Future,
    num::NonZero,
    pin::Pin,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// One `#[workflow_test]` function.
#[derive(Clone, Debug)]
pub struct TestCase {
    /// Its path, crate included.
    pub name: &'static str,
    /// The file it stands in, as the compiler knows it.
    pub file: &'static str,
    /// Its line, from 1.
    pub line: u32,
    /// The folder of the package it belongs to.
    pub manifest_dir: &'static str,
    /// How it is run.
    pub options: TestOptions,
}

/// Runs a test, and panics with its report if it fails.
///
/// # Panics
///
/// If the test fails; that is how a `#[test]` does.
pub fn run<O, F>(case: TestCase, body: F)
where
    O: TestOutcome + 'static,
    F: Fn(TestWorkflowEnvironment) -> Pin<Box<dyn Future<Output = O>>> + Send + Sync + 'static,
{
    let body = move |env| -> LocalBoxFuture<'static, TestResult> {
        body(env).map(TestOutcome::into_test_result).boxed_local()
    };
    if let Err(report) = search(&case, &body) {
        fail(&report);
    }
}

/// Prints the report and fails the `#[test]`, without the lines that a panic adds of its own.
fn fail(report: &FailureReport) -> ! {
    eprintln!("{}", report.render(Colors::detect()));
    std::panic::resume_unwind(Box::new(format!("{} failed", report.test)))
}

impl TestCase {
    fn world_options(&self) -> WorldOptions {
        let options = &self.options;
        WorldOptions {
            faults: options.faults.clone(),
            limits: options.limits,
            cache: options.cache,
            replay: options.replay,
            core_replay: options.core_replay,
            ..WorldOptions::default()
        }
    }
}

fn search(case: &TestCase, body: &Body) -> Result<(), FailureReport> {
    let options = case.world_options();
    if let Some(seed) = seed_from_environment()? {
        return one(case, body, &options, ChoiceSource::Seed(seed)).map(drop);
    }
    one(case, body, &options, ChoiceSource::Benign)?;
    match case.options.seeds {
        Some(seeds) => many(case, body, &options, seeds),
        None => Ok(()),
    }
}

/// The seed that `DURASIM_SEED` asks for.
fn seed_from_environment() -> Result<Option<u64>, FailureReport> {
    match std::env::var("DURASIM_SEED") {
        Err(_) => Ok(None),
        Ok(text) => text.trim().parse().map(Some).map_err(|_| {
            FailureReport::returned_error(format!("DURASIM_SEED must be a whole number, not {text:?}"), None)
        }),
    }
}

fn one(
    case: &TestCase,
    body: &Body,
    options: &WorldOptions,
    choices: ChoiceSource,
) -> Result<WorldReport, FailureReport> {
    let options = WorldOptions { choices, ..options.clone() };
    let mut report = run_world(body, &options);
    match report.failure.take() {
        None => Ok(report),
        Some(failure) => Err(finish(case, &options, failure, Spent { worlds: 1, steps: report.steps, shrink_runs: 0 })),
    }
}

fn finish(case: &TestCase, options: &WorldOptions, mut report: FailureReport, spent: Spent) -> FailureReport {
    report.test = case.name.to_owned();
    report.spent = spent;
    if let ChoiceSource::Seed(seed) = options.choices {
        report.seed = Some(seed);
    }
    report
}

/// Runs many seeds on all cores. The failure of the lowest seed counts, however many cores there are.
fn many(case: &TestCase, body: &Body, options: &WorldOptions, seeds: u64) -> Result<(), FailureReport> {
    let next = AtomicU64::new(0);
    let steps = AtomicU64::new(0);
    let first: Mutex<Option<(u64, FailureReport)>> = Mutex::new(None);
    let lowest = AtomicU64::new(u64::MAX);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || seed > lowest.load(Ordering::Relaxed) {
                        return;
                    }
                    let options = WorldOptions { choices: ChoiceSource::Seed(seed), ..options.clone() };
                    let report = run_world(body, &options);
                    steps.fetch_add(report.steps, Ordering::Relaxed);
                    if let Some(failure) = report.failure {
                        lowest.fetch_min(seed, Ordering::Relaxed);
                        let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
                        if first.as_ref().is_none_or(|(known, _)| seed < *known) {
                            *first = Some((seed, failure));
                        }
                    }
                }
            });
        }
    });
    match first.into_inner().unwrap_or_else(PoisonError::into_inner) {
        None => Ok(()),
        Some((seed, failure)) => {
            let spent = Spent { worlds: seed + 1, steps: steps.into_inner(), shrink_runs: 0 };
            let options = WorldOptions { choices: ChoiceSource::Seed(seed), ..options.clone() };
            Err(finish(case, &options, failure, spent))
        }
    }
}
