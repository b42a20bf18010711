//! The machine's clocks and entropy, as a world sees them: functions of a seed and of virtual time.
//!
//! Workflow and activity code may look past the simulation: at `SystemTime::now`, at
//! `Instant::now`, at the order of a `HashMap`, at `rand` or `Uuid::new_v4`. On the thread of a
//! world these are answered from the world's [`Ambient`]. So the same seed brings the same answers,
//! and another seed or clock offset shows if the code depends on them. On every other thread
//! nothing changes.
//!
//! ```
//! use std::collections::HashSet;
//! use durasim_engine::{Ambient, ambient, simulate};
//!
//! let order = |seed| {
//!     simulate(Ambient { seed, ..Ambient::default() }, || async {
//!         HashSet::from(["a", "b", "c", "d", "e", "f", "g", "h"]).into_iter().collect::<String>()
//!     })
//! };
//! if ambient::is_simulated() {
//!     assert_eq!(order(1), order(1));
//!     assert_ne!(order(1), order(2));
//! }
//! ```
//!
//! # What is covered
//!
//! - **Linux with glibc**, in a program that links it dynamically. This crate defines the C
//!   functions `getrandom`, `clock_gettime`, `pthread_create` and (on x86-64 and AArch64) `syscall`
//!   in front of the C library's own. So it reaches the standard library, the crates `getrandom`
//!   0.2 to 0.4 and the crates that build on them, and `chrono` and `time`.
//! - **macOS**, untested. This crate defines `CCRandomGenerateBytes`, `getentropy`,
//!   `clock_gettime`, `mach_absolute_time` and `pthread_create`, and the two functions with which
//!   the standard library waits.
//! - **madsim**: under `--cfg madsim`, madsim simulates clocks and entropy in its own way.
//!
//! [`is_simulated`] tells if the system is one of these. The build script chooses between them.
//!
//! A wait with a timeout (`recv_timeout`, `Condvar::wait_timeout`) takes the real time asked for.
//! That much is added to the reading of `Instant::now` on this thread.
//!
//! The one blocking thread of a world has the same clocks, and entropy of its own from the same
//! seed.
//!
//! # What is not covered
//!
//! - Other systems, and programs that link the C library statically: worlds see the machine's
//!   clocks and entropy.
//! - Threads that the code under test starts itself: they see the machine. The start of a thread is
//!   noted where no thread must be started: see [`noting_threads`].
//! - Files and devices, `/dev/urandom` among them; `time`, `gettimeofday` and `clock_nanosleep` of
//!   the C library, and so `std::thread::sleep`, which really sleeps; instructions such as `RDRAND`
//!   and `RDTSC`.
//! - Hashers that mix in addresses (`ahash`) or generators that mix in the thread's number
//!   (`fastrand`).
//! - A process-wide counter from which Tokio's `select!` draws unless it says `biased;`, and
//!   `rand`'s generators of *other* threads.

#[cfg(simulated_ambient)]
mod c_library;
#[cfg(simulated_ambient)]
mod simulated;
#[cfg(not(madsim))]
#[cfg_attr(ambient = "linux_gnu", path = "ambient/linux_gnu.rs")]
#[cfg_attr(ambient = "macos", path = "ambient/macos.rs")]
#[cfg_attr(ambient = "uncovered", path = "ambient/uncovered.rs")]
mod system;
#[cfg(all(test, simulated_ambient))]
mod tests;
#[cfg(simulated_ambient)]
mod threads;

#[cfg(not(madsim))]
use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

#[cfg(simulated_ambient)]
pub(crate) use simulated::{Guard, suspended};
#[cfg(not(madsim))]
pub(crate) use system::enter;
#[cfg(ambient = "uncovered")]
pub(crate) use system::{Guard, suspended};

/// Returns `true` if worlds see simulated clocks and entropy on this system.
///
/// Otherwise they see those of the machine: two worlds with the same choices may differ, and
/// nothing changes with the seed or the clock offset of an [`Ambient`].
pub const fn is_simulated() -> bool {
    cfg!(any(simulated_ambient, madsim))
}

/// The clocks and entropy that code of a world finds if it looks past the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Ambient {
    /// The seed of the entropy that the system hands out.
    pub seed: u64,
    /// The difference between the system's calendar clock and virtual time, in nanoseconds.
    pub clock_offset_ns: i64,
}

/// The things past the simulation that code of a world looked at.
///
/// On systems without simulated clocks and entropy nobody knows, and nothing is noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Looks {
    /// True if the code drew entropy. The seeds with which the standard library begins the hashers
    /// of a thread do not count: every thread that has a `HashMap` draws them.
    pub entropy: bool,
    /// True if the code read a clock.
    pub clocks: bool,
}

impl Looks {
    /// Returns `true` if the code looked at anything.
    pub fn any(self) -> bool {
        self.entropy || self.clocks
    }
}

/// Runs code that must not start threads, as workflow code must not. The first thread that it
/// starts on this thread is noted, and runs all the same: see [`take_thread_start`].
pub fn noting_threads<T>(code: impl FnOnce() -> T) -> T {
    #[cfg(simulated_ambient)]
    return threads::noting_threads(code);
    #[cfg(not(simulated_ambient))]
    code()
}

/// Takes the stack that started the noted thread, in the format of the standard library's
/// backtraces; `None` if no thread was started since the last call, and on systems without
/// simulated clocks and entropy.
pub fn take_thread_start() -> Option<String> {
    #[cfg(simulated_ambient)]
    return threads::take_thread_start();
    #[cfg(not(simulated_ambient))]
    None
}

/// Runs code, and notes the things past the simulation that it looks at on this thread.
pub fn noting<T>(code: impl FnOnce() -> T) -> (T, Looks) {
    let before = take_looks();
    let result = code();
    let looks = take_looks();
    note(before);
    note(looks);
    (result, looks)
}

#[cfg(simulated_ambient)]
use simulated::{note, take_looks};

#[cfg(not(simulated_ambient))]
fn take_looks() -> Looks {
    Looks::default()
}

#[cfg(not(simulated_ambient))]
fn note(_: Looks) {}

/// The virtual time that the clocks of a world's threads show.
#[cfg(not(madsim))]
#[derive(Debug, Default)]
pub(crate) struct Shown(AtomicU64);

#[cfg(not(madsim))]
impl Shown {
    /// Shows this much time since the start of the world.
    pub(crate) fn set(&self, elapsed: Duration) {
        self.0.store(
            u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
    }

    /// Returns the time shown, since the start of the world.
    pub(crate) fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}
