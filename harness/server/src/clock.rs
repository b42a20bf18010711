//! The time that the cluster sees.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that starts at the time outside, goes at its pace, and may be moved on.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    /// The time at the start, in milliseconds since the Unix epoch, and all that was skipped since.
    base_ms: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            started: Instant::now(),
            base_ms: since_epoch.map_or(0, whole_ms),
        }
    }

    /// Returns the time in milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        self.base_ms + whole_ms(self.started.elapsed())
    }

    /// Moves the clock on to a time, unless the time has passed.
    pub(crate) fn skip_to(&mut self, at_ms: u64) {
        self.base_ms += at_ms.saturating_sub(self.now_ms());
    }

    /// Returns the moment outside at which the clock shows this time, if nothing is skipped.
    pub(crate) fn instant(&self, at_ms: u64) -> Instant {
        let ahead = at_ms.saturating_sub(self.base_ms);
        let moment = self.started.checked_add(Duration::from_millis(ahead));
        // A moment beyond what the machine can count is looked at again in a day.
        moment.unwrap_or_else(|| Instant::now() + Duration::from_hours(24))
    }
}

fn whole_ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_moved_on_but_never_back() {
        let mut clock = Clock::start();
        let before_ms = clock.now_ms();
        clock.skip_to(before_ms + 3_600_000);
        assert!(clock.now_ms() >= before_ms + 3_600_000);
        clock.skip_to(before_ms);
        assert!(clock.now_ms() >= before_ms + 3_600_000);
    }
}
