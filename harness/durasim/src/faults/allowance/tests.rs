use super::*;
use temporalio_protos::temporal::api::common::v1::RetryPolicy;

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

#[expect(clippy::unnecessary_wraps, reason = "as the fields of messages have it")]
fn seconds<D: TryFrom<Duration, Error: std::fmt::Debug>>(seconds: u64) -> Option<D> {
    Some(D::try_from(Duration::from_secs(seconds)).expect("a small duration"))
}

fn limited(maximum_attempts: i32, attempt: i32) -> PollActivityTaskQueueResponse {
    let mut task = PollActivityTaskQueueResponse { attempt, ..task() };
    if let Some(policy) = &mut task.retry_policy {
        policy.maximum_attempts = maximum_attempts;
    }
    task
}

#[test]
fn the_last_attempt_allowed_bears_nothing() {
    for (maximum, attempt, bears) in [(0, 1, true), (2, 1, true), (2, 2, false), (1, 1, false)] {
        let allowance = Allowance::of(&limited(maximum, attempt), None);
        assert_eq!(allowance.bears_failure(0), bears, "attempt {attempt} of {maximum}");
        assert_eq!(allowance.bears_silence(), bears, "attempt {attempt} of {maximum}");
    }
}

#[test]
fn faults_take_a_few_attempts_of_an_activity_at_most() {
    assert!(Allowance::of(&limited(0, 3), None).bears_failure(0));
    assert!(!Allowance::of(&limited(0, 4), None).bears_failure(0));
}

#[test]
fn a_failure_leaves_the_retry_its_time_before_schedule_to_close() {
    let task = PollActivityTaskQueueResponse { schedule_to_close_timeout: seconds(30), ..task() };
    let allowance = Allowance::of(&task, None);
    // One second of backoff, ten for the attempt.
    assert!(allowance.bears_failure(19 * SECOND));
    assert!(!allowance.bears_failure(19 * SECOND + 1));
    // Silence is noticed after ten seconds.
    assert!(allowance.bears_silence());
    let tight = PollActivityTaskQueueResponse { schedule_to_close_timeout: seconds(14), ..task };
    assert!(!Allowance::of(&tight, None).bears_silence());
}

#[test]
fn an_attempt_that_may_take_all_the_time_there_is_is_not_silenced() {
    let task = PollActivityTaskQueueResponse { schedule_to_close_timeout: seconds(10), ..task() };
    let allowance = Allowance::of(&task, None);
    assert!(!allowance.bears_silence());
    assert!(allowance.bears_failure(0));
}

#[test]
fn the_end_of_the_run_counts_like_schedule_to_close() {
    assert!(!Allowance::of(&task(), Some(20 * SECOND)).bears_silence());
    assert!(Allowance::of(&task(), Some(21 * SECOND)).bears_silence());
}

#[test]
fn a_policy_may_rule_out_the_retry_of_a_timeout_alone() {
    let mut task = task();
    if let Some(policy) = &mut task.retry_policy {
        policy.non_retryable_error_types = vec!["TemporalTimeout:StartToClose".to_owned()];
    }
    let allowance = Allowance::of(&task, None);
    assert!(allowance.bears_failure(0));
    assert!(!allowance.bears_silence());
}

#[test]
fn a_retry_follows_the_earlier_of_the_two_timeouts_and_the_backoff() {
    assert_eq!(Allowance::of(&task(), None).retry_after_ms(), Some(11 * SECOND));
    let beating = PollActivityTaskQueueResponse { heartbeat_timeout: seconds(3), ..task() };
    assert_eq!(Allowance::of(&beating, None).retry_after_ms(), Some(4 * SECOND));
}
