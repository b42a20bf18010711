//! The runtime under a run: a fresh thread with virtual time.
//!
//! Without flags it is Tokio with a paused clock, and time is all that its driver is for. With
//! `--cfg madsim` it is a madsim runtime, whose network and other simulators are there then, and
//! inside which no thread can be started: no run inside another, that is. Which of two timers that
//! are due at the same time fires first is always the same for one seed, but not the same on both.
//! The rest of the crate, and what is built on it, does not see the difference.
//!
//! Code under test must not call `tokio::time::resume`, which would let the machine's time in.
//!
//! ```
//! use std::time::Duration;
//! use durasim_engine::{Ambient, Clock, START_MS, simulate};
//!
//! let now_ms = simulate(Ambient::default(), || async {
//!     tokio::time::sleep(Duration::from_secs(3_600)).await;
//!     Clock::start().now_ms()
//! });
//! assert_eq!(now_ms, START_MS + 3_600_000);
//! ```

use std::future::Future;
use std::panic::resume_unwind;
use std::thread;

use crate::ambient::Ambient;

#[cfg_attr(madsim, path = "runtime/on_madsim.rs")]
#[cfg_attr(not(madsim), path = "runtime/on_tokio.rs")]
mod flavor;
mod threads;

pub(crate) use flavor::Timekeeper;
pub use threads::may_have_started_threads;

/// Enough for the deepest call chains of unoptimized code; only what is touched costs memory.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// Runs a future to its end on a fresh thread, in a single-threaded runtime whose time is virtual.
///
/// The future is made on that thread, so it need not be `Send`. A fresh thread means that nothing
/// thread-local is left of an earlier run.
///
/// # Panics
///
/// With the panic of the future, if it panics; or if the system has no thread to give.
pub fn simulate<T, F, Fut>(ambient: Ambient, root: F) -> T
where
    T: Send,
    F: FnOnce() -> Fut + Send,
    Fut: Future<Output = T>,
{
    // Panics on the thread are reported under the name of the test that runs here.
    let name = thread::current().name().unwrap_or("durasim").to_owned();
    let builder = thread::Builder::new().name(name).stack_size(STACK_BYTES);
    let result = thread::scope(|scope| {
        let run = builder.spawn_scoped(scope, || flavor::run(ambient, root));
        run.expect("the system must have a thread for the run")
            .join()
    });
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(test)]
mod tests;
