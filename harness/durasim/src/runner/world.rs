//! Running one world, from its choices to its report.

use crate::{
    TestWorkflowEnvironment,
    broken::inherited,
    checks,
    error::TestResult,
    faults::{Faults, Latency},
    label,
    outcome::{ChoiceSource, WorldOptions, WorldReport},
    panics,
    report::{FailureCode, FailureReport},
    world::{self, State, StateOptions, UserChecks, World, diagnosis, replay_cases, unpolled},
};
use durasim_engine::{Ambient, Choices, Clock, Executor, Keep, Trace};
use futures::future::LocalBoxFuture;
use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

/// The body of a test: given an environment, the future that is the test.
pub type Body =
    dyn Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> + Send + Sync;

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
    label::forget_names();
    let executor = Rc::new(Executor::new());
    let clock = Rc::new(Clock::start());
    let state = State::new(
        StateOptions {
            choices,
            trace: Trace::new(if options.keep_trace {
                Keep::Entries
            } else {
                Keep::Hash
            }),
            faults,
            latency: match options.choices {
                ChoiceSource::Seed(_) | ChoiceSource::Tape(_) => Latency::Varied {
                    in_words: options.in_words,
                },
                ChoiceSource::Benign | ChoiceSource::Plan(_) => Latency::None,
            },
            limits: options.limits,
            cache: options.cache,
            backtraces: options.backtraces,
            baseline: options.baseline.clone(),
            stand_in: options.stand_in.clone(),
        },
        executor.clone(),
        clock.clone(),
    );
    let world = Rc::new(World::new(executor, clock, state, UserChecks::default()));
    let entered = world.clone().enter();
    let returned = Rc::new(RefCell::new(None));
    let slot = returned.clone();
    let future = body(TestWorkflowEnvironment::new());
    let task = world.executor.spawn(panics::TEST, async move {
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
        .and_then(|failure| unpolled::explain(&state, failure))
    {
        state.failure = Some(told);
    }
    let replays = replay_cases::cases(&state);
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
        faults: state.faults.injected(),
        observations,
        observed_at,
        open,
        healed_ms: state.faults.last_injected_ms().map_or(0, |injected_ms| {
            injected_ms.saturating_sub(durasim_engine::START_MS)
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
