//! Virtual time: milliseconds since the Unix epoch, from a fixed start date.
//!
//! The clock never ticks. While the root future of a world waits ([`Clock::sleep_until_ms`]) and
//! nothing else can happen, the clock jumps to the earliest timer that anyone set: the root future,
//! or any task with `tokio::time`.
//!
//! ```
//! use durasim_engine::{Ambient, Clock, START_MS, simulate};
//!
//! let day_ms = 24 * 60 * 60 * 1_000;
//! let now_ms = simulate(Ambient::default(), || async move {
//!     let clock = Clock::start();
//!     clock.sleep_until_ms(START_MS + day_ms).await;
//!     clock.now_ms()
//! });
//! assert_eq!(now_ms, START_MS + day_ms);
//! ```

use std::time::Duration;

use crate::{runtime::Timekeeper, time::START_MS};

/// The clock of the world on this thread.
#[derive(Clone, Debug)]
pub struct Clock(Timekeeper);

impl Clock {
    /// Returns the clock of the world that [`simulate`](crate::simulate) started on this thread.
    ///
    /// # Panics
    ///
    /// If this thread was not started by [`simulate`](crate::simulate).
    #[track_caller]
    pub fn start() -> Self {
        Self(Timekeeper::current())
    }

    /// Returns the virtual time, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        START_MS.saturating_add(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Waits until a virtual time, in milliseconds since the Unix epoch; returns at once if it is
    /// past.
    ///
    /// To be awaited by the root future, outside any task of the executor. To wait for any timer
    /// of anyone, wait until the last moment that the limits of the world allow.
    pub async fn sleep_until_ms(&self, until_ms: u64) {
        let until = Duration::from_millis(until_ms.saturating_sub(START_MS));
        if until > self.0.elapsed() {
            self.0.sleep_until(until).await;
        }
    }

    /// Completes all work given to `spawn_blocking` since the last call; returns `true` if there
    /// was any. Blocks the calling thread.
    ///
    /// Blocking work is held back until this is called, or until nothing else can run, before the
    /// clock jumps. So the moment at which it completes does not depend on the speed of the
    /// machine.
    ///
    /// # Panics
    ///
    /// If the work has not completed after a minute of the machine's time. It then waits for
    /// something that only the simulation could do, and the simulation waits for the work.
    pub fn settle_blocking(&self) -> bool {
        self.0.settle_blocking()
    }
}
