//! Running one world, from its choices to its report.

use std::{collections::BTreeMap, mem, rc::Rc};

use durasim_engine::{Choices, Clock, Executor, Keep, Lent, START_MS, Tape, Trace, watch::enters};
use futures::future::LocalBoxFuture;

use super::{
    histories, slow,
    verdict::{Evidence, verdict},
};
use crate::{
    TestWorkflowEnvironment,
    broken::inherited,
    checks::recovery,
    environment::StartError,
    error::TestResult,
    faults::{Faults, Latency, Outcome},
    label,
    outcome::{ChoiceSource, Recorded, Reference, WorldOptions, WorldReport},
    panics::{self, Backtraces},
    report::{Failure, FailureCode},
    world::{self, State, StateParts, UserChecks, World, diagnosis, replay_cases, trace},
};

/// The body of a test: given an environment, the future that is the test.
pub type Body =
    dyn Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> + Send + Sync;

/// Runs one world on a thread of its own, and judges it by itself.
pub fn run_world(body: &Body, options: &WorldOptions) -> WorldReport {
    run_judged(body, options, None)
}

/// Runs one world on a thread of its own, and judges it beside the fault-free world.
pub(super) fn run_judged(
    body: &Body,
    options: &WorldOptions,
    reference: Option<&Reference>,
) -> WorldReport {
    crate::logging::init();
    // This thread frees what the world leaves behind, for the next one.
    #[cfg(feature = "allocator")]
    durasim_allocator::exchange_lists();
    // The connection outlives the world, and a simulated thread may not have what it asks for.
    world::connection();
    // Every world has the same ambient seed: a test that draws random ids draws the same ones in
    // each world, so that its observations can be compared. Only replays change it.
    let watch = slow::watch(options.limits.patience());
    let run_once = |of_world: WorldOptions| {
        let ambient = of_world.ambient;
        let run = inherited(move |body| run_on_this_thread(body, of_world));
        durasim_engine::simulate_watched(ambient, watch, body, run)
    };
    let mut ended = run_once(options.clone());
    if ended.as_ref().is_ok_and(|ended| ended.spoiled) {
        // A timer of the test can still change what goes on and on: the world has its time.
        ended = run_once(WorldOptions {
            patient: true,
            ..options.clone()
        });
    }
    let Ended {
        mut report,
        evidence,
        mut trace,
        spoiled: _,
    } = match ended {
        Ok(ended) => ended,
        Err(stalled) => return WorldReport::stalled(diagnosis::stalled(&stalled), options),
    };
    report.slowest_recovery = reference.and_then(|it| recovery::slowest(&report, it));
    let ended_by_itself = evidence.ended_by.is_none();
    report.failure = verdict(evidence, &report, options, reference)
        .map(|failure| histories::shown(failure, &report.histories));

    // Code that does not come back from a replay would not come back from the next one either.
    let hangs = |failure: &Failure| failure.code == FailureCode::Limit;
    report.stalled = ended_by_itself && report.failure.as_ref().is_some_and(hangs);
    // The verdict is the last entry of the trace, so that it is part of the world's identity.
    let at_ms = START_MS + report.virtual_ms;
    match &report.failure {
        None => trace::record(&mut trace, at_ms, "verdict", format_args!("pass")),
        Some(failure) => {
            let code = failure.code;
            trace::record(&mut trace, at_ms, "verdict", format_args!("{code}"));
        }
    }
    report.ended = trace.hash();
    report.trace = trace.entries().to_vec();
    report
}

/// A world that has ended and has no verdict yet.
struct Ended {
    report: WorldReport,
    evidence: Evidence,
    trace: Trace,
    /// True if the world went too far to be judged: it runs again, with more patience.
    spoiled: bool,
}

async fn run_on_this_thread(body: Lent<Body>, options: WorldOptions) -> Ended {
    let _quiet = panics::quiet(match options {
        WorldOptions {
            backtraces: true, ..
        } => Backtraces::All,
        WorldOptions {
            library_lines: true,
            ..
        } => Backtraces::OfLibraries,
        _ => Backtraces::None,
    });
    let world = Rc::new(begin(options));
    let entered = world.clone().enter();

    let test = body.with(|body| body(TestWorkflowEnvironment::new()));
    let task = world.executor.spawn(panics::TEST, async move {
        if let Err(error) = test.await {
            let world = World::current();
            let mut state = world.state();
            if state.faults.outcome() == Outcome::Other {
                // The workflow may have failed rightly, and so may every call about it.
                return state.test_ended_early = true;
            }
            let failure = match error.find::<StartError>() {
                Some(cannot_start) => Failure::worker_cannot_start(
                    error.to_string(),
                    error.location().map(Into::into),
                )
                .with_remedy(cannot_start.remedy()),
                None => diagnosis::returned_error(&state, &error),
            };
            state.fail(failure);
        }
    });
    world::simulate(&world, task).await;

    let ended = end(&world);
    // Tasks are dropped while the world is still there: the values that they hold may look for it.
    world.executor.cancel_all();
    drop(entered);
    ended
}

/// Makes the world that the options describe.
fn begin(options: WorldOptions) -> World {
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
    let parts = StateParts {
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
        options,
    };
    let state = State::new(parts, executor.clone(), clock.clone());
    World::new(executor, clock, state, UserChecks::default())
}

/// Closes a world: gathers its report, and the evidence for the verdict.
fn end(world: &World) -> Ended {
    // Closures of the user come first: they may use the environment.
    enters("an observation of the test");
    let observed_at = world.checks.borrow().observed_at();
    let (observations, unreadable) = match world.read_observations() {
        Ok(observations) => (observations, None),
        Err(failure) => (BTreeMap::new(), Some(*failure)),
    };
    let of_ledgers = world.check_ledgers();
    let of_mocks = world.check_mocks();

    let mut state = world.state();
    let given = mem::take(&mut state.given);
    let of_given = replay_cases::of_given(&state, &given);
    let of_given = of_given.unwrap_or_else(|unregistered| {
        state.fail(*unregistered);
        Vec::new()
    });
    state.end_if_imported_in_vain();
    let missed = state.faults.missed();
    let missed_fault = missed.first().map(diagnosis::missed_fault);
    let mut evidence = Evidence {
        ended_by: state.failure.take(),
        unreadable,
        of_ledgers,
        missed_fault,
        of_mocks,
        woken_from_outside: diagnosis::woken_from_outside(&mut state),
        unpolled: Vec::new(),
    };
    if evidence.ended_by.is_some() {
        evidence.unpolled = diagnosis::unpolled(&state);
    }

    state.tell();
    let recording = state.take_recording().map(|recording| {
        Box::new(Recorded {
            recording: *recording,
            calls: state.activity_log.all(),
        })
    });
    let mut replays = replay_cases::cases(&state);
    replays.extend(of_given);
    let open_diagnosis = diagnosis::diagnose(&state);
    let open = open_diagnosis
        .workflows
        .iter()
        .map(|workflow| workflow.name.to_string())
        .collect();
    let histories = state.close();
    let trace = mem::replace(&mut state.trace, Trace::new(Keep::Hash));
    let report = WorldReport {
        failure: None,
        stalled: false,
        choices: state.options.choices.clone(),
        ended: trace.hash(),
        trace: Vec::new(),
        events: histories
            .iter()
            .map(|history| history.shared().len() as u64)
            .sum(),
        steps: state.steps,
        virtual_ms: state.now_ms - START_MS,
        tape: Tape {
            // Entropy follows the seed of a tape too: without it the tape is not the same world.
            seed: state.options.choices.seed(),
            ..state.choices.take_tape()
        },
        drift: state.choices.drift(),
        faults: state.faults.injected(),
        real_io: state.real_io.activities(),
        observations,
        observed_at,
        open,
        healed_ms: state
            .faults
            .last_injected_ms()
            .map_or(0, |injected_ms| injected_ms.saturating_sub(START_MS)),
        slowest_recovery: None,
        recovers_within: world.checks.borrow().recovers_within,
        outcome: state.faults.outcome(),
        ended_early: state.test_ended_early,
        settles: state.faults.any() || world.checks.borrow().settles,
        open_diagnosis,
        story: state.story.lines(),
        recording,
        wants_view: world.checks.borrow().wants_view,
        labels: world.checks.borrow().labels(),
        offers: state.choices.offers().to_vec(),
        histories,
        given,
        replays,
    };
    Ended {
        report,
        evidence,
        trace,
        spoiled: state.spoiled,
    }
}
