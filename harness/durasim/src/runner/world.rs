//! Running one world, from its choices to its report.

use crate::{
    TestWorkflowEnvironment, checks,
    checks::{Label, UserChecks},
    environment::History,
    error::TestResult,
    faults::{FaultProfile, Faults, Usual},
    limits::Limits,
    panics,
    report::{Diagnosis, FailureCode, FailureReport},
    sabotage::inherited,
    world::{self, StandIn, State, StateOptions, World, diagnosis, untaken},
};
use durasim_engine::{
    Ambient, Choices, Clock, Executor, Keep, Offer, Tape, Trace, TraceEntry, TraceHash,
};
use futures::future::LocalBoxFuture;
use serde_json::Value;
use std::{cell::RefCell, collections::BTreeMap, fmt, panic::Location, rc::Rc, sync::Arc};

/// The body of a test: given an environment, the future that is the test.
pub type Body =
    dyn Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> + Send + Sync;

/// Where a world's choices come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum ChoiceSource {
    /// Every choice is the benign one: no faults, no latency, one fixed order.
    #[default]
    Benign,
    /// A seed fills the choices.
    Seed(u64),
    /// A tape holds the choices that are not benign; latency is among them.
    Tape(Tape),
    /// A tape of faults alone: messages take no time.
    Plan(Tape),
}

impl ChoiceSource {
    /// The seed that they came from, if they came from one.
    pub(crate) fn seed(&self) -> Option<u64> {
        match self {
            Self::Benign => None,
            Self::Seed(seed) => Some(*seed),
            Self::Tape(tape) | Self::Plan(tape) => tape.seed,
        }
    }
}

/// In the words of the log.
impl fmt::Display for ChoiceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Benign => f.write_str("the fault-free world"),
            Self::Seed(seed) => write!(f, "seed {seed}"),
            Self::Tape(tape) | Self::Plan(tape) => {
                write!(f, "a plan of {} choices", tape.entries.len())
            }
        }
    }
}

/// What one world is run with.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own, set by name"
)]
pub struct WorldOptions {
    /// Where its choices come from.
    pub choices: ChoiceSource,
    /// What may go wrong in it.
    pub faults: FaultProfile,
    /// Its limits.
    pub limits: Limits,
    /// Whether workers keep runs between their tasks.
    pub cache: bool,
    /// Whether histories are replayed in full at the end.
    pub replay: bool,
    /// Whether the SDK's own replayer must accept every history.
    pub core_replay: bool,
    /// Whether the entries of the trace are kept, not only its hash.
    pub keep_trace: bool,
    /// Whether backtraces are kept, of panics and of the code that issued each command. Slow.
    pub backtraces: bool,
    /// Whether the choices that were offered are listed, as exploration needs them.
    pub record_offers: bool,
    /// What the fault-free world took: faults leave that much.
    pub(crate) usual: Arc<Usual>,
    /// Who answers workflow tasks in place of the simulated workers.
    #[doc(hidden)]
    pub stand_in: Option<StandIn>,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            choices: ChoiceSource::Benign,
            faults: FaultProfile::none(),
            limits: Limits::default(),
            cache: true,
            replay: true,
            core_replay: false,
            keep_trace: false,
            backtraces: false,
            record_offers: false,
            usual: Arc::default(),
            stand_in: None,
        }
    }
}

impl WorldOptions {
    /// A world whose choices a seed fills.
    pub fn seeded(seed: u64) -> Self {
        Self {
            choices: ChoiceSource::Seed(seed),
            ..Self::default()
        }
    }
}

/// What became of a world.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorldReport {
    /// What went wrong first, if anything did.
    pub failure: Option<FailureReport>,
    /// Two worlds agree exactly when their hashes do.
    pub trace_hash: TraceHash,
    /// The trace, if it was kept.
    pub trace: Vec<TraceEntry>,
    /// History events of all runs.
    pub events: u64,
    /// Steps of the simulation.
    pub steps: u64,
    /// Virtual milliseconds from the start of the world to its end.
    pub virtual_ms: u64,
    /// The choices that were not benign.
    pub tape: Tape,
    /// How many faults struck.
    pub faults: u32,
    /// Every run's history, in the order in which the runs started.
    pub histories: Vec<History>,
    /// What the test observed at the end.
    pub observations: BTreeMap<String, Value>,
    /// The lines that say what is observed.
    pub(crate) observed_at: BTreeMap<String, &'static Location<'static>>,
    /// The workflows that were still open.
    pub open: Vec<String>,
    /// Virtual milliseconds from the start of the world to its last fault.
    pub(crate) healed_ms: u64,
    /// Whether the world went on after its test returned, until its workflows had closed.
    pub(crate) settles: bool,
    pub(crate) open_diagnosis: Diagnosis,
    pub(crate) labels: BTreeMap<String, Label>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) replays: Vec<checks::replay::Case>,
}

/// Runs one world on a thread of its own.
pub fn run_world(body: &Body, options: &WorldOptions) -> WorldReport {
    crate::logging::init();
    // Made before the run: it outlives it, and asks for what a simulated thread may not have.
    world::connection();
    // One ambient seed for every world: a test that makes ids at random makes the same ones in
    // each, so that what it observes can be compared. The check `replay` is what changes it.
    let run = inherited(|| run_on_this_thread(body, options));
    let mut report = durasim_engine::simulate(Ambient::default(), run);
    if report.failure.is_none() {
        report.failure = checks::at_end(&report, options);
    }
    report
}

async fn run_on_this_thread(body: &Body, options: &WorldOptions) -> WorldReport {
    let _quiet = panics::quiet(options.backtraces);
    let mut choices = match &options.choices {
        ChoiceSource::Benign => Choices::benign(),
        ChoiceSource::Seed(seed) => Choices::seeded(*seed),
        ChoiceSource::Tape(tape) | ChoiceSource::Plan(tape) => Choices::tape(tape),
    };
    if options.record_offers {
        choices.record_offers();
    }
    tracing::debug!(target: "durasim", at_ms = 0, kind = "world", "{}", options.choices);
    let faults = Faults::new(&options.faults, &mut choices);
    let executor = Rc::new(Executor::new());
    let state = State::new(
        StateOptions {
            choices,
            trace: Trace::new(if options.keep_trace {
                Keep::Entries
            } else {
                Keep::Hash
            }),
            faults,
            varied_latency: matches!(
                options.choices,
                ChoiceSource::Seed(_) | ChoiceSource::Tape(_)
            ),
            limits: options.limits,
            cache: options.cache,
            backtraces: options.backtraces,
            usual: options.usual.clone(),
            stand_in: options.stand_in.clone(),
        },
        executor.clone(),
    );
    let world = Rc::new(World::new(
        executor,
        Rc::new(Clock::start()),
        state,
        UserChecks::default(),
    ));
    let entered = world.clone().enter();
    let returned = Rc::new(RefCell::new(None));
    let slot = returned.clone();
    let future = body(TestWorkflowEnvironment::new());
    let task = world.executor.spawn("test", async move {
        let result = future.await;
        if let Err(error) = &result {
            let world = World::current();
            let mut state = world.state();
            let report = diagnosis::returned_error(&state, error);
            state.fail(report);
        }
        *slot.borrow_mut() = Some(result);
    });
    world::simulate(&world, task).await;
    let report = report(&world);
    // Dropped while the world is still there: what tasks hold may look for it.
    world.executor.cancel_all();
    drop(entered);
    report
}

fn report(world: &World) -> WorldReport {
    let observed_at = world.checks.borrow().observed_at();
    let observations = world.read_observations();
    let applied_again = world.check_ledgers();
    let mut state = world.state();
    let observations = observations.unwrap_or_else(|report| {
        state.fail(*report);
        BTreeMap::new()
    });
    if let Some(report) = applied_again {
        state.fail(report);
    }
    if let Some(missed) = state
        .faults
        .missed()
        .first()
        .map(|fault| diagnosis::missed_fault(fault))
    {
        state.fail(missed);
    }
    if state
        .failure
        .as_ref()
        .is_none_or(may_follow_from_a_hanging_workflow)
        && let Some(woken) = diagnosis::woken_from_outside(&mut state)
    {
        state.failure = Some(woken);
    }
    if let Some(told) = state
        .failure
        .as_ref()
        .and_then(|failure| untaken::explain(&state, failure))
    {
        state.failure = Some(told);
    }
    let replays = checks::replay::cases(&state);
    let open_diagnosis = diagnosis::diagnose(&state);
    let open = open_diagnosis
        .workflows
        .iter()
        .map(|workflow| workflow.name.to_string())
        .collect();
    let histories = state.close();
    WorldReport {
        failure: state.failure.take(),
        trace_hash: state.trace.hash(),
        trace: state.trace.entries().to_vec(),
        events: histories
            .iter()
            .map(|history| history.shared().len() as u64)
            .sum(),
        steps: state.steps,
        virtual_ms: state.now_ms - durasim_engine::START_MS,
        tape: state.choices.taken(),
        faults: state.faults.struck(),
        observations,
        observed_at,
        open,
        healed_ms: state.faults.last_struck_ms().map_or(0, |struck_ms| {
            struck_ms.saturating_sub(durasim_engine::START_MS)
        }),
        settles: state.faults.any() || world.checks.borrow().settles,
        open_diagnosis,
        labels: world.checks.borrow().labels(),
        offers: state.choices.offers().to_vec(),
        histories,
        replays,
    }
}

/// Whether a test may well fail like this because one of its workflows hangs.
fn may_follow_from_a_hanging_workflow(failure: &FailureReport) -> bool {
    matches!(
        failure.code,
        FailureCode::Panic | FailureCode::Error | FailureCode::Stuck | FailureCode::Limit
    )
}
