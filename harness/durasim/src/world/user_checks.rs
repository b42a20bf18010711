//! The checks that a test asks for: its observations, ledgers, invariants and labels.

use std::{collections::BTreeMap, panic::Location, rc::Rc};

use durasim_engine::{TaskId, watch::enters};
use durasim_worker::activity::ActivityCallRecord;
use serde_json::Value;

use super::{World, diagnosis};
use crate::{
    checks::{self, Violation, effects_once::Watched, invariant::Invariant},
    expected_calls::{ExpectedCalls, MockCalls, Mocked},
    mock_workflow::WorkflowCallRecord,
    outcome::SometimesLabel,
    panics,
    report::Failure,
};

type Observer = Box<dyn Fn() -> Result<Value, String>>;

/// An observation that the test asks for.
struct Observation {
    name: String,
    location: &'static Location<'static>,
    read: Observer,
}

/// The checks that a test asks for, and the actors that it starts.
#[derive(Default)]
pub(crate) struct UserChecks {
    pub(crate) actors: Vec<TaskId>,
    /// True if the world goes on after the test returned, until its workflows have closed.
    pub(crate) settles: bool,
    /// True if the test asks for a view of its first world.
    pub(crate) wants_view: bool,
    observations: Vec<Observation>,
    ledgers: Vec<Watched>,
    mocks: Vec<ExpectedCalls>,
    invariants: Rc<Vec<Invariant>>,
    labels: BTreeMap<String, SometimesLabel>,
    /// The longest recovery that the test allows, in virtual milliseconds, and the line that says
    /// so.
    pub(crate) recovers_within: Option<(u64, &'static Location<'static>)>,
}

impl UserChecks {
    #[track_caller]
    pub(crate) fn recovers_within(&mut self, allowed_ms: u64) {
        self.settles = true;
        self.recovers_within = Some((allowed_ms, Location::caller()));
    }

    #[track_caller]
    pub(crate) fn observe(&mut self, name: String, read: Observer) {
        let known = self.observations.iter().any(|known| known.name == name);
        assert!(
            !known,
            "{name:?} is observed twice: give each observation a name of its own"
        );
        self.settles = true;
        self.observations.push(Observation {
            name,
            location: Location::caller(),
            read,
        });
    }

    pub(crate) fn watch(&mut self, ledger: Watched) {
        self.settles = true;
        self.ledgers.push(ledger);
    }

    /// Expects calls of mocks, which are counted when the world has ended.
    pub(crate) fn expect(&mut self, mocks: Vec<ExpectedCalls>) {
        self.settles |= !mocks.is_empty();
        self.mocks.extend(mocks);
    }

    pub(crate) fn invariant(
        &mut self,
        name: String,
        location: &'static Location<'static>,
        holds: Box<dyn Fn() -> Result<(), Violation>>,
    ) {
        let invariant = Invariant::new(name, location, holds);
        match Rc::get_mut(&mut self.invariants) {
            Some(invariants) => invariants.push(invariant),
            None => panic!("an invariant cannot add another while it is evaluated"),
        }
    }

    pub(crate) fn sometimes(
        &mut self,
        name: String,
        location: &'static Location<'static>,
        reached: bool,
    ) {
        let location = format!("{}:{}", location.file(), location.line());
        let label = self.labels.entry(name).or_insert(SometimesLabel {
            location,
            reached: false,
        });
        label.reached |= reached;
    }

    /// Returns the line of each observation, by name.
    pub(crate) fn observed_at(&self) -> BTreeMap<String, &'static Location<'static>> {
        self.observations
            .iter()
            .map(|it| (it.name.clone(), it.location))
            .collect()
    }

    pub(crate) fn labels(&self) -> BTreeMap<String, SometimesLabel> {
        self.labels.clone()
    }
}

impl World {
    /// Evaluates every invariant; the first that does not hold ends the run.
    pub(super) fn check_invariants(&self) {
        if self.checks.borrow().invariants.is_empty() {
            return;
        }
        enters("an invariant of the test");
        let invariants = self.checks.borrow().invariants.clone();
        let now_ms = self.clock.now_ms();
        if let Some(failure) = checks::after_step(&invariants, now_ms) {
            let mut state = self.state();
            let failure = diagnosis::invariant_broken(&state, failure);
            state.fail(failure);
        }
    }

    /// Checks the ledgers, for the last time.
    pub(crate) fn check_ledgers(&self) -> Option<Failure> {
        let ledgers = std::mem::take(&mut self.checks.borrow_mut().ledgers);
        checks::of_ledgers(&ledgers)
    }

    /// Checks the calls of mocks, for the last time.
    pub(crate) fn check_mocks(&self) -> Option<Failure> {
        let expected = std::mem::take(&mut self.checks.borrow_mut().mocks);
        let state = self.state();
        let mocks = expected.into_iter().map(|expected| MockCalls {
            calls: match &expected.mocked {
                Mocked::Activity(name) => calls_of_activity(&state.activity_log.of_type(name)),
                Mocked::Workflow(name) => calls_of_workflow(&state.mocked_calls(name)),
            },
            expected,
        });
        checks::of_mocks(&mocks.collect::<Vec<_>>())
    }

    /// Reads the values that the test observes.
    ///
    /// # Errors
    ///
    /// The failure of the test, if one of its closures panics or returns what does not serialize.
    pub(crate) fn read_observations(&self) -> Result<BTreeMap<String, Value>, Box<Failure>> {
        let observations = std::mem::take(&mut self.checks.borrow_mut().observations);
        let read = |Observation { name, read, .. }: &Observation| {
            let value =
                panics::guarded(|| format!("observation {name:?}"), read)?.map_err(|error| {
                    let reason =
                        format!("what is observed as {name:?} does not serialize: {error}");
                    Box::new(Failure::setup(reason))
                })?;
            Ok((name.clone(), value))
        };
        observations.iter().map(read).collect()
    }
}

/// Returns the calls of an activity in words, with all attempts of a call in one.
fn calls_of_activity(attempts: &[ActivityCallRecord]) -> Vec<String> {
    let key = |it: &ActivityCallRecord| (it.run_id.clone(), it.activity_id.clone());
    let mut counts = BTreeMap::new();
    for attempt in attempts {
        *counts.entry(key(attempt)).or_insert(0) += 1;
    }
    // The first attempt of each call stands for all.
    attempts
        .iter()
        .filter_map(|attempt| Some((attempt, counts.remove(&key(attempt))?)))
        .map(|(call, attempts)| {
            let words = format!("{}: activity {}", call.workflow_id, call.activity_id);
            match attempts {
                1 => words,
                many => format!("{words}, in {many} attempts"),
            }
        })
        .collect()
}

/// Returns the calls of a mocked workflow in words.
fn calls_of_workflow(runs: &[WorkflowCallRecord]) -> Vec<String> {
    runs.iter()
        .map(|run| match &run.parent_workflow_id {
            Some(parent) => format!("{}, child of {parent}", run.workflow_id),
            None => run.workflow_id.clone(),
        })
        .collect()
}
