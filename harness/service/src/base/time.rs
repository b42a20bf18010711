//! Virtual time: milliseconds, and the timestamps and durations of the API.
//!
//! The service counts milliseconds since the Unix epoch. A duration finer than that is rounded up,
//! so that a timer never fires early.
//!
//! ```
//! use durasim_service::time::{duration, duration_ms, instant_ms, limit_ms, timestamp};
//!
//! assert_eq!(instant_ms(&timestamp(1_704_067_200_123)), 1_704_067_200_123);
//! assert_eq!(duration_ms(Some(&duration(1_500))), 1_500);
//! assert_eq!(limit_ms(None), None);
//! ```

use prost_types::{Duration, Timestamp};

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_MS: i64 = 1_000_000;

/// The seconds of the longest duration that the server keeps, 100 years of 365 days. Longer
/// durations are cut to it.
///
/// Source: `temporalio/temporal: common/primitives/timestamp/duration.go`.
const MAX_SECONDS: i64 = 100 * 365 * 24 * 60 * 60;

/// Reads the value of the header `grpc-timeout`, the time that a caller waits: at most eight digits
/// and a unit.
pub fn grpc_timeout(value: &str) -> Option<std::time::Duration> {
    use std::time::Duration;

    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    let amount: u64 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// Returns the timestamp of an instant in milliseconds since the Unix epoch.
pub fn timestamp(ms: u64) -> Timestamp {
    Timestamp {
        seconds: (ms / 1000).cast_signed(),
        nanos: i32::try_from(ms % 1000).unwrap_or(0) * 1_000_000,
    }
}

/// Returns the instant of a timestamp in milliseconds since the Unix epoch.
///
/// Fractions of a millisecond are cut off, and instants before the epoch count as the epoch.
pub fn instant_ms(at: &Timestamp) -> u64 {
    let seconds = u64::try_from(at.seconds).unwrap_or(0);
    seconds
        .saturating_mul(1000)
        .saturating_add(u64::try_from(at.nanos).unwrap_or(0) / 1_000_000)
}

/// Returns the milliseconds of a timestamp since the Unix epoch, negative before it. Fractions are
/// cut off.
pub(crate) fn signed_ms(at: &Timestamp) -> i64 {
    at.seconds
        .saturating_mul(1000)
        .saturating_add(i64::from(at.nanos).div_euclid(NANOS_PER_MS))
}

/// Returns the timestamp of an instant in milliseconds since the Unix epoch, which may be negative.
pub(crate) fn signed_timestamp(ms: i64) -> Timestamp {
    Timestamp {
        seconds: ms.div_euclid(1000),
        nanos: i32::try_from(ms.rem_euclid(1000)).unwrap_or(0) * 1_000_000,
    }
}

/// Returns the duration of a number of milliseconds.
pub fn duration(ms: u64) -> Duration {
    Duration {
        seconds: (ms / 1000).cast_signed(),
        nanos: i32::try_from(ms % 1000).unwrap_or(0) * 1_000_000,
    }
}

/// Returns the milliseconds of a duration, rounded up.
///
/// A missing duration and a negative one are 0, as in the server's `timestamp.DurationValue`.
pub fn duration_ms(duration: Option<&Duration>) -> u64 {
    let Some(duration) = duration else { return 0 };
    let Ok(seconds) = u64::try_from(duration.seconds) else {
        return 0;
    };
    let nanos = u64::try_from(duration.nanos).unwrap_or(0);
    seconds
        .saturating_mul(1000)
        .saturating_add(nanos.div_ceil(1_000_000))
}

/// Returns the milliseconds of a limit, rounded up; `None` for 0, which means that there is none.
pub fn limit_ms(duration: Option<&Duration>) -> Option<u64> {
    match duration_ms(duration) {
        0 => None,
        ms => Some(ms),
    }
}

/// Returns the nanoseconds of a duration, as Go's `AsDuration` does: 0 for a missing duration, and
/// the nearest number for a duration that does not fit.
pub(crate) fn nanos(duration: Option<&Duration>) -> i64 {
    duration.map_or(0, |duration| {
        duration
            .seconds
            .saturating_mul(NANOS_PER_SECOND)
            .saturating_add(i64::from(duration.nanos))
    })
}

/// Returns the duration of a number of nanoseconds.
pub(crate) fn duration_of_nanos(nanos: i64) -> Duration {
    Duration {
        seconds: nanos / NANOS_PER_SECOND,
        nanos: i32::try_from(nanos % NANOS_PER_SECOND).unwrap_or(0),
    }
}

/// Converts nanoseconds to milliseconds, rounded up; a negative number of them is 0.
pub(crate) fn nanos_to_ms(nanos: i64) -> u64 {
    u64::try_from(nanos).map_or(0, |nanos| nanos.div_ceil(NANOS_PER_MS.unsigned_abs()))
}

/// Checks a duration given by a caller and cuts it to the longest that the server keeps.
///
/// Source: `temporalio/temporal: common/primitives/timestamp/duration.go`
/// (`ValidateAndCapProtoDuration`).
///
/// # Errors
///
/// The server's words for the mistake, which end a message that names the field.
pub(crate) fn validate_and_cap(duration: Option<&mut Duration>) -> Result<(), &'static str> {
    let Some(duration) = duration else {
        return Ok(());
    };
    if (duration.seconds > 0 && duration.nanos < 0) || (duration.seconds < 0 && duration.nanos > 0)
    {
        return Err("duration has seconds and nanos with different signs");
    }
    if nanos(Some(duration)) < 0 {
        return Err("negative duration");
    }
    if nanos(Some(duration)) > MAX_SECONDS * NANOS_PER_SECOND {
        *duration = Duration {
            seconds: MAX_SECONDS,
            nanos: 0,
        };
    }
    Ok(())
}

/// Checks that a duration is valid in protobuf: within 10,000 years, with seconds and nanoseconds
/// of the same sign.
///
/// # Errors
///
/// The words of Go's `durationpb.Duration.CheckValid` for the mistake.
pub(crate) fn check_valid(duration: &Duration) -> Result<(), &'static str> {
    const MOST_SECONDS: i64 = 315_576_000_000;
    match (duration.seconds, i64::from(duration.nanos)) {
        (seconds, _) if seconds < -MOST_SECONDS => Err("exceeds -10000 years"),
        (seconds, _) if seconds > MOST_SECONDS => Err("exceeds +10000 years"),
        (_, nanos) if nanos.abs() >= NANOS_PER_SECOND => Err("has out-of-range nanos"),
        (seconds, nanos) if seconds.signum() * nanos.signum() < 0 => {
            Err("has seconds and nanos with different signs")
        }
        _ => Ok(()),
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
    fn a_negative_duration_is_no_limit() {
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
    fn an_instant_survives_its_timestamp() {
        assert_eq!(instant_ms(&timestamp(1_704_067_200_123)), 1_704_067_200_123);
    }

    #[test]
    fn a_duration_that_does_not_fit_is_cut_to_the_longest() {
        assert_eq!(
            nanos(Some(&Duration {
                seconds: i64::MAX,
                nanos: 0
            })),
            i64::MAX
        );
        let mut longest = Duration {
            seconds: i64::MAX,
            nanos: 0,
        };
        validate_and_cap(Some(&mut longest)).unwrap();
        assert_eq!(
            longest,
            Duration {
                seconds: MAX_SECONDS,
                nanos: 0
            }
        );
    }

    #[test]
    fn a_negative_duration_is_refused() {
        let refused = validate_and_cap(Some(&mut Duration {
            seconds: 0,
            nanos: -1,
        }));
        assert_eq!(refused, Err("negative duration"));
        let refused = validate_and_cap(Some(&mut Duration {
            seconds: 1,
            nanos: -1,
        }));
        assert_eq!(
            refused,
            Err("duration has seconds and nanos with different signs")
        );
    }

    #[test]
    fn a_duration_is_within_ten_thousand_years_and_of_one_sign() {
        let refusals = [
            (i64::MIN, 0, "exceeds -10000 years"),
            (i64::MAX, 0, "exceeds +10000 years"),
            (0, i32::MIN, "has out-of-range nanos"),
            (-1, 1, "has seconds and nanos with different signs"),
        ];
        for (seconds, nanos, why) in refusals {
            assert_eq!(check_valid(&Duration { seconds, nanos }), Err(why));
        }
        assert_eq!(
            check_valid(&Duration {
                seconds: -1,
                nanos: -999_999_999
            }),
            Ok(())
        );
    }
}
