//! What can be broken, and the proof that a test notices.

use crate::{
    faults::{FaultKind, Moment},
    report::FailureCode,
};
use std::cell::Cell;

/// One piece of durasim, broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// The fault has its line in the plan at this moment, and then nothing happens: in this one of
    /// its ways, or in any.
    Fault(FaultKind, Moment, Option<u32>),
    /// The check finds nothing.
    Check(FailureCode),
    /// The run goes on as if that had not ended it.
    Verdict(FailureCode),
    /// A run that is rebuilt may issue other commands than its history holds.
    RebuildComparison,
    /// The replay finds the same clocks and hash seeds as the run.
    ReplayAmbient,
    /// The code of a process that died runs on.
    DeathOfAttempts,
    /// Messages are not held by events.
    EventDelays,
    /// More faults strike than the budget allows.
    Budget,
    /// Faults strike after the world was to heal.
    HealTime,
    /// Faults set back one run's workflow tasks, or one call, as often as they like.
    Setbacks,
    /// Faults strike where no retry is left.
    Mercy,
    /// Every fault is on in every world.
    Swarm,
    /// A failure is shown with the plan that it was found with.
    Shrinking,
    /// Failures found before are not run again.
    SavedFailures,
    /// Plans of more than one fault are not explored.
    Exploration,
    /// The hash of a trace does not cover the answers to queries.
    TraceOfAnswers,
    /// The hash of a trace does not cover the histories.
    TraceOfHistories,
    /// The hash of a trace does not cover the choices.
    TraceOfChoices,
}

thread_local! {
    static CURRENT: Cell<Option<Sabotage>> = const { Cell::new(None) };
}

/// What is broken on this thread.
pub(crate) fn current() -> Option<Sabotage> {
    CURRENT.get()
}

/// What runs on a thread of its own, with the same piece broken there as here.
pub(crate) fn inherited<T>(run: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let broken = current();
    move || {
        CURRENT.set(broken);
        run()
    }
}

/// Mends what is broken when dropped.
struct Broken;

impl Broken {
    fn by(sabotage: Sabotage) -> Self {
        CURRENT.set(Some(sabotage));
        Self
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

/// What a probe looks for, or what is missing of it.
pub(super) type Evidence = Result<(), String>;

/// `Ok` if it is so; if not, what should have been.
pub(super) fn shown(is_so: bool, what: impl FnOnce() -> String) -> Evidence {
    if is_so { Ok(()) } else { Err(what()) }
}

/// The probe finds its evidence, and finds none once that piece is broken.
#[track_caller]
pub(super) fn prove(sabotage: Sabotage, probe: impl Fn() -> Evidence) {
    if let Err(missing) = probe() {
        panic!("{missing}");
    }
    let _broken = Broken::by(sabotage);
    assert!(probe().is_err(), "with {sabotage:?} broken, nobody notices");
}

/// Tests that each break one piece, and the list of what they break.
macro_rules! probes {
    ($($name:ident, breaks $sabotage:expr => $probe:expr;)*) => {
        /// What the tests of this module break.
        pub(in crate::sabotage) const BROKEN: &[$crate::sabotage::prove::Sabotage] = &[$($sabotage),*];

        $(
            #[test]
            fn $name() {
                $crate::sabotage::prove::prove($sabotage, $probe);
            }
        )*
    };
}

pub(super) use probes;
