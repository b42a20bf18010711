//! The parts that can be broken, and the part that is broken on this thread.

use std::cell::Cell;

use crate::{
    faults::{FaultKind, Moment},
    report::FailureCode,
};

/// A part of durasim, broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sabotage {
    /// The fault has its line in the plan at this moment, in this one of its ways or in any, and
    /// then nothing happens.
    Fault(FaultKind, Moment, Option<u32>),
    /// The check finds nothing.
    Check(FailureCode),
    /// The world goes on as if this failure had not ended it.
    Verdict(FailureCode),
    /// A run that is rebuilt may issue other commands than its history holds.
    RebuildComparison,
    /// A replay has the same clocks and hash seeds as the run.
    ReplayAmbient,
    /// Code that draws entropy or reads a clock is replayed once, as other code is.
    Tosses,
    /// Nothing is replayed in a fresh process.
    FreshProcess,
    /// The start of a thread by workflow code is not looked at.
    ThreadStarts,
    /// A worker does not give up on attempts by itself.
    LocalTimeouts,
    /// A worker that shuts down does not ask its attempts to stop.
    GracePeriod,
    /// A worker takes any number of tasks at once.
    Slots,
    /// The code of a process that died runs on.
    DeathOfAttempts,
    /// Messages are not held by events.
    EventDelays,
    /// More faults happen than the budget allows.
    Budget,
    /// Faults happen after the world was to heal.
    HealTime,
    /// Faults set back the workflow tasks of one run, or one call, without limit.
    Setbacks,
    /// Faults happen where a sound workflow does not tolerate them.
    Tolerance,
    /// Every kind of fault of a profile is on in every world.
    Swarm,
    /// The report of a failure shows the plan with which it was found.
    Shrinking,
    /// The world of a failure does not run again.
    Repetition,
    /// Failures that were found before are not run again.
    SavedFailures,
    /// A search by seeds has no plans of one fault before its seeds.
    SingleFaults,
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

/// Returns the part that is broken on this thread.
pub(crate) fn current() -> Option<Sabotage> {
    CURRENT.get()
}

/// Returns a closure that runs on another thread with the same part broken there as here.
pub(crate) fn inherited<A, T>(run: impl FnOnce(A) -> T) -> impl FnOnce(A) -> T {
    let broken = current();
    move |argument| {
        CURRENT.set(broken);
        run(argument)
    }
}

/// A guard that mends the broken part when dropped.
pub(crate) struct Broken;

impl Broken {
    /// Breaks a part on this thread, until the guard is dropped.
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
