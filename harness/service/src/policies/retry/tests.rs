//! Retry policies, and the delays between attempts.

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
