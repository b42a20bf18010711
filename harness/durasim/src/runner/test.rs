//! The function that a `#[workflow_test]` expands to: it runs the worlds and prints the failure.

use std::{
    future::Future,
    io::Write,
    num::NonZero,
    pin::Pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::future::{FutureExt, LocalBoxFuture};

use super::{campaign::Campaign, case::TestCase, explore, found::of_no_world, saved, world::Body};
use crate::{
    TestWorkflowEnvironment,
    checks::{self, Sometimes},
    error::{TestOutcome, TestResult},
    outcome::{ChoiceSource, WorldReport},
    report::{Colors, FailureReport, SourceLine, Spent},
    variables::{self, Variable},
};

/// The number of seeds of a test with faults that does not say.
const DEFAULT_SEEDS: u64 = 64;

/// Runs a test, and panics with its report if it fails.
///
/// # Panics
///
/// If the test fails; that is how a `#[test]` does.
#[allow(
    clippy::needless_pass_by_value,
    reason = "what the attribute expands to hands it over"
)]
pub fn run<O, F>(case: TestCase, body: F)
where
    O: TestOutcome + 'static,
    F: Fn(TestWorkflowEnvironment) -> Pin<Box<dyn Future<Output = O>>> + Send + Sync + 'static,
{
    let body = move |env| -> LocalBoxFuture<'static, TestResult> {
        body(env).map(TestOutcome::into_test_result).boxed_local()
    };
    if let Err(report) = run_test(&case, &body) {
        fail(&report);
    }
}

/// Runs a test as [`#[workflow_test]`](crate::workflow_test) does, except that it returns the
/// report instead of printing it. The plan of a failure is saved beside the test's source file.
///
/// # Errors
///
/// The report, if the test fails.
pub fn run_test(case: &TestCase, body: &Body) -> Result<(), Box<FailureReport>> {
    search(case, body).map_err(|mut report| {
        saved::keep(case, &mut report);
        of_test(case, report)
    })
}

/// Adds the name and the line of its test to a report.
pub(crate) fn of_test(case: &TestCase, mut report: Box<FailureReport>) -> Box<FailureReport> {
    case.name.clone_into(&mut report.found.test);
    report.found.test_line = Some(SourceLine {
        file: case.file.to_owned(),
        line: case.line,
    });
    report
}

/// Prints the report and fails the `#[test]`, without the lines that a panic adds of its own.
///
/// The payload of the panic is the report too: `#[should_panic(expected = "..")]` finds the test's
/// own words in it.
pub(crate) fn fail(report: &FailureReport) -> ! {
    eprintln!("{}", report.render(Colors::detect(&std::io::stderr())));
    std::panic::resume_unwind(Box::new(report.to_string()))
}

/// Runs the worlds of a test: the fault-free world, the plans of failures found before, then seeds
/// and plans as the options say.
pub(super) fn search(case: &TestCase, body: &Body) -> Result<(), Box<FailureReport>> {
    let options = &case.options;
    let seed = seed_from_environment()?;
    let campaign = Campaign::new(body, options.world_options());
    if let Some(seed) = seed {
        return campaign.must_pass(&campaign.seed(seed), Spent::default());
    }

    // The first world: with the faults that are placed by hand, if there are no others; else the
    // fault-free world, which is a world like others: its failure needs no plan.
    let faults = &options.world.faults;
    let only_placed = !faults.is_none() && !faults.has_odds();
    let placed = only_placed.then(|| campaign.run(ChoiceSource::Benign));
    let first = placed.as_ref().unwrap_or(campaign.fault_free());
    let mut sometimes = Sometimes::default();
    sometimes.world(&first.labels, first.steps);
    campaign.must_pass(first, Spent::default())?;

    if let Some(stale) = saved::rerun(case, &campaign)? {
        // Not by `eprintln!`, which the test runner keeps to itself if the test passes.
        let _ = writeln!(std::io::stderr(), "{stale}");
    }
    let default_seeds = faults.has_odds() && options.explore.is_none();
    let seeds = options
        .seeds
        .or_else(|| default_seeds.then_some(DEFAULT_SEEDS));
    if let Some(seeds) = seeds {
        let asked = Variable::Seeds.number(1);
        let asked = asked.or_else(|failure| of_no_world(*failure, Spent::default()))?;
        let seeds = asked.unwrap_or(seeds);
        many(&campaign, seeds, &mut sometimes)?;
    }
    if let Some(exhaustive) = options.explore {
        explore::run(case.name, &campaign, exhaustive, &mut sometimes)?;
    }
    must_reach(&sometimes)
}

/// Returns `Err` with the report if a search without failed worlds did not reach every label.
pub(crate) fn must_reach(sometimes: &Sometimes) -> Result<(), Box<FailureReport>> {
    match checks::of_search(sometimes) {
        None => Ok(()),
        Some(failure) => of_no_world(failure, sometimes.spent()),
    }
}

/// Returns the seed that the environment asks for, which may ask for nothing unknown.
pub(crate) fn seed_from_environment() -> Result<Option<u64>, Box<FailureReport>> {
    let seed = variables::check().and_then(|()| Variable::Seed.number(0));
    seed.or_else(|failure| of_no_world(*failure, Spent::default()))
}

/// Runs many seeds on all cores. The failure of the lowest seed counts, on any number of cores.
fn many(
    campaign: &Campaign<'_>,
    seeds: u64,
    sometimes: &mut Sometimes,
) -> Result<(), Box<FailureReport>> {
    let next = AtomicU64::new(0);
    let lowest = AtomicU64::new(u64::MAX);
    let reached = Mutex::new(sometimes);
    let passed: Mutex<Vec<(u64, u64)>> = Mutex::default();
    let failed: Mutex<Option<(u64, WorldReport)>> = Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds || seed > lowest.load(Ordering::Relaxed) {
                        return;
                    }
                    let report = campaign.seed(seed);
                    if report.failure.is_none() {
                        lock(&reached).world(&report.labels, report.steps);
                        lock(&passed).push((seed, report.steps));
                        continue;
                    }
                    lowest.fetch_min(seed, Ordering::Relaxed);
                    let mut failed = lock(&failed);
                    if failed.as_ref().is_none_or(|(known, _)| seed < *known) {
                        *failed = Some((seed, report));
                    }
                }
            });
        }
    });
    let Some((lowest, report)) = failed.into_inner().unwrap_or_else(PoisonError::into_inner) else {
        return Ok(());
    };
    // Other cores may have been ahead; their worlds do not count.
    let before = lock(&passed);
    let before = before.iter().filter(|(seed, _)| *seed < lowest);
    let spent = Spent {
        worlds: lowest,
        steps: before.map(|(_, steps)| steps).sum(),
        shrink_runs: 0,
    };
    campaign.must_pass(&report, spent)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
