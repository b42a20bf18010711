//! Durations that callers give, as the server reads, checks and bounds them.

use prost_types::Duration;

const NANOS_PER_SECOND: i64 = 1_000_000_000;
const NANOS_PER_MS: i64 = 1_000_000;

/// The longest duration that the server keeps: 100 years of 365 days. Longer ones are cut to it.
///
/// `temporalio/temporal: common/primitives/timestamp/duration.go`
const MAX_SECONDS: i64 = 100 * 365 * 24 * 60 * 60;

/// A duration in nanoseconds; none is 0, and what does not fit is the nearest that does, as Go's
/// `AsDuration` has it.
pub(crate) fn nanos(duration: Option<&Duration>) -> i64 {
    duration.map_or(0, |duration| {
        duration
            .seconds
            .saturating_mul(NANOS_PER_SECOND)
            .saturating_add(i64::from(duration.nanos))
    })
}

/// Nanoseconds in whole milliseconds, rounded up so that nothing happens before its time; negative
/// ones are 0.
pub(crate) fn nanos_to_ms(nanos: i64) -> u64 {
    u64::try_from(nanos).map_or(0, |nanos| nanos.div_ceil(NANOS_PER_MS.unsigned_abs()))
}

/// Checks a duration given by a caller and cuts it to the longest that the server keeps.
///
/// `temporalio/temporal: common/primitives/timestamp/duration.go ValidateAndCapProtoDuration`
///
/// # Errors
///
/// The server's words for what is wrong, for the end of a message that names the field.
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

/// Whether a duration is one as protobuf defines it: within 10,000 years, with nanoseconds of its
/// own sign.
///
/// # Errors
///
/// What Go's `durationpb.Duration.CheckValid` says of it.
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
    fn a_duration_that_does_not_fit_is_the_longest_that_does() {
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
