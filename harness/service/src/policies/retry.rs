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
pub(crate) fn ensure_defaults(policy: &mut RetryPolicy) {
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
pub(crate) fn validate(policy: &mut RetryPolicy) -> Result<(), Status> {
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
pub(crate) fn is_retryable(failure: Option<&Failure>, non_retryable_types: &[String]) -> bool {
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

/// Returns the exponential interval in nanoseconds, limited by the maximum interval.
pub(crate) fn interval_nanos(policy: &RetryPolicy, attempt: i32) -> i64 {
    let interval = exponential_nanos(policy, attempt);
    match nanos(policy.maximum_interval.as_ref()) {
        0 => interval,
        maximum if interval <= 0 => maximum,
        maximum => interval.min(maximum),
    }
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
mod tests;
