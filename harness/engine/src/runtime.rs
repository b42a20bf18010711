//! The runtime under a world: a fresh thread with virtual time.
//!
//! Without flags the runtime is Tokio's with a paused clock; its driver has no input or output,
//! only time. With `--cfg madsim` it is a madsim runtime with madsim's network and other
//! simulators. There, code of a world cannot start threads, and so cannot run another world. Of two
//! timers that are due at the same time, the same one always fires first for one seed, but not the
//! same one on both runtimes. The rest of this crate, and the crates above it, do not see the
//! difference.
//!
//! Code under test must not call `tokio::time::resume`, which would let in the machine's time.
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

use std::{cell::RefCell, future::Future, panic::resume_unwind, thread};

use corosensei::{on_stack, stack::DefaultStack};

use crate::ambient::Ambient;

#[cfg_attr(madsim, path = "runtime/on_madsim.rs")]
#[cfg_attr(not(madsim), path = "runtime/on_tokio.rs")]
mod flavor;
mod threads;
mod watched;

pub(crate) use flavor::Timekeeper;
pub use flavor::spawned_tasks;
pub use threads::may_have_started_threads;
pub use watched::simulate_watched;

/// The size of the stack of a world: enough for the deepest call chains of unoptimized code. Only
/// the touched part costs memory.
const STACK_BYTES: usize = 16 * 1024 * 1024;

/// The size of the stack of a world's thread where the world has another stack. The destructors of
/// thread locals run on it.
const THREAD_STACK_BYTES: usize = 1024 * 1024;

thread_local! {
    /// The stack on which the next world runs that this thread waits for.
    ///
    /// A thread gives its stack back to the system when it ends, and every page that the next one
    /// touches costs a fault: a sixth of the time of a small world. So the stack of a world stays
    /// with the thread that waits for it. The first world of a thread, such as the fault-free world
    /// of a test, has the stack of its own thread, for which the standard library tells an overflow
    /// in words.
    static STACK: RefCell<Option<DefaultStack>> = const { RefCell::new(None) };
}

/// Runs a future to its end on a fresh thread, in a single-threaded runtime with virtual time, and
/// returns its output.
///
/// The future is created on that thread, so it need not be `Send`. The thread is fresh, so no
/// thread-local state of an earlier world is left.
///
/// # Panics
///
/// With the panic of the future, if it panics; or if the system cannot start a thread.
pub fn simulate<T, F, Fut>(ambient: Ambient, root: F) -> T
where
    T: Send,
    F: FnOnce() -> Fut + Send,
    Fut: Future<Output = T>,
{
    // The test harness reports panics under the name of the thread, which is that of the test.
    let name = thread::current().name().unwrap_or("durasim").to_owned();
    let mut stack = STACK.take();
    let size = match stack {
        Some(_) => THREAD_STACK_BYTES,
        None => STACK_BYTES,
    };
    let builder = thread::Builder::new().name(name).stack_size(size);
    let result = thread::scope(|scope| {
        let run = || match &mut stack {
            Some(stack) => on_stack(stack, || flavor::run(ambient, root)),
            None => flavor::run(ambient, root),
        };
        let world = builder.spawn_scoped(scope, run);
        world
            .expect("the system must be able to start a thread for the world")
            .join()
    });
    // Without memory for a stack, the next world has that of its thread again.
    STACK.set(stack.or_else(|| DefaultStack::new(STACK_BYTES).ok()));
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

#[cfg(test)]
mod tests;
