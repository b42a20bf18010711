//! Conversions of the protocol's timestamps and durations; the only ones in this crate.

use std::{cmp::Ordering, time::Duration};

use prost_types::Timestamp;

const NANOS_PER_SECOND: i32 = 1_000_000_000;

/// Compares two points in time; the earlier is less.
pub(crate) fn compare(a: Timestamp, b: Timestamp) -> Ordering {
    (a.seconds, a.nanos).cmp(&(b.seconds, b.nanos))
}

/// Returns the point in time that is `duration` later.
pub(crate) fn add(to: Timestamp, duration: Duration) -> Timestamp {
    let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    let mut sum = Timestamp {
        seconds: to.seconds.saturating_add(seconds),
        nanos: to.nanos + i32::try_from(duration.subsec_nanos()).unwrap_or(0),
    };
    if sum.nanos >= NANOS_PER_SECOND {
        sum.seconds = sum.seconds.saturating_add(1);
        sum.nanos -= NANOS_PER_SECOND;
    }
    sum
}

/// Returns the milliseconds since the Unix epoch; 0 for a time before it.
pub(crate) fn to_millis(time: Timestamp) -> u64 {
    let seconds = u64::try_from(time.seconds).unwrap_or(0);
    seconds * 1000 + u64::try_from(time.nanos / 1_000_000).unwrap_or(0)
}

/// Converts a duration of the protocol; `None` if it is missing or negative.
pub(crate) fn duration(duration: Option<prost_types::Duration>) -> Option<Duration> {
    duration.and_then(|duration| duration.try_into().ok())
}

/// Converts a timeout of the protocol; `None` if it is missing, negative or zero.
pub(crate) fn timeout(timeout: Option<prost_types::Duration>) -> Option<Duration> {
    duration(timeout).filter(|timeout| !timeout.is_zero())
}

/// Returns the whole milliseconds of a duration.
pub(crate) fn as_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns the time that is `duration` later, in milliseconds since the Unix epoch.
pub(crate) fn millis_after(from_ms: u64, duration: Duration) -> u64 {
    from_ms.saturating_add(as_millis(duration))
}

/// Returns the duration between two times, both in milliseconds since the Unix epoch.
pub(crate) fn since(earlier_ms: u64, later_ms: u64) -> Duration {
    Duration::from_millis(later_ms - earlier_ms)
}
