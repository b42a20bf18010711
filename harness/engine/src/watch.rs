//! A watch in real time over the thread of a world: code that never comes back to its simulation.
//!
//! The thread of a world beats: at each poll of a task, and at each thing that its simulation does.
//! [`simulate_watched`](crate::simulate_watched) waits for the world, and gives it up once it has
//! not beaten for a while. The watch counts its own short waits, not the time: a machine that
//! sleeps or is slow makes both slow. A world that beats does not notice the watch.

mod debugger;
mod lent;
#[cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    path = "watch/stack_linux.rs"
)]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu")),
    path = "watch/stack_unknown.rs"
)]
mod stack;

use std::{
    cell::RefCell,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

pub use lent::Lent;
pub(crate) use {debugger::is_debugged, stack::StuckThread};

thread_local! {
    static CURRENT: RefCell<Option<Arc<Pulse>>> = const { RefCell::new(None) };
}

/// The pulse of the thread of a world.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    beats: AtomicU64,
    /// True while the world waits for something that has a watch of its own.
    rests: AtomicBool,
    /// The name of the code that runs.
    runs: Mutex<String>,
    /// True while that is the code of the simulation itself, which runs many times in a row.
    steps: AtomicBool,
}

impl Pulse {
    /// Gives this thread a pulse, which the caller keeps too.
    pub(crate) fn begin(self: &Arc<Self>) {
        CURRENT.set(Some(self.clone()));
    }

    /// Returns the number of beats so far, or `None` while the world rests.
    pub(crate) fn beats(&self) -> Option<u64> {
        let rests = self.rests.load(Ordering::Relaxed);
        (!rests).then(|| self.beats.load(Ordering::Relaxed))
    }

    /// Counts a beat. Only the thread of the world does.
    fn beat(&self) {
        let beats = self.beats.load(Ordering::Relaxed);
        self.beats.store(beats + 1, Ordering::Relaxed);
    }

    /// Notes the name of the code that runs next.
    fn enters(&self, code: &str) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if *runs != code {
            runs.clear();
            runs.push_str(code);
        }
    }

    /// Returns the name of the code that runs.
    pub(crate) fn runs(&self) -> String {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        runs.clone()
    }
}

/// Notes that the thread of a world is alive, and that code of this name runs next.
///
/// Does nothing on other threads.
pub fn enters(code: &str) {
    CURRENT.with_borrow(|pulse| {
        let Some(pulse) = pulse else { return };
        pulse.beat();
        pulse.steps.store(false, Ordering::Relaxed);
        pulse.enters(code);
    });
}

/// Does what [`enters`] does, for the simulation's own code, at next to no cost if nothing else has
/// run since the last call. Its name must always be the same.
pub fn steps(code: &'static str) {
    CURRENT.with_borrow(|pulse| {
        let Some(pulse) = pulse else { return };
        pulse.beat();
        if !pulse.steps.load(Ordering::Relaxed) {
            pulse.steps.store(true, Ordering::Relaxed);
            pulse.enters(code);
        }
    });
}

/// Waits for something that has a watch of its own.
#[cfg(not(madsim))]
pub(crate) fn resting<T>(wait: impl FnOnce() -> T) -> T {
    let pulse = CURRENT.with_borrow(Clone::clone);
    let Some(pulse) = pulse else { return wait() };
    pulse.rests.store(true, Ordering::Relaxed);
    let result = wait();
    let beats = pulse.beats.load(Ordering::Relaxed);
    pulse.beats.store(beats + 1, Ordering::Relaxed);
    pulse.rests.store(false, Ordering::Relaxed);
    result
}

/// The watch over a world.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// The real time after which a world is given up whose code does not come back to its
    /// simulation. `None` waits for ever, and watches nothing.
    pub patience: Option<Duration>,
    /// The real time after which code that has not come back yet is slow.
    pub slow_after: Duration,
    /// Takes the name of slow code, each time that there is any.
    pub is_slow: &'a dyn Fn(&str),
}

impl Watch<'_> {
    /// Returns a watch that nobody hears of slow code from.
    pub fn with_patience(patience: Option<Duration>) -> Self {
        Self {
            patience,
            slow_after: Duration::MAX,
            is_slow: &|_| (),
        }
    }
}

/// The error of a world whose thread did not come back to its simulation.
///
/// The thread cannot be stopped. It is left to itself, with the lowest priority there is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code} did not come back to its simulation within {patience:?}")]
#[non_exhaustive]
pub struct Stalled {
    /// The name of the code that runs, as [`enters`] got it.
    pub code: String,
    /// The real time for which the watch waited.
    pub patience: Duration,
    /// The stack of the thread, in the format of the standard library's backtraces; empty on
    /// systems on which it cannot be read.
    pub backtrace: String,
}
