//! The options of activities, and their retries.

use temporalio_protos::temporal::api::{
    common::v1::ActivityType,
    failure::v1::{ApplicationFailureInfo, TimeoutFailureInfo},
    taskqueue::v1::TaskQueue,
};

use super::*;
use crate::base::time::duration;

const fn seconds(seconds: i64) -> Duration {
    Duration { seconds, nanos: 0 }
}

fn policy() -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    retry::ensure_defaults(&mut policy);
    policy
}

fn retry(policy: &RetryPolicy, attempt: i32) -> ActivityRetry<'_> {
    ActivityRetry {
        policy: Some(policy),
        attempt,
        cancel_requested: false,
        expires_at_ms: None,
    }
}

fn failure_asking_for(delay_ms: Option<u64>) -> Failure {
    Failure {
        failure_info: Some(FailureInfo::ApplicationFailureInfo(
            ApplicationFailureInfo {
                next_retry_delay: delay_ms.map(duration),
                ..ApplicationFailureInfo::default()
            },
        )),
        ..Failure::default()
    }
}

#[test]
fn delays_double_up_to_the_maximum_interval() {
    let policy = RetryPolicy {
        maximum_interval: Some(seconds(5)),
        ..policy()
    };
    let failure = failure_asking_for(None);
    let delays: Vec<_> = (1..=5)
        .map(|attempt| {
            retry(&policy, attempt)
                .next_attempt(0, Some(&failure))
                .unwrap()
        })
        .collect();
    assert_eq!(delays, [1000, 2000, 4000, 5000, 5000]);
}

#[test]
fn a_requested_delay_may_exceed_the_maximum_interval() {
    let policy = RetryPolicy {
        maximum_interval: Some(seconds(5)),
        ..policy()
    };
    let failure = failure_asking_for(Some(60_000));
    assert_eq!(
        retry(&policy, 1).next_attempt(0, Some(&failure)),
        Ok(60_000)
    );
}

#[test]
fn the_first_attempt_counts() {
    let policy = RetryPolicy {
        maximum_attempts: 2,
        ..policy()
    };
    assert_eq!(retry(&policy, 1).next_attempt(0, None), Ok(1000));
    assert_eq!(
        retry(&policy, 2).next_attempt(0, None),
        Err(RetryState::MaximumAttemptsReached)
    );
}

#[test]
fn a_delay_past_schedule_to_close_fails_at_once() {
    let policy = policy();
    let bounded = ActivityRetry {
        expires_at_ms: Some(10_000),
        ..retry(&policy, 3)
    };
    assert_eq!(bounded.next_attempt(6_000, None), Ok(4_000));
    assert_eq!(bounded.next_attempt(6_001, None), Err(RetryState::Timeout));
}

#[test]
fn no_retry_once_cancel_is_requested() {
    let policy = policy();
    let canceled = ActivityRetry {
        cancel_requested: true,
        ..retry(&policy, 1)
    };
    assert_eq!(
        canceled.next_attempt(0, None),
        Err(RetryState::CancelRequested)
    );
}

#[test]
fn schedule_to_start_is_a_deadline_not_a_failure() {
    let policy = policy();
    let timeout = Failure {
        failure_info: Some(FailureInfo::TimeoutFailureInfo(TimeoutFailureInfo {
            timeout_type: TimeoutType::ScheduleToStart.into(),
            ..TimeoutFailureInfo::default()
        })),
        ..Failure::default()
    };
    assert_eq!(
        retry(&policy, 1).next_attempt(0, Some(&timeout)),
        Err(RetryState::Timeout)
    );
}

fn command() -> ScheduleActivityTaskCommandAttributes {
    ScheduleActivityTaskCommandAttributes {
        activity_id: "1".into(),
        activity_type: Some(ActivityType {
            name: "charge".into(),
        }),
        task_queue: Some(TaskQueue {
            name: "payments".into(),
            ..TaskQueue::default()
        }),
        ..ScheduleActivityTaskCommandAttributes::default()
    }
}

#[test]
fn schedule_to_close_fills_and_bounds_the_other_timeouts() {
    let mut command = command();
    command.schedule_to_close_timeout = Some(seconds(10));
    command.start_to_close_timeout = Some(seconds(20));
    normalize(&mut command, None, "payments", &Limits::default()).unwrap();
    assert_eq!(command.start_to_close_timeout, Some(seconds(10)));
    assert_eq!(command.schedule_to_start_timeout, Some(seconds(10)));
    assert_eq!(command.heartbeat_timeout, Some(seconds(0)));
}

#[test]
fn start_to_close_alone_gets_the_run_timeout_for_the_others() {
    let mut command = command();
    command.start_to_close_timeout = Some(seconds(90));
    command.heartbeat_timeout = Some(seconds(70));
    normalize(
        &mut command,
        Some(&seconds(60)),
        "payments",
        &Limits::default(),
    )
    .unwrap();
    assert_eq!(command.schedule_to_close_timeout, Some(seconds(60)));
    assert_eq!(command.schedule_to_start_timeout, Some(seconds(60)));
    assert_eq!(command.start_to_close_timeout, Some(seconds(60)));
    assert_eq!(command.heartbeat_timeout, Some(seconds(60)));
}

#[test]
fn an_activity_without_a_closing_timeout_is_refused() {
    let refused = normalize(&mut command(), None, "payments", &Limits::default()).unwrap_err();
    assert!(
        refused
            .message()
            .contains("ActivityId=1 ActivityType=charge"),
        "{}",
        refused.message()
    );
}

#[test]
fn the_retry_policy_of_the_event_has_its_defaults() {
    let mut command = command();
    command.start_to_close_timeout = Some(seconds(1));
    normalize(&mut command, None, "payments", &Limits::default()).unwrap();
    assert_eq!(command.retry_policy.unwrap(), policy());
}
