//! The pieces that can be broken, and the one that is broken on this thread.

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

/// Returns the piece that is broken on this thread.
pub(crate) fn current() -> Option<Sabotage> {
    CURRENT.get()
}

/// Returns a closure that runs on another thread with the same piece broken there as here.
pub(crate) fn inherited<T>(run: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let broken = current();
    move || {
        CURRENT.set(broken);
        run()
    }
}

/// Mends the broken piece when dropped.
pub(crate) struct Broken;

impl Broken {
    /// Breaks a piece on this thread, until the guard is dropped.
    pub(crate) fn by(sabotage: Sabotage) -> Self {
        CURRENT.set(Some(sabotage));
        Self
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}
