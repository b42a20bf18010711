//! What a `#[workflow_test]` expands to: run the worlds, print the failure.

use super::{campaign::Campaign, case::TestCase, explore, judge::judge, saved, world::Body};
use crate::{
    TestWorkflowEnvironment,
    checks::Sometimes,
    error::{TestOutcome, TestResult},
    outcome::{ChoiceSource, WorldReport},
    report::{Colors, FailureCode, FailureReport, SourceLine, Spent},
};
use futures::future::{FutureExt, LocalBoxFuture};
use std::{
    future::Future,
    num::NonZero,
    pin::Pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

/// How many seeds a test with faults runs that does not say.
const USUAL_SEEDS: u64 = 64;

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
    if let Err(mut report) = search(&case, &body) {
        saved::keep(&case, &mut report);
        fail(&case, *report);
    }
}

/// Prints the report and fails the `#[test]`, without the lines that a panic adds of its own.
///
/// The panic's payload is the report too: `#[should_panic(expected = "..")]` finds the test's own
/// words in it.
pub(crate) fn fail(case: &TestCase, mut report: FailureReport) -> ! {
    case.name.clone_into(&mut report.test);
    if report.code == FailureCode::Error {
        // An error that does not remember its line is at least the test's.
        report.location.get_or_insert_with(|| SourceLine {
            file: case.file.to_owned(),
            line: case.line,
        });
    }
    eprintln!("{}", report.render(Colors::detect(&std::io::stderr())));
    std::panic::resume_unwind(Box::new(report.to_string()))
}

pub(crate) fn search(case: &TestCase, body: &Body) -> Result<(), Box<FailureReport>> {
    let options = &case.options;
    let campaign = Campaign::new(body, options.world_options());
    if let Some(seed) = seed_from_environment()? {
        return judge(&campaign, &campaign.seed(seed), 1, 0);
    }
    let only_placed = !options.faults.is_none() && !options.faults.has_odds();
    let mut sometimes = Sometimes::default();
    if only_placed {
        let report = campaign.run(ChoiceSource::Benign);
        sometimes.world(&report.labels, report.steps);
        judge(&campaign, &report, 1, 0)?;
    } else {
        // The fault-free world is a world like others: what fails in it needs no plan.
        sometimes.world(&campaign.fault_free().labels, campaign.fault_free().steps);
        if let Some(failure) = &campaign.fault_free().failure {
            let explained = campaign
                .explained(ChoiceSource::Benign, failure)
                .and_then(|report| report.failure);
            let mut failure = explained.unwrap_or_else(|| failure.clone());
            failure.spent = Spent {
                worlds: 1,
                steps: campaign.fault_free().steps,
                shrink_runs: 0,
            };
            return Err(Box::new(failure));
        }
    }
    saved::rerun(case, &campaign)?;
    let seeds = options.seeds.or_else(|| {
        (options.faults.has_odds() && options.explore.is_none()).then_some(USUAL_SEEDS)
    });
    if let Some(seeds) = seeds {
        many(
            &campaign,
            number_from_environment("DURASIM_SEEDS")?.unwrap_or(seeds),
            &mut sometimes,
        )?;
    }
    if let Some(exhaustive) = options.explore {
        explore::run(&campaign, exhaustive, &mut sometimes)?;
    }
    sometimes
        .check()
        .map_or(Ok(()), |failure| Err(Box::new(failure)))
}

/// The seed that `DURASIM_SEED` asks for.
pub(crate) fn seed_from_environment() -> Result<Option<u64>, Box<FailureReport>> {
    number_from_environment("DURASIM_SEED")
}

/// The number that a variable of the environment holds, if it is set.
fn number_from_environment(name: &str) -> Result<Option<u64>, Box<FailureReport>> {
    match std::env::var(name) {
        Err(_) => Ok(None),
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => text.trim().parse().map(Some).map_err(|_| {
            let message = format!(
                "{name} must be a whole number from 0 to {}, not {text:?}",
                u64::MAX
            );
            Box::new(FailureReport::setup(message))
        }),
    }
}

/// Runs many seeds on all cores. The failure of the lowest seed counts, however many cores there
/// are.
fn many(
    campaign: &Campaign<'_>,
    seeds: u64,
    sometimes: &mut Sometimes,
) -> Result<(), Box<FailureReport>> {
    let next = AtomicU64::new(0);
    let lowest = AtomicU64::new(u64::MAX);
    let reached = Mutex::new(sometimes);
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
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        None => Ok(()),
        Some((seed, report)) => judge(campaign, &report, seed + 1, 0),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
