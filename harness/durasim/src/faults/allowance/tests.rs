use std::time::{Duration, SystemTime};

use temporalio_protos::temporal::api::common::v1::RetryPolicy;

use super::*;

const SECOND: u64 = 1_000;

/// Attempt 1 of an activity scheduled and started at 0, with the server's default policy filled in.
fn task() -> PollActivityTaskQueueResponse {
    PollActivityTaskQueueResponse {
        attempt: 1,
        scheduled_time: Some(SystemTime::UNIX_EPOCH.into()),
        started_time: Some(SystemTime::UNIX_EPOCH.into()),
        start_to_close_timeout: seconds(10),
        retry_policy: Some(RetryPolicy {
            initial_interval: seconds(1),
            backoff_coefficient: 2.0,
            maximum_interval: seconds(100),
            ..RetryPolicy::default()
        }),
        ..PollActivityTaskQueueResponse::default()
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "as the fields of messages have it"
)]
fn seconds<D: TryFrom<Duration, Error: std::fmt::Debug>>(seconds: u64) -> Option<D> {
    Some(D::try_from(Duration::from_secs(seconds)).expect("a small duration"))
}

/// Of an activity of which nothing is known.
fn allowance(task: &PollActivityTaskQueueResponse, run_deadline_ms: Option<u64>) -> Allowance {
    Allowance::of(task, run_deadline_ms, Need::default())
}

fn limited(maximum_attempts: i32, attempt: i32) -> PollActivityTaskQueueResponse {
    let mut task = PollActivityTaskQueueResponse { attempt, ..task() };
    if let Some(policy) = &mut task.retry_policy {
        policy.maximum_attempts = maximum_attempts;
    }
    task
}

#[test]
fn the_last_attempt_allowed_tolerates_nothing() {
    for (maximum, attempt, tolerates) in [(0, 1, true), (2, 1, true), (2, 2, false), (1, 1, false)]
    {
        let left = allowance(&limited(maximum, attempt), None);
        assert_eq!(
            left.tolerates_failure(0),
            tolerates,
            "attempt {attempt} of {maximum}"
        );
        assert_eq!(
            left.tolerates_silence(),
            tolerates,
            "attempt {attempt} of {maximum}"
        );
    }
}

#[test]
fn faults_take_a_few_attempts_of_an_activity_at_most() {
    assert!(allowance(&limited(0, 3), None).tolerates_failure(0));
    assert!(!allowance(&limited(0, 4), None).tolerates_failure(0));
}

#[test]
fn a_failure_leaves_the_retry_its_time_before_schedule_to_close() {
    let task = PollActivityTaskQueueResponse {
        schedule_to_close_timeout: seconds(30),
        ..task()
    };
    let left = allowance(&task, None);
    // One second of backoff, ten for the attempt.
    assert!(left.tolerates_failure(19 * SECOND));
    assert!(!left.tolerates_failure(19 * SECOND + 1));
    // Silence is noticed after ten seconds.
    assert!(left.tolerates_silence());
    let tight = PollActivityTaskQueueResponse {
        schedule_to_close_timeout: seconds(14),
        ..task
    };
    assert!(!allowance(&tight, None).tolerates_silence());
}

#[test]
fn an_attempt_that_may_take_all_the_time_there_is_is_not_silenced() {
    let task = PollActivityTaskQueueResponse {
        schedule_to_close_timeout: seconds(10),
        ..task()
    };
    let left = allowance(&task, None);
    assert!(!left.tolerates_silence());
    assert!(left.tolerates_failure(0));
}

#[test]
fn the_end_of_the_run_counts_like_schedule_to_close() {
    assert!(!allowance(&task(), Some(20 * SECOND)).tolerates_silence());
    assert!(allowance(&task(), Some(21 * SECOND)).tolerates_silence());
}

#[test]
fn a_policy_may_rule_out_the_retry_of_a_timeout_alone() {
    let mut task = task();
    if let Some(policy) = &mut task.retry_policy {
        policy.non_retryable_error_types = vec!["TemporalTimeout:StartToClose".to_owned()];
    }
    let left = allowance(&task, None);
    assert!(left.tolerates_failure(0));
    assert!(!left.tolerates_silence());
}

#[test]
fn a_retry_follows_the_earlier_of_the_two_timeouts_and_the_backoff() {
    assert_eq!(allowance(&task(), None).retry_after_ms(), Some(11 * SECOND));
    let beating = PollActivityTaskQueueResponse {
        heartbeat_timeout: seconds(3),
        ..task()
    };
    assert_eq!(allowance(&beating, None).retry_after_ms(), Some(4 * SECOND));
}

#[test]
fn an_activity_that_fails_twice_by_itself_is_left_three_attempts() {
    let needs = Need {
        attempts: 3,
        ms: None,
    };
    for (maximum, attempt, tolerates) in [(0, 1, true), (4, 1, true), (4, 2, false), (3, 1, false)]
    {
        let left = Allowance::of(&limited(maximum, attempt), None, needs);
        assert_eq!(
            left.tolerates_failure(0),
            tolerates,
            "attempt {attempt} of {maximum}"
        );
    }
}

#[test]
fn a_retry_is_given_the_time_that_the_activity_needs() {
    let task = PollActivityTaskQueueResponse {
        schedule_to_close_timeout: seconds(10),
        ..task()
    };
    let slow = Need {
        attempts: 1,
        ms: Some(8 * SECOND),
    };
    // One second of backoff, eight for the attempt.
    assert!(Allowance::of(&task, None, slow).tolerates_failure(SECOND));
    assert!(!Allowance::of(&task, None, slow).tolerates_failure(SECOND + 1));
}

#[test]
fn an_activity_that_is_not_retried_any_more_tolerates_nothing() {
    let left = allowance(&task(), None).without_retry();
    assert!(!left.tolerates_failure(0));
    assert!(!left.tolerates_silence());
}
