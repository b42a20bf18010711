//! Virtual milliseconds and the timestamps and durations of the API.
//!
//! The service counts milliseconds since the Unix epoch. A duration finer than that is rounded up,
//! so that a timer never fires early.

use prost_types::{Duration, Timestamp};

/// A timestamp of the API for a moment in milliseconds.
pub(crate) fn timestamp(ms: u64) -> Timestamp {
    Timestamp {
        seconds: (ms / 1000).cast_signed(),
        nanos: i32::try_from(ms % 1000).unwrap_or(0) * 1_000_000,
    }
}

/// The moment in milliseconds of a timestamp of the API; what lies before the epoch counts as the
/// epoch.
pub(crate) fn timestamp_ms(at: &Timestamp) -> u64 {
    let seconds = u64::try_from(at.seconds).unwrap_or(0);
    seconds
        .saturating_mul(1000)
        .saturating_add(u64::try_from(at.nanos).unwrap_or(0) / 1_000_000)
}

/// A duration of the API for a number of milliseconds.
pub(crate) fn duration(ms: u64) -> Duration {
    Duration {
        seconds: (ms / 1000).cast_signed(),
        nanos: i32::try_from(ms % 1000).unwrap_or(0) * 1_000_000,
    }
}

/// The milliseconds of a duration, rounded up; nothing and negative durations are 0, as in the
/// server's `timestamp.DurationValue`.
pub(crate) fn duration_ms(duration: Option<&Duration>) -> u64 {
    let Some(duration) = duration else { return 0 };
    let Ok(seconds) = u64::try_from(duration.seconds) else {
        return 0;
    };
    let nanos = u64::try_from(duration.nanos).unwrap_or(0);
    seconds
        .saturating_mul(1000)
        .saturating_add(nanos.div_ceil(1_000_000))
}

/// As [`duration_ms`], where 0 means that there is no such limit.
pub(crate) fn limit_ms(duration: Option<&Duration>) -> Option<u64> {
    match duration_ms(duration) {
        0 => None,
        ms => Some(ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_finer_than_a_millisecond_is_rounded_up() {
        assert_eq!(
            duration_ms(Some(&Duration {
                seconds: 1,
                nanos: 1
            })),
            1001
        );
        assert_eq!(
            duration_ms(Some(&Duration {
                seconds: 1,
                nanos: 2_000_000
            })),
            1002
        );
    }

    #[test]
    fn a_negative_duration_counts_as_none() {
        assert_eq!(
            limit_ms(Some(&Duration {
                seconds: -1,
                nanos: 0
            })),
            None
        );
        assert_eq!(limit_ms(None), None);
    }

    #[test]
    fn a_moment_survives_its_timestamp() {
        assert_eq!(
            timestamp_ms(&timestamp(1_704_067_200_123)),
            1_704_067_200_123
        );
    }
}
