//! Durations, in milliseconds.

use std::time::Duration;

/// Returns the milliseconds of a timeout; `None` for 0, which means that there is none.
pub(crate) fn limit_ms<D: Clone + TryInto<Duration>>(timeout: Option<&D>) -> Option<u64> {
    let timeout = timeout?.clone().try_into().unwrap_or_default();
    (!timeout.is_zero()).then(|| milliseconds(timeout))
}

/// Returns a duration in whole milliseconds; one that is too long is the longest there is.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
