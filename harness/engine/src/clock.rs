//! Virtual time: milliseconds since the Unix epoch, from a fixed start date.
//!
//! The clock never ticks. While the root future of a run waits ([`Clock::sleep_until_ms`]) and
//! nothing else can happen, it jumps to the earliest timer of anybody: ours, or one that an
//! activity or the client set with `tokio::time`.
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

/// The clock of the run that is under way on this thread.
#[derive(Clone, Debug)]
pub struct Clock(Timekeeper);

impl Clock {
    /// The clock of the run that [`simulate`](crate::simulate) started on this thread.
    ///
    /// # Panics
    ///
    /// If this thread does not run one.
    #[track_caller]
    pub fn start() -> Self {
        Self(Timekeeper::current())
    }

    /// The virtual time, in milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        START_MS.saturating_add(u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// Waits until a virtual time, in milliseconds since the Unix epoch; returns at once if it is
    /// past.
    ///
    /// To be awaited by the root future, outside any task of the executor. A wait for what never
    /// comes is best written with the last moment that the run's limits allow.
    pub async fn sleep_until_ms(&self, until_ms: u64) {
        let until = Duration::from_millis(until_ms.saturating_sub(START_MS));
        if until > self.0.elapsed() {
            self.0.sleep_until(until).await;
        }
    }

    /// Runs to its end what `spawn_blocking` was given since the last call; says whether that was
    /// anything.
    ///
    /// Blocking work of a run is held back until nothing else can run, or until this is called; so
    /// whether it is done when somebody asks does not depend on how fast the machine is. It happens
    /// by itself before the clock jumps. Blocks the calling thread.
    ///
    /// # Panics
    ///
    /// If the work is not done after a minute of the machine's time: it waits for something that
    /// only the simulation could do, which waits for it.
    pub fn settle_blocking(&self) -> bool {
        self.0.settle_blocking()
    }
}
