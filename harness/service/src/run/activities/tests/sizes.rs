//! Data of activities that no event can hold: it fails the activity, or is left out.
//!
//! Source: `temporalio/temporal: service/frontend/workflow_handler.go`.

use pretty_assertions::assert_eq;
use tonic::Code;

use super::*;
use crate::ServiceConfig;

/// Returns a world in which an event holds 100 bytes, and the task of its one activity.
fn started() -> (World, PollActivityTaskQueueResponse) {
    let mut config = ServiceConfig::default();
    config.limits.payload_bytes = 100;
    let mut world = with_activity_in(World::with(config), options());
    let task = world.activity_task();
    (world, task)
}

fn large() -> Option<Payloads> {
    payloads(&"x".repeat(101))
}

#[track_caller]
fn failed(world: &World) -> ActivityTaskFailedEventAttributes {
    let events = world.history("order");
    let of_closing = events
        .iter()
        .rev()
        .find(|event| event.event_type() == ActivityTaskFailed);
    match of_closing.and_then(|event| event.attributes.clone()) {
        Some(Attributes::ActivityTaskFailedEventAttributes(failed)) => *failed,
        _ => panic!("not failed: {:?}", world.event_types("order")),
    }
}

/// Returns the failure of the activity, which was not retried.
#[track_caller]
fn assert_failed(world: &World, reason: &str) {
    let failed = failed(world);
    assert_eq!(failed.failure.as_ref().unwrap().message, reason);
    assert_eq!(failed.retry_state(), RetryState::NonRetryableFailure);
}

#[test]
fn a_result_that_is_too_large_fails_the_activity() {
    let (mut world, task) = started();
    let request = RespondActivityTaskCompletedRequest {
        task_token: task.task_token,
        result: large(),
        ..RespondActivityTaskCompletedRequest::default()
    };
    world.call(request).unwrap();
    assert_failed(&world, "Complete result exceeds size limit.");
}

#[test]
fn a_heartbeat_that_is_too_large_fails_the_activity_and_cancels_it() {
    let (mut world, task) = started();
    assert!(heartbeat(&mut world, &task, large()));
    assert_failed(&world, "Heartbeat details exceed size limit.");
    let again = RecordActivityTaskHeartbeatRequest {
        task_token: task.task_token,
        ..RecordActivityTaskHeartbeatRequest::default()
    };
    assert_eq!(world.call(again).unwrap_err().code(), Code::NotFound);
}

#[test]
fn a_cancellation_that_is_too_large_fails_the_activity() {
    let (mut world, task) = started();
    let request = RespondActivityTaskCanceledRequest {
        task_token: task.task_token,
        details: large(),
        ..RespondActivityTaskCanceledRequest::default()
    };
    world.call(request).unwrap();
    assert_failed(&world, "Cancel details exceed size limit.");
}

#[test]
fn a_failure_that_is_too_large_is_truncated_and_not_retried() {
    let (mut world, task) = started();
    let request = RespondActivityTaskFailedRequest {
        task_token: task.task_token,
        failure: Some(failure(&"x".repeat(101))),
        last_heartbeat_details: large(),
        ..RespondActivityTaskFailedRequest::default()
    };
    let Ok(Response::RespondActivityTaskFailed(response)) = world.call(request) else {
        panic!("not taken")
    };
    let told: Vec<_> = response
        .failures
        .iter()
        .map(|failure| failure.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "Heartbeat details exceed size limit.",
            "Failure exceeds size limit."
        ]
    );
    assert_failed(&world, "Failure exceeds size limit.");
    let cause = failed(&world).failure.unwrap().cause.unwrap();
    assert_eq!(cause.message, "x".repeat(101));
}

/// Source: `temporalio/temporal: service/history/workflow/mutable_state_impl.go`
/// (`truncateRetryableActivityFailure`).
#[test]
fn only_the_beginning_of_the_failure_of_a_retried_attempt_is_kept() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    fail(&mut world, &task, failure(&"x".repeat(5_000)));
    world.pass(1_000);
    let task = world.activity_task();
    complete(&mut world, &task).unwrap();
    let events = world.history("order");
    let started = events
        .iter()
        .find(|event| event.event_type() == ActivityTaskStarted)
        .unwrap();
    let Some(Attributes::ActivityTaskStartedEventAttributes(started)) = &started.attributes else {
        panic!("not started")
    };
    let kept = started.last_failure.as_ref().unwrap();
    assert_eq!(kept.message, "Failure exceeds size limit.");
    assert!(kept.cause.as_ref().unwrap().message.len() < 2_100);
}

#[test]
fn an_invalid_next_retry_delay_is_refused() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    let info = ApplicationFailureInfo {
        next_retry_delay: Some(prost_types::Duration {
            seconds: 1,
            nanos: -1,
        }),
        ..ApplicationFailureInfo::default()
    };
    let cause = Failure {
        failure_info: Some(FailureInfo::ApplicationFailureInfo(info)),
        ..Failure::default()
    };
    let request = RespondActivityTaskFailedRequest {
        task_token: task.task_token,
        failure: Some(Failure {
            cause: Some(Box::new(cause)),
            ..failure("declined")
        }),
        ..RespondActivityTaskFailedRequest::default()
    };
    let refused = world.call(request).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(
        refused
            .message()
            .starts_with("NextRetryDelay is not a valid duration"),
        "{}",
        refused.message()
    );
}
