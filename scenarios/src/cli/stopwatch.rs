//! Real time, for the people who wait; no simulated world ever sees it.

use std::time::{Duration, Instant};

/// A clock that started when the value was made.
pub(super) struct Stopwatch(Instant);

#[allow(clippy::disallowed_methods, reason = "people wait in real time")]
impl Stopwatch {
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
