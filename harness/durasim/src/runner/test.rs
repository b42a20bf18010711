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

use super::{
    again,
    campaign::Campaign,
    case::TestCase,
    drawing, explore,
    found::of_no_world,
    fresh_process, saved,
    summary::{Place, SearchSummary, Tally},
    world::Body,
};
use crate::{
    Exhaustive, TestWorkflowEnvironment,
    broken::broken,
    checks::{self, Sometimes},
    error::{TestOutcome, TestResult},
    logging,
    options::{Purpose, TestOptions},
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
    if fresh_process::is_this() {
        return fresh_process::answer(&case, &body);
    }
    let passed = passes(&case, &body).and_then(|(summary, fault_free)| {
        fresh_process::check(&case, &fault_free).map_err(|report| {
            let mut report = of_test(&case, report);
            drawing::fault_free(&case, &body, &mut report);
            report
        })?;
        Ok(summary)
    });
    match passed {
        // The test runner keeps it to itself, unless it is asked to show the output.
        Ok(summary) => println!("durasim: {}: {summary}", case.name),
        Err(report) => fail(&report),
    }
}

/// Returns the body of a test from its function, such as an `async fn` that takes the environment.
///
/// ```
/// use durasim::{advanced::{TestCase, TestOptions, body, run_test}, prelude::*};
///
/// async fn sleeps(env: TestWorkflowEnvironment) -> TestResult {
///     env.sleep(Duration::from_secs(3600)).await;
///     Ok(())
/// }
/// let case = TestCase::new("sleeps", TestOptions::new().seeds(4));
/// assert_eq!(run_test(&case, &body(sleeps)).unwrap().seeds, 4);
/// ```
pub fn body<O, F>(
    test: impl Fn(TestWorkflowEnvironment) -> F + Send + Sync + 'static,
) -> impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> + Send + Sync + 'static
where
    O: TestOutcome + 'static,
    F: Future<Output = O> + 'static,
{
    move |env| test(env).map(TestOutcome::into_test_result).boxed_local()
}

/// Runs a test as [`#[workflow_test]`](crate::workflow_test) does, except that it returns the
/// summary or the report instead of printing it. The plan of a failure is saved beside the test's
/// source file.
///
/// # Errors
///
/// The report, if the test fails.
pub fn run_test(case: &TestCase, body: &Body) -> Result<SearchSummary, Box<FailureReport>> {
    passes(case, body).map(|(summary, _)| summary)
}

/// A search that passed, and its fault-free world.
type Passed = (SearchSummary, WorldReport);

fn passes(case: &TestCase, body: &Body) -> Result<Passed, Box<FailureReport>> {
    let result = search(case, body);
    again::answer(result.is_ok());
    result.map_err(|mut report| {
        if !again::is_asked() {
            saved::keep(case, &mut report);
        }
        let mut report = of_test(case, report);
        drawing::keep(case, &mut report);
        report
    })
}

/// Adds the name and the line of its test to a report.
pub(crate) fn of_test(case: &TestCase, mut report: Box<FailureReport>) -> Box<FailureReport> {
    case.name.clone_into(&mut report.found.test);
    report.found.test_line = Some(SourceLine {
        file: case.file.to_owned(),
        line: case.line,
    });
    if let Some(command) = &case.options.command {
        let seed = report.found.seed;
        let seed = seed.map_or_else(String::new, |seed| format!("DURASIM_SEED={seed} "));
        report.found.command = Some(format!("{seed}{command}"));
    }
    if let Some(inputs) = &case.options.inputs {
        report.found.inputs = Some(inputs.clone().into_owned());
    }
    report
}

/// Prints the report and fails the `#[test]`, without the lines that a panic adds of its own.
///
/// The payload of the panic is the report too: `#[should_panic(expected = "..")]` finds the test's
/// own words in it.
pub(crate) fn fail(report: &FailureReport) -> ! {
    logging::tell("the world that failed", &report.found.story);
    if let Some(view) = report.view().filter(|_| Variable::History.is_on()) {
        eprintln!("{}", view.text());
    }
    eprintln!("{}", report.render(Colors::detect(&std::io::stderr())));
    std::panic::resume_unwind(Box::new(report.to_string()))
}

/// Runs the worlds of a test: the fault-free world, the plans of failures found before, then plans
/// and seeds as the options say.
///
/// Of the worlds that a search by seeds has, plans of one fault take up to half. There are few of
/// them, and they show for certain what a seed shows once in fifty worlds.
pub(super) fn search(case: &TestCase, body: &Body) -> Result<Passed, Box<FailureReport>> {
    let options = &case.options;
    let seed = seed_from_environment()?;
    let mut of_worlds = options.world_options();
    // A program prints what it likes.
    of_worlds.announces = !case.manifest_dir.is_empty();
    of_worlds.draws = drawing::is_drawn(case);
    let campaign = Campaign::new(body, of_worlds);
    let mut tally = Tally::default();
    if let Some(seed) = seed {
        let report = campaign.run_with(ChoiceSource::Seed(seed), |options| {
            options.story = logging::tells_story();
        });
        campaign.must_pass(&report, Spent::default())?;
        logging::tell(&format!("the world of seed {seed}"), &report.story);
        tally.world(&report, Place::Seed(seed));
        tally.summary.seeds = 1;
        campaign.draw_passed(case, &report);
        return Ok((tally.summary, campaign.into_fault_free()));
    }

    // The first world: with the faults that are placed by hand, if there are no others; else the
    // fault-free world, which is a world like others: its failure needs no plan.
    let faults = &options.world.faults;
    let only_placed = !faults.is_none() && !faults.has_odds();
    let placed = only_placed.then(|| {
        campaign.run_with(ChoiceSource::Benign, |options| {
            options.story = logging::tells_story();
            options.library_lines = true;
        })
    });
    let first = placed.as_ref().unwrap_or(campaign.fault_free());
    campaign.must_pass(first, Spent::default())?;
    tally.world(first, Place::First);

    if let Some(stale) = saved::rerun(case, &campaign)? {
        // Not by `eprintln!`, which the test runner keeps to itself if the test passes.
        let _ = writeln!(std::io::stderr(), "{stale}");
    }
    let mut seeds = seeds(options)?;
    let explored = match options.explore {
        None if faults.has_odds() && !broken!(SingleFaults) => {
            Some(Exhaustive::before_seeds(seeds / 2))
        }
        explore => explore,
    };
    // One world alone would be the fault-free one once more.
    if let Some(exhaustive) = explored.filter(|it| it.max_worlds > 1) {
        let before = tally.summary.worlds;
        explore::run(case.name, &campaign, exhaustive, &mut tally)?;
        if exhaustive.purpose == Purpose::Seeds {
            seeds = seeds.saturating_sub(tally.summary.worlds - before);
        }
    }
    many(&campaign, options.first_seed, seeds, &mut tally)
        .map_err(|report| again::confirmed(case, report))?;
    must_reach(&tally.sometimes)?;
    logging::tell("the first world, which passed like all", &first.story);
    campaign.draw_passed(case, first);
    let summary = tally.summary(&campaign.options().faults);
    Ok((summary, campaign.into_fault_free()))
}

/// Returns the number of worlds that seeds and the plans before them may take.
fn seeds(options: &TestOptions) -> Result<u64, Box<FailureReport>> {
    let default_seeds = options.world.faults.has_odds() && options.explore.is_none();
    let seeds = options
        .seeds
        .or_else(|| default_seeds.then_some(DEFAULT_SEEDS));
    let Some(seeds) = seeds else {
        return Ok(0);
    };
    let asked = Variable::Seeds.number(1);
    let asked = asked.or_else(|failure| of_no_world(*failure, Spent::default()))?;
    Ok(asked.unwrap_or(seeds))
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
    first: u64,
    seeds: u64,
    tally: &mut Tally,
) -> Result<(), Box<FailureReport>> {
    let before = tally.spent();
    tally.summary.seeds = seeds;
    let end = first.saturating_add(seeds);
    let next = AtomicU64::new(first);
    let lowest = AtomicU64::new(u64::MAX);
    let tally = Mutex::new(tally);
    let passed: Mutex<Vec<(u64, u64)>> = Mutex::default();
    let failed: Mutex<Option<(u64, WorldReport)>> = Mutex::new(None);
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end || seed > lowest.load(Ordering::Relaxed) {
                        return;
                    }
                    let report = campaign.seed(seed);
                    if report.failure.is_none() {
                        lock(&tally).world(&report, Place::Seed(seed));
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
    let passed = lock(&passed);
    let passed = passed.iter().filter(|(seed, _)| *seed < lowest);
    let spent = Spent {
        worlds: lowest - first,
        steps: passed.map(|(_, steps)| steps).sum(),
        shrink_runs: 0,
    };
    campaign.must_pass(&report, before + spent)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
