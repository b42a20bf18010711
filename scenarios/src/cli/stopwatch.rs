//! Real time, for people who wait: nothing in a simulated world ever sees it.

use std::time::{Duration, Instant};

/// Runs from when it is made.
pub(super) struct Stopwatch(Instant);

#[allow(
    clippy::disallowed_methods,
    reason = "how long people wait is a matter of real time"
)]
impl Stopwatch {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
