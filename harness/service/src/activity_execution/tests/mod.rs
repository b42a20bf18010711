//! Standalone activities, as clients and workers see them.

mod requests;

use pretty_assertions::assert_eq;
use tonic::{Code, Status};

use crate::{
    RequestId,
    api::{
        activity::{ActivityExecutionInfo, activity_execution_outcome::Value},
        common::{ActivityType, RetryPolicy},
        enums::{
            ActivityExecutionStatus, ActivityIdConflictPolicy, ActivityIdReusePolicy,
            PendingActivityState, RetryState, TimeoutType,
        },
        failure::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        rpc::*,
    },
    base::time::duration,
    messages::request::{Request, Response},
    testing::*,
};

fn start_request(activity_id: &str) -> StartActivityExecutionRequest {
    StartActivityExecutionRequest {
        namespace: "default".to_owned(),
        activity_id: activity_id.to_owned(),
        activity_type: Some(ActivityType {
            name: "Charge".to_owned(),
        }),
        task_queue: queue(TASK_QUEUE),
        request_id: format!("start-{activity_id}"),
        start_to_close_timeout: Some(duration(10_000)),
        input: payloads("100"),
        ..StartActivityExecutionRequest::default()
    }
}

#[track_caller]
fn start(
    world: &mut World,
    request: StartActivityExecutionRequest,
) -> StartActivityExecutionResponse {
    match world.call(request) {
        Ok(Response::StartActivityExecution(response)) => *response,
        other => panic!("not started: {other:?}"),
    }
}

fn with_activity() -> World {
    let mut world = World::new();
    start(&mut world, start_request("charge"));
    world
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

fn fail(world: &mut World, task: &PollActivityTaskQueueResponse) {
    let request = RespondActivityTaskFailedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        failure: Some(failure("no money")),
        ..RespondActivityTaskFailedRequest::default()
    };
    world.call(request).expect("a failure that is accepted");
}

fn complete(world: &mut World, task: &PollActivityTaskQueueResponse) -> Result<Response, Status> {
    world.call(RespondActivityTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        result: payloads("paid"),
        ..RespondActivityTaskCompletedRequest::default()
    })
}

#[track_caller]
fn heartbeat(
    world: &mut World,
    task: &PollActivityTaskQueueResponse,
) -> RecordActivityTaskHeartbeatResponse {
    let request = RecordActivityTaskHeartbeatRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        details: payloads("half"),
        ..RecordActivityTaskHeartbeatRequest::default()
    };
    match world.call(request) {
        Ok(Response::RecordActivityTaskHeartbeat(response)) => *response,
        other => panic!("not its response: {other:?}"),
    }
}

fn describe_request() -> DescribeActivityExecutionRequest {
    DescribeActivityExecutionRequest {
        namespace: "default".to_owned(),
        activity_id: "charge".to_owned(),
        include_outcome: true,
        include_last_failure: true,
        include_heartbeat_details: true,
        include_input: true,
        ..DescribeActivityExecutionRequest::default()
    }
}

#[track_caller]
fn describe(world: &mut World) -> DescribeActivityExecutionResponse {
    match world.call(describe_request()) {
        Ok(Response::DescribeActivityExecution(response)) => *response,
        other => panic!("not a description: {other:?}"),
    }
}

#[track_caller]
fn info(world: &mut World) -> ActivityExecutionInfo {
    describe(world).info.unwrap()
}

fn outcome_request() -> PollActivityExecutionRequest {
    PollActivityExecutionRequest {
        namespace: "default".to_owned(),
        activity_id: "charge".to_owned(),
        run_id: String::new(),
    }
}

#[track_caller]
fn polled(world: &mut World, poll: RequestId) -> PollActivityExecutionResponse {
    match world.reply(poll) {
        Some(Ok(Response::PollActivityExecution(response))) => *response,
        other => panic!("not an outcome: {other:?}"),
    }
}

/// Returns the failure of a closed activity, with its retry state.
#[track_caller]
fn failed(world: &mut World) -> (Failure, RetryState) {
    let outcome = describe(world).outcome.expect("an outcome");
    let retry_state = outcome.retry_state();
    match outcome.value {
        Some(Value::Failure(failure)) => (failure, retry_state),
        other => panic!("not a failure: {other:?}"),
    }
}

fn cancel_request() -> RequestCancelActivityExecutionRequest {
    RequestCancelActivityExecutionRequest {
        namespace: "default".to_owned(),
        activity_id: "charge".to_owned(),
        request_id: "cancel".to_owned(),
        identity: "ann".to_owned(),
        reason: "the \"shop\" is closed".to_owned(),
        ..RequestCancelActivityExecutionRequest::default()
    }
}

#[track_caller]
fn refused(world: &mut World, request: impl Into<Request>) -> (Code, String) {
    let status = world.call(request).unwrap_err();
    (status.code(), status.message().to_owned())
}

#[test]
fn an_activity_without_a_workflow_is_completed_by_a_worker() {
    let mut world = with_activity();
    let poll = world.send(outcome_request());
    let started = world.activity_task();
    assert_eq!(started.workflow_execution, None);
    assert_eq!((&*started.activity_id, started.attempt), ("charge", 1));
    assert_eq!(started.input, payloads("100"));
    assert_eq!(info(&mut world).run_state(), PendingActivityState::Started);
    assert!(world.reply(poll).is_none());

    complete(&mut world, &started).unwrap();
    let polled = polled(&mut world, poll);
    assert_eq!(polled.run_id, started.activity_run_id);
    let value = polled.outcome.unwrap().value;
    assert_eq!(value, Some(Value::Result(payloads("paid").unwrap())));
    let info = info(&mut world);
    assert_eq!(info.status(), ActivityExecutionStatus::Completed);
    assert!(info.close_time.is_some());
    assert_eq!(
        complete(&mut world, &started).unwrap_err().code(),
        Code::NotFound
    );
}

#[test]
fn a_failed_attempt_is_retried_with_its_heartbeat_and_growing_delays() {
    let mut world = with_activity();
    let first = world.activity_task();
    heartbeat(&mut world, &first);
    fail(&mut world, &first);
    let waiting = info(&mut world);
    assert_eq!(waiting.current_retry_interval, Some(duration(1_000)));
    assert_eq!(waiting.last_failure.unwrap().message, "no money");
    world.pass(999);
    assert!(!world.has_activity_task());
    world.pass(1);
    let second = world.activity_task();
    assert_eq!(
        (second.attempt, second.heartbeat_details.clone()),
        (2, payloads("half"))
    );
    fail(&mut world, &second);
    world.pass(1_999);
    assert!(!world.has_activity_task());
    world.pass(1);
    assert_eq!(world.activity_task().attempt, 3);
    assert_eq!(
        complete(&mut world, &first).unwrap_err().code(),
        Code::NotFound
    );
}

#[test]
fn an_activity_fails_after_its_last_attempt_or_if_its_failure_is_final() {
    let mut world = World::new();
    start(
        &mut world,
        StartActivityExecutionRequest {
            retry_policy: Some(RetryPolicy {
                maximum_attempts: 1,
                ..RetryPolicy::default()
            }),
            ..start_request("charge")
        },
    );
    let only = world.activity_task();
    fail(&mut world, &only);
    let (failure, retry_state) = failed(&mut world);
    assert_eq!(failure.message, "no money");
    assert_eq!(retry_state, RetryState::MaximumAttemptsReached);
    assert_eq!(info(&mut world).status(), ActivityExecutionStatus::Failed);
}

#[test]
fn a_retry_must_begin_before_schedule_to_close_ends() {
    let mut world = World::new();
    start(
        &mut world,
        StartActivityExecutionRequest {
            schedule_to_close_timeout: Some(duration(1_000)),
            ..start_request("charge")
        },
    );
    let only = world.activity_task();
    fail(&mut world, &only);
    assert_eq!(failed(&mut world).1, RetryState::Timeout);
}

#[test]
fn each_timeout_of_a_standalone_activity_ends_it_under_its_name() {
    let once = Some(RetryPolicy {
        maximum_attempts: 1,
        ..RetryPolicy::default()
    });
    for (timeout, is_started) in [
        (TimeoutType::ScheduleToStart, false),
        (TimeoutType::ScheduleToClose, false),
        (TimeoutType::StartToClose, true),
        (TimeoutType::Heartbeat, true),
    ] {
        let mut world = World::new();
        let mut request = StartActivityExecutionRequest {
            retry_policy: once.clone(),
            start_to_close_timeout: Some(duration(60_000)),
            ..start_request("charge")
        };
        let of_five_seconds = Some(duration(5_000));
        match timeout {
            TimeoutType::ScheduleToStart => request.schedule_to_start_timeout = of_five_seconds,
            TimeoutType::ScheduleToClose => {
                request.schedule_to_start_timeout = Some(duration(60_000));
                request.schedule_to_close_timeout = of_five_seconds;
            }
            TimeoutType::Heartbeat => request.heartbeat_timeout = of_five_seconds,
            _ => request.start_to_close_timeout = of_five_seconds,
        }
        start(&mut world, request);
        if is_started {
            world.activity_task();
        }
        world.pass(4_999);
        assert_eq!(info(&mut world).status(), ActivityExecutionStatus::Running);
        world.pass(1);
        assert_eq!(
            info(&mut world).status(),
            ActivityExecutionStatus::TimedOut,
            "{timeout:?}"
        );
        match failed(&mut world).0.failure_info {
            Some(FailureInfo::TimeoutFailureInfo(info)) => {
                // Both begin and end together: schedule-to-close bounds schedule-to-start.
                let expected = match timeout {
                    TimeoutType::ScheduleToClose => TimeoutType::ScheduleToStart,
                    other => other,
                };
                assert_eq!(info.timeout_type(), expected);
            }
            other => panic!("not a timeout: {other:?}"),
        }
    }
}

#[test]
fn an_attempt_that_times_out_is_retried() {
    let mut world = with_activity();
    world.activity_task();
    world.pass(11_000);
    assert_eq!(world.activity_task().attempt, 2);
}

#[test]
fn a_start_delay_puts_off_the_first_attempt_and_the_deadlines() {
    let mut world = World::new();
    start(
        &mut world,
        StartActivityExecutionRequest {
            start_delay: Some(duration(60_000)),
            schedule_to_close_timeout: Some(duration(5_000)),
            ..start_request("charge")
        },
    );
    world.pass(59_999);
    assert!(!world.has_activity_task());
    assert!(info(&mut world).next_attempt_schedule_time.is_some());
    world.pass(1);
    assert!(world.has_activity_task());
}

#[test]
fn an_unstarted_activity_is_canceled_at_once() {
    let mut world = with_activity();
    world.call(cancel_request()).unwrap();
    let (failure, _) = failed(&mut world);
    match failure.failure_info {
        Some(FailureInfo::CanceledFailureInfo(canceled)) => {
            assert_eq!(canceled.identity, "ann");
            let details = &canceled.details.unwrap().payloads[0];
            assert_eq!(details.data, br#""the \"shop\" is closed""#);
        }
        other => panic!("not a cancellation: {other:?}"),
    }
    assert!(!world.has_activity_task());
    assert_eq!(info(&mut world).canceled_reason, "the \"shop\" is closed");
}

#[test]
fn a_started_activity_hears_of_its_cancellation_and_may_confirm_it() {
    let mut world = with_activity();
    let started = world.activity_task();
    let respond = RespondActivityTaskCanceledRequest {
        namespace: "default".to_owned(),
        task_token: started.task_token.clone(),
        ..RespondActivityTaskCanceledRequest::default()
    };
    assert_eq!(
        refused(&mut world, respond.clone()).0,
        Code::InvalidArgument
    );
    assert!(!heartbeat(&mut world, &started).cancel_requested);
    world.call(cancel_request()).unwrap();
    assert!(heartbeat(&mut world, &started).cancel_requested);
    // The same request again changes nothing; another is refused.
    world.call(cancel_request()).unwrap();
    let another = RequestCancelActivityExecutionRequest {
        request_id: "another".to_owned(),
        ..cancel_request()
    };
    assert_eq!(refused(&mut world, another).0, Code::FailedPrecondition);
    world.call(respond).unwrap();
    assert_eq!(info(&mut world).status(), ActivityExecutionStatus::Canceled);
}

#[test]
fn an_activity_that_was_asked_to_cancel_is_not_retried() {
    let mut world = with_activity();
    let started = world.activity_task();
    world.call(cancel_request()).unwrap();
    fail(&mut world, &started);
    assert_eq!(failed(&mut world).1, RetryState::CancelRequested);
}

#[test]
fn a_terminated_activity_takes_no_answer() {
    let mut world = with_activity();
    let started = world.activity_task();
    let request = TerminateActivityExecutionRequest {
        namespace: "default".to_owned(),
        activity_id: "charge".to_owned(),
        request_id: "stop".to_owned(),
        reason: "enough".to_owned(),
        ..TerminateActivityExecutionRequest::default()
    };
    world.call(request.clone()).unwrap();
    world.call(request.clone()).unwrap();
    let another = TerminateActivityExecutionRequest {
        request_id: "another".to_owned(),
        ..request
    };
    assert_eq!(refused(&mut world, another).0, Code::FailedPrecondition);
    assert_eq!(failed(&mut world).0.message, "enough");
    assert_eq!(
        complete(&mut world, &started).unwrap_err().code(),
        Code::NotFound
    );
}
