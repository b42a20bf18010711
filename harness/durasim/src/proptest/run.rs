//! The function that `#[workflow_test(proptest)]` expands to.

use std::{
    cell::{Cell, RefCell},
    fmt::Debug,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
};

use ::proptest::{
    strategy::Strategy,
    test_runner::{Config, FileFailurePersistence, RngSeed, TestCaseError, TestError, TestRunner},
};
use durasim_engine::Tape;
use futures::future::{FutureExt, LocalBoxFuture};

use super::{FaultPlan, fault_plans};
use crate::{
    TestWorkflowEnvironment,
    checks::Sometimes,
    error::{TestOutcome, TestResult},
    outcome::{ChoiceSource, WorldReport},
    regressions::source_path,
    report::{Comparison, Failure, FailureCode, FailureReport, Found, Spent},
    runner::{
        Campaign, Finding, Signature, TestCase, fail, is_drawn, keep, must_reach, of_no_world,
        of_test,
    },
};

/// The extension of the files in which proptest keeps its failures, beside the test's source file.
const PERSISTENCE: &str = "proptest-regressions";

impl Campaign<'_> {
    /// Runs the world of a generated plan, and judges it. If the world fails, the plan can shrink
    /// from then on.
    pub fn plan(&self, plan: &FaultPlan) -> WorldReport {
        let report = self.run(match plan.tape() {
            None => ChoiceSource::Seed(plan.seed()),
            Some(tape) => ChoiceSource::Tape(tape.clone()),
        });
        if report.failure.is_some() {
            plan.recording.set(report.tape.clone());
        }
        report
    }
}

/// Returns the strategy of one generated argument. The compiler reports an expression that is no
/// strategy at the place where it was written.
pub fn generator<S: Strategy>(strategy: S) -> S {
    strategy
}

/// Runs a test over generated inputs and plans, and panics with its report if a case fails.
///
/// `describe` names each generated argument and prints its value.
///
/// # Panics
///
/// If the test fails; that is how a `#[test]` does.
#[allow(
    clippy::needless_pass_by_value,
    reason = "what the attribute expands to hands it over"
)]
pub fn run_proptest<S, O, F, D>(case: TestCase, strategy: S, describe: D, body: F)
where
    S: Strategy,
    S::Value: Clone + Send + 'static,
    O: TestOutcome + 'static,
    F: Fn(TestWorkflowEnvironment, S::Value) -> Pin<Box<dyn Future<Output = O>>>
        + Send
        + Sync
        + 'static,
    D: Fn(&S::Value) -> Vec<(&'static str, String)>,
{
    if let Err(report) = search(&case, strategy, describe, body) {
        let mut report = of_test(&case, report);
        keep(&case, &mut report);
        fail(&report);
    }
}

/// Runs the cases. Returns `Err` with the report of the smallest case that fails.
pub(super) fn search<S, O, F, D>(
    case: &TestCase,
    strategy: S,
    describe: D,
    body: F,
) -> Result<(), Box<FailureReport>>
where
    S: Strategy,
    S::Value: Clone + Send + 'static,
    O: TestOutcome + 'static,
    F: Fn(TestWorkflowEnvironment, S::Value) -> Pin<Box<dyn Future<Output = O>>>
        + Send
        + Sync
        + 'static,
    D: Fn(&S::Value) -> Vec<(&'static str, String)>,
{
    Property {
        case,
        body: Arc::new(body),
        seen: Seen::default(),
    }
    .search(strategy, describe)
}

/// A test with generated arguments, on its way through its cases.
struct Property<'a, F> {
    case: &'a TestCase,
    body: Arc<F>,
    seen: Seen,
}

/// The findings of the cases so far. proptest calls the test through a shared reference.
#[derive(Default)]
struct Seen {
    worlds: Cell<u64>,
    steps: Cell<u64>,
    sometimes: RefCell<Sometimes>,
    /// The first failure, with its choices and the number of worlds until then. All later failures
    /// must equal it.
    first: RefCell<Option<(Signature, Tape, u64)>>,
}

impl Seen {
    /// Returns the cost of the cases until the first that failed.
    fn spent(&self) -> Spent {
        Spent {
            worlds: self.worlds.get(),
            steps: self.steps.get(),
            shrink_runs: 0,
        }
    }
}

impl<F> Property<'_, F> {
    fn search<V, O, S, D>(&self, strategy: S, describe: D) -> Result<(), Box<FailureReport>>
    where
        V: Clone + Debug + Send + 'static,
        O: TestOutcome + 'static,
        F: Fn(TestWorkflowEnvironment, V) -> Pin<Box<dyn Future<Output = O>>>
            + Send
            + Sync
            + 'static,
        S: Strategy<Value = V>,
        D: Fn(&V) -> Vec<(&'static str, String)>,
    {
        let seed = crate::runner::seed_from_environment()?;
        let mut runner = TestRunner::new(config(self.case, seed));
        // The plan comes first: it shrinks under the inputs that it was recorded with.
        let outcome = runner.run(&(fault_plans(), strategy), |(plan, values)| {
            let Some(failure) = self.world(&plan, values).failure else {
                return Ok(());
            };
            Err(TestCaseError::fail(format!(
                "{}: {}",
                failure.code, failure.what
            )))
        });
        match outcome {
            Ok(()) => must_reach(&self.seen.sometimes.borrow()),
            Err(TestError::Abort(reason)) => {
                let message = format!("proptest gave up: {reason}");
                of_no_world(Failure::setup(message), self.seen.spent())
            }
            Err(TestError::Fail(_, (plan, values))) => {
                let inputs = describe(&values);
                let FailureReport { failure, found } = self.minimal(&plan, values);
                let lines: Vec<_> = inputs
                    .iter()
                    .map(|(name, value)| format!("{name} = {value}"))
                    .collect();
                let kept_by_proptest = source(self.case).map(|_| {
                    let file = std::path::Path::new(self.case.file).with_extension(PERSISTENCE);
                    file.display().to_string()
                });
                let found = Found {
                    inputs: (!lines.is_empty()).then(|| lines.join("\n")),
                    saved: kept_by_proptest,
                    seed,
                    ..found
                };
                Err(Box::new(FailureReport { failure, found }))
            }
        }
    }

    /// Runs one case. A failure that differs from the first counts as none: shrinking must not
    /// change the subject.
    fn world<V, O>(&self, plan: &FaultPlan, values: V) -> WorldReport
    where
        V: Clone + Send + 'static,
        O: TestOutcome + 'static,
        F: Fn(TestWorkflowEnvironment, V) -> Pin<Box<dyn Future<Output = O>>>
            + Send
            + Sync
            + 'static,
    {
        let body = self.bind(values);
        let campaign = Campaign::new(&body, self.case.options.world_options());
        self.count(campaign.fault_free());
        let mut report = if campaign.fault_free().failure.is_some() || plan.is_benign() {
            campaign.fault_free().clone()
        } else {
            let report = campaign.plan(plan);
            self.count(&report);
            report
        };
        let mut first = self.seen.first.borrow_mut();
        match (&report.failure, &*first) {
            (Some(failure), None) => {
                *first = Some((
                    Signature::of(failure),
                    report.tape.clone(),
                    self.seen.worlds.get(),
                ));
            }
            (Some(failure), Some((signature, ..))) if Signature::of(failure) != *signature => {
                report.failure = None;
            }
            _ => {}
        }
        report
    }

    fn count(&self, report: &WorldReport) {
        self.seen.worlds.set(self.seen.worlds.get() + 1);
        // Worlds of shrinking are no part of the search.
        if self.seen.first.borrow().is_none() {
            self.seen.steps.set(self.seen.steps.get() + report.steps);
            self.seen
                .sometimes
                .borrow_mut()
                .world(&report.labels, report.steps);
        }
    }

    /// Returns the report of the smallest case: its plan shrunk once more, now under the smallest
    /// inputs.
    fn minimal<V, O>(&self, plan: &FaultPlan, values: V) -> FailureReport
    where
        V: Clone + Send + 'static,
        O: TestOutcome + 'static,
        F: Fn(TestWorkflowEnvironment, V) -> Pin<Box<dyn Future<Output = O>>>
            + Send
            + Sync
            + 'static,
    {
        let body = self.bind(values.clone());
        let mut options = self.case.options.world_options();
        options.draws = is_drawn(self.case);
        let campaign = Campaign::new(&body, options);
        let world = self.world(plan, values);
        let first = self.seen.first.borrow();
        let (_, tape, worlds) = first.as_ref().expect("some case failed");
        let finding = Finding {
            tape,
            drifted: 0,
            spent: Spent {
                worlds: *worlds,
                shrink_runs: self.seen.worlds.get().saturating_sub(*worlds),
                ..self.seen.spent()
            },
        };
        if world.failure.is_some() {
            return campaign.report(&world, &finding);
        }
        FailureReport {
            failure: unrepeatable(),
            found: Found {
                spent: finding.spent,
                ..Found::default()
            },
        }
    }

    /// Returns the body of the test with its generated arguments filled in.
    fn bind<V, O>(
        &self,
        values: V,
    ) -> impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult>
    + Send
    + Sync
    + 'static
    + use<V, O, F>
    where
        V: Clone + Send + 'static,
        O: TestOutcome + 'static,
        F: Fn(TestWorkflowEnvironment, V) -> Pin<Box<dyn Future<Output = O>>>
            + Send
            + Sync
            + 'static,
    {
        // Worlds run on threads of their own, and not every value is `Sync`.
        let (body, values) = (self.body.clone(), Mutex::new(values));
        move |env| {
            let values = values
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            body(env, values)
                .map(TestOutcome::into_test_result)
                .boxed_local()
        }
    }
}

/// Returns the failure of a test whose smallest failing case passes when it is run again.
fn unrepeatable() -> Failure {
    let what = "two worlds of the same choices differ";
    Failure::new(FailureCode::Unrepeatable, what).with_comparison(Comparison {
        label: "trace".to_owned(),
        expected_from: "the first world".to_owned(),
        expected: "the case fails".to_owned(),
        actual_from: "the second".to_owned(),
        actual: "the same case passes".to_owned(),
    })
}

/// Returns the test's source file on this machine.
fn source(case: &TestCase) -> Option<std::path::PathBuf> {
    source_path(case.manifest_dir.as_ref(), case.file.as_ref())
}

/// Returns proptest's own configuration, its variables included, with a fixed seed and with a place
/// for failures.
fn config(case: &TestCase, seed: Option<u64>) -> Config {
    let mut config = Config::default();
    // The cases are the same every time unless a variable says otherwise, like the seeds of other
    // tests.
    match (seed, config.rng_seed) {
        (Some(seed), _) => config.rng_seed = RngSeed::Fixed(seed),
        (None, RngSeed::Random) => config.rng_seed = RngSeed::Fixed(0),
        (None, RngSeed::Fixed(_)) => {}
    }
    config.test_name = Some(case.name);
    // proptest wants a path that lives as long as the process. There is one for each test.
    config.source_file =
        source(case).map(|path| &*Box::leak(path.display().to_string().into_boxed_str()));
    config.failure_persistence = match config.source_file {
        Some(_) => Some(Box::new(FileFailurePersistence::WithSource(PERSISTENCE))),
        None => None,
    };
    config
}
