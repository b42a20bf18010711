//! Retry policies: the rules that activities and workflows share for the next attempt.
//!
//! The delay before attempt n+1 is `initial interval × coefficient^(n-1)`, at most the maximum
//! interval, without jitter. There is no next attempt if the attempts are used up, if the failure
//! is not retryable, or if the delay would pass the expiration time.
//!
//! Source: `temporalio/temporal: common/retrypolicy/retry_policy.go`, `common/backoff/retry.go`,
//! `service/history/workflow/retry.go`.

use prost_types::Duration;
use temporalio_protos::temporal::api::{
    common::v1::RetryPolicy,
    enums::v1::{RetryState, TimeoutType},
    failure::v1::{Failure, failure::FailureInfo},
};
use tonic::Status;

use crate::base::time::{nanos, nanos_to_ms, validate_and_cap};

/// The prefix of timeouts among the non-retryable error types: `TemporalTimeout:StartToClose`.
const TIMEOUT_TYPE_PREFIX: &str = "TemporalTimeout:";

const DEFAULT_INITIAL_INTERVAL: Duration = Duration {
    seconds: 1,
    nanos: 0,
};
const DEFAULT_BACKOFF_COEFFICIENT: f64 = 2.0;
const DEFAULT_MAXIMUM_INTERVAL_COEFFICIENT: i64 = 100;

const COEFFICIENT_TOO_SMALL: &str = "BackoffCoefficient cannot be less than 1 on retry policy.";

/// Fills in the unset fields of a retry policy: an initial interval of 1 s, coefficient 2, a
/// maximum interval of 100 times the initial one, and unlimited attempts.
pub fn ensure_defaults(policy: &mut RetryPolicy) {
    if nanos(policy.initial_interval.as_ref()) == 0 {
        policy.initial_interval = Some(DEFAULT_INITIAL_INTERVAL);
    }
    if nanos(policy.maximum_interval.as_ref()) == 0 {
        let longest = nanos(policy.initial_interval.as_ref())
            .saturating_mul(DEFAULT_MAXIMUM_INTERVAL_COEFFICIENT);
        policy.maximum_interval = Some(from_nanos(longest));
    }
    if policy.backoff_coefficient == 0.0 {
        policy.backoff_coefficient = DEFAULT_BACKOFF_COEFFICIENT;
    }
}

/// Checks a retry policy whose defaults are filled in, and cuts its intervals to the longest that
/// the server keeps.
///
/// # Errors
///
/// INVALID_ARGUMENT, naming the field. A policy of one attempt never retries, so most of its other
/// fields are not checked.
pub fn validate(policy: &mut RetryPolicy) -> Result<(), Status> {
    let refused = |message: String| Err(Status::invalid_argument(message));
    // In Go, "not a number" is not less than 1 either, but it would retry without delay forever.
    if policy.backoff_coefficient.is_nan() {
        return refused(COEFFICIENT_TOO_SMALL.into());
    }
    if policy.maximum_attempts == 1 {
        return Ok(());
    }
    if let Err(why) = validate_and_cap(policy.initial_interval.as_mut()) {
        return refused(format!(
            "invalid InitialInterval set on retry policy: {why}"
        ));
    }
    if policy.backoff_coefficient < 1.0 {
        return refused(COEFFICIENT_TOO_SMALL.into());
    }
    if let Err(why) = validate_and_cap(policy.maximum_interval.as_mut()) {
        return refused(format!(
            "invalid MaximumInterval set on retry policy: {why}"
        ));
    }
    let (initial, maximum) = (
        nanos(policy.initial_interval.as_ref()),
        nanos(policy.maximum_interval.as_ref()),
    );
    if maximum > 0 && maximum < initial {
        return refused(
            "MaximumInterval cannot be less than InitialInterval on retry policy.".into(),
        );
    }
    if policy.maximum_attempts < 0 {
        return refused("MaximumAttempts cannot be negative on retry policy.".into());
    }
    for name in &policy.non_retryable_error_types {
        if let Some(timeout) = name.strip_prefix(TIMEOUT_TYPE_PREFIX)
            && !is_timeout_type(timeout)
        {
            return refused(format!("Invalid timeout type value: {timeout}."));
        }
    }
    Ok(())
}

/// Returns `true` if a failure permits another attempt.
///
/// Types are compared exactly, including case. Cancellation, termination and the two schedule
/// timeouts are never retried. Wrapping failures and failures without a type always are.
pub fn is_retryable(failure: Option<&Failure>, non_retryable_types: &[String]) -> bool {
    let listed = |name: &str| non_retryable_types.iter().any(|listed| listed == name);
    match failure.and_then(|failure| failure.failure_info.as_ref()) {
        Some(FailureInfo::TerminatedFailureInfo(_) | FailureInfo::CanceledFailureInfo(_)) => false,
        Some(FailureInfo::TimeoutFailureInfo(info)) => match info.timeout_type() {
            TimeoutType::StartToClose => !listed("TemporalTimeout:StartToClose"),
            TimeoutType::Heartbeat => !listed("TemporalTimeout:Heartbeat"),
            _ => false,
        },
        Some(FailureInfo::ServerFailureInfo(info)) => !info.non_retryable,
        Some(FailureInfo::ApplicationFailureInfo(info)) => {
            !info.non_retryable && !listed(&info.r#type)
        }
        _ => true,
    }
}

/// Returns the delay in nanoseconds that an application failure asks for instead of the policy's.
pub(crate) fn requested_delay_nanos(failure: Option<&Failure>) -> Option<i64> {
    match failure.and_then(|failure| failure.failure_info.as_ref()) {
        Some(FailureInfo::ApplicationFailureInfo(info)) => info
            .next_retry_delay
            .as_ref()
            .map(|delay| nanos(Some(delay))),
        _ => None,
    }
}

/// The inputs of the decision about a next attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NextAttempt {
    pub(crate) now_ms: u64,
    /// The attempt that just ended, from 1.
    pub(crate) attempt: i32,
    /// The maximum number of attempts; 0 means unlimited.
    pub(crate) maximum_attempts: i32,
    /// The delay before it is cut to a maximum.
    pub(crate) delay_nanos: i64,
    /// The maximum delay; 0 means unlimited.
    pub(crate) maximum_delay_nanos: i64,
    pub(crate) expires_at_ms: Option<u64>,
}

impl NextAttempt {
    /// Returns the delay in milliseconds before the next attempt.
    ///
    /// Source: `temporalio/temporal: service/history/workflow/retry.go` (`nextBackoffInterval`).
    ///
    /// # Errors
    ///
    /// The reason why there is no next attempt.
    pub(crate) fn delay_ms(self) -> Result<u64, RetryState> {
        if self.maximum_attempts > 0 && self.attempt.max(1) >= self.maximum_attempts {
            return Err(RetryState::MaximumAttemptsReached);
        }
        let mut delay = self.delay_nanos;
        if self.maximum_delay_nanos == 0 && delay <= 0 {
            return Err(RetryState::Timeout);
        }
        if self.maximum_delay_nanos != 0 && (delay <= 0 || delay > self.maximum_delay_nanos) {
            delay = self.maximum_delay_nanos;
        }
        let delay_ms = nanos_to_ms(delay);
        if self
            .expires_at_ms
            .is_some_and(|expires| self.now_ms.saturating_add(delay_ms) > expires)
        {
            return Err(RetryState::Timeout);
        }
        Ok(delay_ms)
    }
}

/// Returns `initial interval × coefficient^(attempt-1)` in nanoseconds, limited to 64 bits.
pub(crate) fn exponential_nanos(policy: &RetryPolicy, attempt: i32) -> i64 {
    #[allow(
        clippy::cast_precision_loss,
        reason = "the server computes delays in double precision too"
    )]
    let initial = nanos(policy.initial_interval.as_ref()) as f64;
    let delay = initial
        * power(
            policy.backoff_coefficient,
            attempt.max(1).unsigned_abs() - 1,
        );
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a cast from a float saturates"
    )]
    let delay = delay as i64;
    delay.max(0)
}

/// Returns `base^exponent` by repeated squaring.
///
/// The result is the same on every platform, which `f64::powi` does not guarantee.
fn power(mut base: f64, mut exponent: u32) -> f64 {
    let mut result = 1.0;
    while exponent > 0 {
        if exponent & 1 == 1 {
            result *= base;
        }
        base *= base;
        exponent >>= 1;
    }
    result
}

fn from_nanos(nanos: i64) -> Duration {
    let seconds = nanos / 1_000_000_000;
    let nanos = i32::try_from(nanos % 1_000_000_000).expect("a remainder of a billion");
    Duration { seconds, nanos }
}

fn is_timeout_type(name: &str) -> bool {
    // Go's enum has short names besides those of the protocol, and reads both.
    const SHORT: [&str; 4] = [
        "StartToClose",
        "ScheduleToStart",
        "ScheduleToClose",
        "Heartbeat",
    ];
    SHORT.contains(&name)
        || TimeoutType::from_str_name(name)
            .is_some_and(|timeout| timeout != TimeoutType::Unspecified)
}

#[cfg(test)]
mod tests {
    use temporalio_protos::temporal::api::failure::v1::{
        ApplicationFailureInfo, CanceledFailureInfo, TimeoutFailureInfo,
    };

    use super::*;

    type Spoil = fn(&mut RetryPolicy);

    fn policy() -> RetryPolicy {
        let mut policy = RetryPolicy::default();
        ensure_defaults(&mut policy);
        policy
    }

    fn application(name: &str, non_retryable: bool) -> Failure {
        Failure {
            failure_info: Some(FailureInfo::ApplicationFailureInfo(
                ApplicationFailureInfo {
                    r#type: name.into(),
                    non_retryable,
                    ..ApplicationFailureInfo::default()
                },
            )),
            ..Failure::default()
        }
    }

    fn timeout(timeout_type: TimeoutType) -> Failure {
        Failure {
            failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
                timeout_type: timeout_type.into(),
                ..TimeoutFailureInfo::default()
            })),
            ..Failure::default()
        }
    }

    #[test]
    fn defaults_are_one_second_doubled_up_to_a_hundred_times() {
        let policy = policy();
        assert_eq!(nanos(policy.initial_interval.as_ref()), 1_000_000_000);
        assert_eq!(nanos(policy.maximum_interval.as_ref()), 100_000_000_000);
        assert_eq!(policy.maximum_attempts, 0);
        let seconds: Vec<_> = (1..=5)
            .map(|n| exponential_nanos(&policy, n) / 1_000_000_000)
            .collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16]);
    }

    #[test]
    fn a_delay_beyond_64_bits_is_cut_to_the_longest() {
        assert_eq!(exponential_nanos(&policy(), 10_000), i64::MAX);
    }

    #[test]
    fn a_policy_is_checked_after_its_defaults() {
        validate(&mut policy()).unwrap();
        let refusals: [(Spoil, &str); 6] = [
            (|p| p.backoff_coefficient = 0.5, "BackoffCoefficient"),
            (|p| p.backoff_coefficient = f64::NAN, "BackoffCoefficient"),
            (|p| p.maximum_attempts = -1, "MaximumAttempts"),
            (
                |p| {
                    p.maximum_interval = Some(Duration {
                        seconds: 0,
                        nanos: 1,
                    });
                },
                "MaximumInterval",
            ),
            (
                |p| {
                    p.initial_interval = Some(Duration {
                        seconds: -1,
                        nanos: 0,
                    });
                },
                "InitialInterval",
            ),
            (
                |p| p.non_retryable_error_types = vec!["TemporalTimeout:Never".into()],
                "Never",
            ),
        ];
        for (spoil, named) in refusals {
            let mut policy = policy();
            spoil(&mut policy);
            let refused = validate(&mut policy).unwrap_err();
            assert_eq!(refused.code(), tonic::Code::InvalidArgument);
            assert!(refused.message().contains(named), "{}", refused.message());
        }
    }

    #[test]
    fn a_policy_of_one_attempt_is_not_checked_further() {
        validate(&mut RetryPolicy {
            maximum_attempts: 1,
            backoff_coefficient: -1.0,
            ..policy()
        })
        .unwrap();
    }

    #[test]
    fn types_match_exactly() {
        let listed = ["Declined".to_owned()];
        assert!(!is_retryable(
            Some(&application("Declined", false)),
            &listed
        ));
        assert!(is_retryable(Some(&application("declined", false)), &listed));
        assert!(!is_retryable(Some(&application("Other", true)), &listed));
        assert!(is_retryable(None, &listed));
    }

    #[test]
    fn timeouts_have_type_names_too() {
        let listed = ["TemporalTimeout:StartToClose".to_owned()];
        assert!(!is_retryable(
            Some(&timeout(TimeoutType::StartToClose)),
            &listed
        ));
        assert!(is_retryable(
            Some(&timeout(TimeoutType::Heartbeat)),
            &listed
        ));
        assert!(!is_retryable(
            Some(&timeout(TimeoutType::ScheduleToStart)),
            &[]
        ));
        assert!(!is_retryable(
            Some(&timeout(TimeoutType::ScheduleToClose)),
            &[]
        ));
    }

    #[test]
    fn a_cancellation_is_never_retried() {
        let canceled = Failure {
            failure_info: Some(FailureInfo::CanceledFailureInfo(
                CanceledFailureInfo::default(),
            )),
            ..Failure::default()
        };
        assert!(!is_retryable(Some(&canceled), &[]));
    }
}
