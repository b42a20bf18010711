//! The server's rules for activities, one by one.

#![allow(
    clippy::unnecessary_wraps,
    reason = "message fields of the API are optional"
)]
#![allow(
    clippy::enum_glob_use,
    reason = "histories are written as lists of event types"
)]

mod by_id;
mod cancellations;
mod operations;
mod sizes;

use pretty_assertions::assert_eq;

use crate::{
    api::{
        Attributes, Payloads,
        command::{
            RequestCancelActivityTaskCommandAttributes, ScheduleActivityTaskCommandAttributes,
            command::Attributes as Command,
        },
        common::{ActivityType, RetryPolicy},
        enums::{
            EventType::{self, *},
            RetryState, TimeoutType,
        },
        failure::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        history::*,
        rpc::*,
    },
    base::time::duration,
    messages::request::Response,
    testing::*,
};

fn options() -> ScheduleActivityTaskCommandAttributes {
    ScheduleActivityTaskCommandAttributes {
        activity_id: "1".to_owned(),
        activity_type: Some(ActivityType {
            name: "Activity".to_owned(),
        }),
        task_queue: queue(TASK_QUEUE),
        start_to_close_timeout: Some(duration(10_000)),
        ..ScheduleActivityTaskCommandAttributes::default()
    }
}

/// Returns a world with one workflow that scheduled one activity.
fn with_activity(options: ScheduleActivityTaskCommandAttributes) -> World {
    with_activity_in(World::new(), options)
}

fn with_activity_in(mut world: World, options: ScheduleActivityTaskCommandAttributes) -> World {
    world.start("order");
    world.run_workflow_task(vec![Command::ScheduleActivityTaskCommandAttributes(
        options,
    )]);
    world
}

fn retry_policy(maximum_attempts: i32) -> Option<RetryPolicy> {
    Some(RetryPolicy {
        maximum_attempts,
        ..RetryPolicy::default()
    })
}

fn failure(message: &str) -> Failure {
    Failure {
        message: message.to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(
            ApplicationFailureInfo::default(),
        )),
        ..Failure::default()
    }
}

fn fail(world: &mut World, task: &PollActivityTaskQueueResponse, failure: Failure) {
    let request = RespondActivityTaskFailedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        failure: Some(failure),
        ..RespondActivityTaskFailedRequest::default()
    };
    world.call(request).expect("a failure that is accepted");
}

fn complete(
    world: &mut World,
    task: &PollActivityTaskQueueResponse,
) -> Result<Response, tonic::Status> {
    world.call(RespondActivityTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        result: payloads("done"),
        ..RespondActivityTaskCompletedRequest::default()
    })
}

fn heartbeat(
    world: &mut World,
    task: &PollActivityTaskQueueResponse,
    details: Option<Payloads>,
) -> bool {
    let request = RecordActivityTaskHeartbeatRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        details,
        ..RecordActivityTaskHeartbeatRequest::default()
    };
    match world.call(request) {
        Ok(Response::RecordActivityTaskHeartbeat(response)) => response.cancel_requested,
        other => panic!("not its response: {other:?}"),
    }
}

fn signal(world: &mut World) {
    let request = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        signal_name: "go".to_owned(),
        ..SignalWorkflowExecutionRequest::default()
    };
    world.call(request).expect("a signal that is accepted");
}

fn closings(world: &World) -> Vec<EventType> {
    let of_activity = [
        ActivityTaskStarted,
        ActivityTaskCompleted,
        ActivityTaskFailed,
        ActivityTaskTimedOut,
        ActivityTaskCanceled,
    ];
    world
        .event_types("order")
        .into_iter()
        .filter(|event| of_activity.contains(event))
        .collect()
}

fn timed_out(world: &World) -> ActivityTaskTimedOutEventAttributes {
    world
        .history("order")
        .iter()
        .find_map(|event| match &event.attributes {
            Some(Attributes::ActivityTaskTimedOutEventAttributes(timed_out)) => {
                Some((**timed_out).clone())
            }
            _ => None,
        })
        .expect("a timeout")
}

fn timeout_type(failure: &Failure) -> TimeoutType {
    match &failure.failure_info {
        Some(FailureInfo::TimeoutFailureInfo(info)) => info.timeout_type(),
        other => panic!("not a timeout: {other:?}"),
    }
}

fn request_cancel(world: &mut World) {
    signal(world);
    world.run_workflow_task(vec![Command::RequestCancelActivityTaskCommandAttributes(
        RequestCancelActivityTaskCommandAttributes {
            scheduled_event_id: 5,
        },
    )]);
}

#[test]
fn the_started_event_comes_with_the_closing_one_and_has_the_last_attempt() {
    let mut world = with_activity(options());
    let first = world.activity_task();
    fail(&mut world, &first, failure("not yet"));
    assert_eq!(closings(&world), []);
    assert!(!world.has_activity_task());
    world.pass(1_000);
    let second = world.activity_task();
    assert_eq!(second.attempt, 2);
    complete(&mut world, &second).unwrap();
    assert_eq!(
        closings(&world),
        [
            EventType::ActivityTaskStarted,
            EventType::ActivityTaskCompleted
        ]
    );
    let started = world
        .history("order")
        .iter()
        .find_map(|event| match &event.attributes {
            Some(Attributes::ActivityTaskStartedEventAttributes(started)) => Some(started.clone()),
            _ => None,
        });
    let started = started.unwrap();
    assert_eq!(started.attempt, 2);
    assert_eq!(started.last_failure.unwrap().message, "not yet");
}

#[test]
fn the_delay_of_retries_doubles_from_one_second() {
    let mut world = with_activity(options());
    for delay_ms in [1_000, 2_000, 4_000] {
        let task = world.activity_task();
        fail(&mut world, &task, failure("not yet"));
        world.pass(delay_ms - 1);
        assert!(!world.has_activity_task());
        world.pass(1);
    }
    assert_eq!(world.activity_task().attempt, 4);
}

#[test]
fn attempts_end_at_the_maximum() {
    let mut world = with_activity(ScheduleActivityTaskCommandAttributes {
        retry_policy: retry_policy(1),
        ..options()
    });
    let task = world.activity_task();
    fail(&mut world, &task, failure("for good"));
    let Some(Attributes::ActivityTaskFailedEventAttributes(failed)) = world
        .history("order")
        .iter()
        .rev()
        .find_map(|event| {
            (event.event_type() == EventType::ActivityTaskFailed).then(|| event.attributes.clone())
        })
        .flatten()
    else {
        panic!("no failure: {:?}", world.event_types("order"));
    };
    assert_eq!(failed.retry_state(), RetryState::MaximumAttemptsReached);
    assert!(world.has_workflow_task());
}

#[test]
fn a_response_for_an_earlier_attempt_is_not_found() {
    let mut world = with_activity(options());
    let first = world.activity_task();
    world.pass(11_000);
    assert_eq!(
        complete(&mut world, &first).unwrap_err().code(),
        tonic::Code::NotFound
    );
    assert_eq!(world.activity_task().attempt, 2);
    assert_eq!(
        complete(&mut world, &first).unwrap_err().code(),
        tonic::Code::NotFound
    );
}

#[test]
fn a_timeout_to_start_is_not_retried() {
    let mut world = with_activity(ScheduleActivityTaskCommandAttributes {
        schedule_to_start_timeout: Some(duration(5_000)),
        ..options()
    });
    world.pass(5_000);
    let timed_out = timed_out(&world);
    assert_eq!(timed_out.retry_state(), RetryState::Timeout);
    assert_eq!(
        timeout_type(&timed_out.failure.unwrap()),
        TimeoutType::ScheduleToStart
    );
    assert_eq!(closings(&world), [EventType::ActivityTaskTimedOut]);
}

#[test]
fn an_activity_that_no_worker_polled_is_listed_with_its_timeout() {
    let mut world = with_activity(ScheduleActivityTaskCommandAttributes {
        schedule_to_start_timeout: Some(duration(5_000)),
        ..options()
    });
    assert_eq!(world.service.unpolled_activities(), []);
    world.pass(5_000);
    let unpolled = world.service.unpolled_activities().remove(0);
    assert_eq!(unpolled.workflow_id, "order");
    assert_eq!(unpolled.activity_type, "Activity");
    assert_eq!(unpolled.task_queue, TASK_QUEUE);
    assert_eq!(unpolled.timeout, TimeoutType::ScheduleToStart);
    assert_eq!(unpolled.message, "activity ScheduleToStart timeout");
}

#[test]
fn an_activity_that_a_worker_polled_is_not_listed_as_unpolled() {
    let mut world = with_activity(ScheduleActivityTaskCommandAttributes {
        schedule_to_close_timeout: Some(duration(12_000)),
        ..options()
    });
    let first = world.activity_task();
    fail(&mut world, &first, failure("the real reason"));
    world.pass(12_000);
    assert_eq!(closings(&world), [EventType::ActivityTaskTimedOut]);
    assert_eq!(world.service.unpolled_activities(), []);
}

#[test]
fn an_attempt_without_time_left_times_out_as_schedule_to_close_with_its_cause() {
    let mut world = with_activity(ScheduleActivityTaskCommandAttributes {
        schedule_to_close_timeout: Some(duration(12_000)),
        ..options()
    });
    let first = world.activity_task();
    fail(&mut world, &first, failure("the real reason"));
    world.pass(1_000);
    world.activity_task();
    // The attempt times out at 11 s; another would start at 13 s.
    world.pass(10_000);
    let failure = timed_out(&world).failure.unwrap();
    assert_eq!(timeout_type(&failure), TimeoutType::ScheduleToClose);
    assert_eq!(failure.cause.unwrap().message, "the real reason");
}

#[test]
fn a_heartbeat_timeout_is_retried_with_the_last_details() {
    let mut world = with_activity(ScheduleActivityTaskCommandAttributes {
        start_to_close_timeout: Some(duration(60_000)),
        heartbeat_timeout: Some(duration(5_000)),
        ..options()
    });
    let task = world.activity_task();
    world.pass(4_000);
    heartbeat(&mut world, &task, payloads("page 7"));
    world.pass(4_999);
    assert!(!heartbeat(&mut world, &task, payloads("page 8")));
    world.pass(5_000 + 1_000);
    let second = world.activity_task();
    assert_eq!(second.attempt, 2);
    assert_eq!(second.heartbeat_details, payloads("page 8"));
}

#[test]
fn a_response_after_the_workflow_closed_is_not_found() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    signal(&mut world);
    world.run_workflow_task(vec![complete_workflow("early")]);
    assert_eq!(
        complete(&mut world, &task).unwrap_err().code(),
        tonic::Code::NotFound
    );
    assert_eq!(world.service.next_due_ms(), None);
}

#[test]
fn a_command_without_a_timeout_fails_the_workflow_task() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    let command = ScheduleActivityTaskCommandAttributes {
        start_to_close_timeout: None,
        ..options()
    };
    let refused = world
        .complete(
            &task,
            vec![Command::ScheduleActivityTaskCommandAttributes(command)],
        )
        .unwrap_err();
    assert!(
        refused
            .message()
            .starts_with("BadScheduleActivityAttributes"),
        "{}",
        refused.message()
    );
    assert_eq!(world.event_types("order")[3], EventType::WorkflowTaskFailed);
}

#[test]
fn a_completion_while_a_workflow_task_is_started_waits_behind_a_later_signal() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    signal(&mut world);
    let workflow_task = world.workflow_task();
    complete(&mut world, &task).unwrap();
    signal(&mut world);
    world.complete(&workflow_task, vec![]).unwrap();
    assert_eq!(
        world.event_types("order")[9..],
        [
            ActivityTaskStarted,
            WorkflowExecutionSignaled,
            ActivityTaskCompleted,
            WorkflowTaskScheduled
        ]
    );
}
