//! What the machine would tell a simulated run: entropy and clocks, made functions of a seed and of
//! virtual time.
//!
//! Workflow and activity code may look past the simulation: at `SystemTime::now`, at
//! `Instant::now`, at the order of a `HashMap`, at `rand` or `Uuid::new_v4`. On the thread of a run
//! these are answered from the run's [`Ambient`], so that the same seed brings the same answers,
//! and another seed or clock offset shows whether the code depends on them. On every other thread
//! nothing changes.
//!
//! ```
//! use std::collections::HashSet;
//! use durasim_engine::{Ambient, simulate};
//!
//! let order = |seed| {
//!     simulate(Ambient { seed, ..Ambient::default() }, || async {
//!         HashSet::from(["a", "b", "c", "d", "e", "f", "g", "h"]).into_iter().collect::<String>()
//!     })
//! };
//! # if cfg!(all(target_os = "linux", target_env = "gnu")) {
//! assert_eq!(order(1), order(1));
//! assert_ne!(order(1), order(2));
//! # }
//! ```
//!
//! # What is covered
//!
//! On Linux with glibc, in a program that links it dynamically, this crate defines the C functions
//! `getrandom`, `clock_gettime` and (on x86-64 and AArch64) `syscall` in front of the C library's
//! own. So it reaches the standard library, the crates `getrandom` 0.2 to 0.4 and what builds on
//! them, and `chrono` and `time`. Where a clock read this way ends up in a wait (`recv_timeout`,
//! `Condvar::wait_timeout`), the wait takes the real time asked for, and that much is added to what
//! `Instant::now` shows on this thread.
//!
//! The one blocking thread of a run has the same clocks and entropy of its own from the same seed.
//!
//! # What is not covered
//!
//! - Other platforms, and programs that link the C library statically: nothing is changed there.
//!   Under `--cfg madsim` madsim does the same in its own way.
//! - Threads that the code under test starts itself: they see the machine.
//! - Files and devices, `/dev/urandom` among them; `time`, `gettimeofday` and `clock_nanosleep` of
//!   the C library, and so `std::thread::sleep`, which really sleeps; instructions such as `RDRAND`
//!   and `RDTSC`.
//! - Hashers that mix in addresses (`ahash`) or generators that mix in the thread's number
//!   (`fastrand`).
//! - A process-wide counter from which Tokio's `select!` draws where it says no `biased;`, and
//!   `rand`'s generators of *other* threads.

#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    not(target_feature = "crt-static"),
    not(madsim)
))]
mod linux_gnu;
#[cfg(not(any(
    madsim,
    all(
        target_os = "linux",
        target_env = "gnu",
        not(target_feature = "crt-static")
    )
)))]
mod uncovered;

#[cfg(not(madsim))]
use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(not(madsim))]
use std::time::Duration;

#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    not(target_feature = "crt-static"),
    not(madsim)
))]
pub(crate) use linux_gnu::{Guard, suspended};
#[cfg(not(any(
    madsim,
    all(
        target_os = "linux",
        target_env = "gnu",
        not(target_feature = "crt-static")
    )
)))]
pub(crate) use uncovered::{Guard, suspended};

/// What a run finds where it looks past the simulation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Ambient {
    /// The seed of the entropy that the system hands out.
    pub seed: u64,
    /// What is added to virtual time on the system's calendar clock, in milliseconds.
    pub clock_offset_ms: i64,
}

/// The virtual time that the clocks of a run's threads show.
#[cfg(not(madsim))]
#[derive(Debug, Default)]
pub(crate) struct Shown(AtomicU64);

#[cfg(not(madsim))]
impl Shown {
    /// Shows this much time since the start of the run.
    pub(crate) fn set(&self, elapsed: Duration) {
        self.0.store(
            u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
    }

    /// The time since the start of the run that is shown.
    pub(crate) fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(all(
    test,
    target_os = "linux",
    target_env = "gnu",
    not(target_feature = "crt-static"),
    not(madsim)
))]
mod tests;
