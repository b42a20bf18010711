//! What is checked of every run, one file each.

mod core_replay;
pub(crate) mod effects_once;
mod history;
mod idempotency;
mod invariant;
mod liveness;
pub(crate) mod replay;
mod sometimes;

use crate::{
    report::FailureReport,
    runner::{Reference, WorldOptions, WorldReport},
    world::{World, diagnosis},
};
use durasim_engine::{TaskId, panic_message};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    rc::Rc,
};

pub(crate) use sometimes::Sometimes;

type Observer = Box<dyn Fn() -> Result<Value, String>>;

/// What is observed, and the line that says so.
struct Observation {
    name: String,
    location: &'static Location<'static>,
    read: Observer,
}

/// What must hold after every step.
pub(crate) struct Invariant {
    name: String,
    location: &'static Location<'static>,
    holds: Box<dyn Fn() -> Result<(), String>>,
}

/// What an invariant's closure may return.
pub trait Holds {
    /// Whether it holds; if not, why.
    ///
    /// # Errors
    ///
    /// The reason, for the report.
    fn holds(self) -> Result<(), String>;
}

impl Holds for bool {
    fn holds(self) -> Result<(), String> {
        if self {
            Ok(())
        } else {
            Err("it does not hold".to_owned())
        }
    }
}

impl<E: std::fmt::Display> Holds for Result<(), E> {
    fn holds(self) -> Result<(), String> {
        self.map_err(|reason| reason.to_string())
    }
}

/// What the test asked to be checked, and what it started beside itself.
#[derive(Default)]
pub(crate) struct UserChecks {
    pub(crate) actors: Vec<TaskId>,
    /// Whether the world goes on after the test returned, until its workflows have closed.
    pub(crate) settles: bool,
    observations: Vec<Observation>,
    ledgers: Vec<effects_once::Watched>,
    invariants: Rc<Vec<Invariant>>,
    labels: BTreeMap<String, Label>,
}

/// A label that the campaign must reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) location: String,
    pub(crate) reached: bool,
}

impl UserChecks {
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

    pub(crate) fn watch(&mut self, ledger: effects_once::Watched) {
        self.settles = true;
        self.ledgers.push(ledger);
    }

    pub(crate) fn invariant(
        &mut self,
        name: String,
        location: &'static Location<'static>,
        holds: Box<dyn Fn() -> Result<(), String>>,
    ) {
        let invariant = Invariant {
            name,
            location,
            holds,
        };
        match Rc::get_mut(&mut self.invariants) {
            Some(invariants) => invariants.push(invariant),
            None => panic!("an invariant cannot add another while it is evaluated"),
        }
    }

    fn invariants(&self) -> Rc<Vec<Invariant>> {
        self.invariants.clone()
    }

    pub(crate) fn sometimes(
        &mut self,
        name: String,
        location: &'static Location<'static>,
        reached: bool,
    ) {
        let location = format!("{}:{}", location.file(), location.line());
        let label = self.labels.entry(name).or_insert(Label {
            location,
            reached: false,
        });
        label.reached |= reached;
    }

    /// The lines that say what is observed, by name.
    pub(crate) fn observed_at(&self) -> BTreeMap<String, &'static Location<'static>> {
        self.observations
            .iter()
            .map(|it| (it.name.clone(), it.location))
            .collect()
    }

    pub(crate) fn labels(&self) -> BTreeMap<String, Label> {
        self.labels.clone()
    }
}

impl World {
    /// The first effect that was applied more than once, in any ledger.
    pub(crate) fn check_ledgers(&self) -> Option<FailureReport> {
        let ledgers = std::mem::take(&mut self.checks.borrow_mut().ledgers);
        ledgers.iter().find_map(|applied_again| applied_again())
    }

    /// What the test observes, read now.
    ///
    /// # Errors
    ///
    /// The failure of the test, if one of its closures panics or returns what does not serialize.
    pub(crate) fn read_observations(&self) -> Result<BTreeMap<String, Value>, Box<FailureReport>> {
        let observations = std::mem::take(&mut self.checks.borrow_mut().observations);
        let read = |Observation { name, read, .. }: &Observation| {
            let value = guarded(|| format!("observation {name:?}"), read)?.map_err(|error| {
                let reason = format!("what is observed as {name:?} does not serialize: {error}");
                Box::new(FailureReport::setup(reason))
            })?;
            Ok((name.clone(), value))
        };
        observations.iter().map(read).collect()
    }
}

/// Calls a closure of the test's; a panic in it fails the test, as one of the test itself does.
fn guarded<T>(
    what: impl FnOnce() -> String,
    call: impl FnOnce() -> T,
) -> Result<T, Box<FailureReport>> {
    catch_unwind(AssertUnwindSafe(call))
        .map_err(|panic| Box::new(diagnosis::panicked(&what(), &panic_message(panic.as_ref()))))
}

/// The checks of a world that has ended, in order; the first failure counts.
pub(crate) fn at_end(report: &WorldReport, options: &WorldOptions) -> Option<FailureReport> {
    let replayed = || replay::check(&report.replays, &report.histories, options.choices.seed());
    history::check(&report.histories)
        .or_else(|| options.replay.then(replayed).flatten())
        .or_else(|| {
            options
                .core_replay
                .then(|| core_replay::check(&report.replays, &report.histories))
                .flatten()
        })
}

/// The checks that compare a world with the fault-free one.
pub(crate) fn against(report: &WorldReport, reference: &Reference) -> Option<FailureReport> {
    idempotency::check(report, reference).or_else(|| liveness::check(report, reference))
}

/// What the failure of a world under faults is, compared with the fault-free one.
pub(crate) fn failed_under_faults(
    failure: FailureReport,
    report: &WorldReport,
    reference: &Reference,
) -> FailureReport {
    liveness::judged(failure, report, reference)
}
