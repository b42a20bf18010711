//! Requests of clients: ids in use, answers by id, long polls, lists, deletion.

use pretty_assertions::assert_eq;

use super::*;
use crate::api::{
    activity::callback_info::{ActivityClosed, trigger},
    common::{
        Callback,
        callback::{Nexus, Variant},
    },
    enums::CallbackState,
};

#[test]
fn an_id_in_use_is_refused_or_the_running_activity_is_used() {
    let mut world = World::new();
    let first = start(&mut world, start_request("charge"));
    assert!(first.started);
    let again = start(&mut world, start_request("charge"));
    assert_eq!((again.run_id, again.started), (first.run_id.clone(), false));
    let another = StartActivityExecutionRequest {
        request_id: "another".to_owned(),
        ..start_request("charge")
    };
    let (code, message) = refused(&mut world, another.clone());
    assert_eq!(
        (code, &*message),
        (Code::AlreadyExists, "activity execution already started")
    );
    let mut using = another;
    using.set_id_conflict_policy(ActivityIdConflictPolicy::UseExisting);
    assert_eq!(start(&mut world, using).run_id, first.run_id);
}

#[test]
fn the_id_of_a_closed_activity_is_used_again_as_the_policy_says() {
    let mut world = with_activity();
    let started = world.activity_task();
    complete(&mut world, &started).unwrap();
    let mut again = StartActivityExecutionRequest {
        request_id: "another".to_owned(),
        ..start_request("charge")
    };
    for policy in [
        ActivityIdReusePolicy::RejectDuplicate,
        ActivityIdReusePolicy::AllowDuplicateFailedOnly,
    ] {
        again.set_id_reuse_policy(policy);
        assert_eq!(refused(&mut world, again.clone()).0, Code::AlreadyExists);
    }
    again.set_id_reuse_policy(ActivityIdReusePolicy::AllowDuplicate);
    assert_ne!(start(&mut world, again).run_id, started.activity_run_id);
}

#[test]
fn a_client_answers_for_a_worker_by_the_id_of_a_standalone_activity() {
    let mut world = with_activity();
    let beat = RecordActivityTaskHeartbeatByIdRequest {
        namespace: "default".to_owned(),
        activity_id: "charge".to_owned(),
        ..RecordActivityTaskHeartbeatByIdRequest::default()
    };
    assert_eq!(refused(&mut world, beat.clone()).0, Code::NotFound);
    world.activity_task();
    world.call(beat).unwrap();
    let request = RespondActivityTaskCompletedByIdRequest {
        namespace: "default".to_owned(),
        activity_id: "charge".to_owned(),
        result: payloads("paid"),
        ..RespondActivityTaskCompletedByIdRequest::default()
    };
    world.call(request).unwrap();
    assert_eq!(
        info(&mut world).status(),
        ActivityExecutionStatus::Completed
    );

    let unknown = RespondActivityTaskCompletedByIdRequest {
        namespace: "default".to_owned(),
        activity_id: "unknown".to_owned(),
        ..RespondActivityTaskCompletedByIdRequest::default()
    };
    let (code, message) = refused(&mut world, unknown);
    assert_eq!(
        (code, &*message),
        (Code::NotFound, "activity not found for ID: unknown")
    );
}

#[test]
fn a_long_poll_of_a_description_waits_for_a_change() {
    let mut world = with_activity();
    let first = describe(&mut world);
    let request = DescribeActivityExecutionRequest {
        run_id: first.run_id.clone(),
        long_poll_token: first.long_poll_token,
        ..describe_request()
    };
    let poll = world.send(request.clone());
    assert!(world.reply(poll).is_none());
    world.activity_task();
    match world.reply(poll) {
        Some(Ok(Response::DescribeActivityExecution(changed))) => {
            assert_eq!(
                changed.info.unwrap().run_state(),
                PendingActivityState::Started
            );
        }
        other => panic!("not a description: {other:?}"),
    }
    let without_run = DescribeActivityExecutionRequest {
        run_id: String::new(),
        ..request.clone()
    };
    assert_eq!(refused(&mut world, without_run).0, Code::InvalidArgument);
    let garbage = DescribeActivityExecutionRequest {
        long_poll_token: b"x".to_vec(),
        ..request
    };
    assert_eq!(refused(&mut world, garbage).1, "invalid long poll token");
}

#[test]
fn a_wait_for_an_outcome_ends_without_one() {
    let mut world = with_activity();
    let poll = world.send(outcome_request());
    world.expire(poll);
    assert_eq!(
        polled(&mut world, poll),
        PollActivityExecutionResponse::default()
    );
}

fn list(world: &mut World, query: &str) -> Vec<String> {
    let request = ListActivityExecutionsRequest {
        namespace: "default".to_owned(),
        query: query.to_owned(),
        ..ListActivityExecutionsRequest::default()
    };
    match world.call(request) {
        Ok(Response::ListActivityExecutions(page)) => page
            .executions
            .into_iter()
            .map(|it| it.activity_id)
            .collect(),
        other => panic!("not a list: {other:?}"),
    }
}

#[test]
fn standalone_activities_are_listed_and_counted_by_queries() {
    let mut world = with_activity();
    let started = world.activity_task();
    complete(&mut world, &started).unwrap();
    world.pass(1_000);
    start(&mut world, start_request("refund"));
    assert_eq!(list(&mut world, ""), ["refund", "charge"]);
    assert_eq!(
        list(&mut world, "ExecutionStatus = 'Completed'"),
        ["charge"]
    );
    assert_eq!(list(&mut world, "ActivityId = 'refund'"), ["refund"]);
    let query = "ActivityType = 'Charge' AND TaskQueue = 'queue'";
    assert_eq!(list(&mut world, query).len(), 2);
    let request = CountActivityExecutionsRequest {
        namespace: "default".to_owned(),
        query: "GROUP BY ExecutionStatus".to_owned(),
    };
    match world.call(request) {
        Ok(Response::CountActivityExecutions(counted)) => {
            assert_eq!((counted.count, counted.groups.len()), (2, 2));
        }
        other => panic!("not a count: {other:?}"),
    }
}

#[test]
fn a_deleted_activity_is_terminated_and_found_no_more() {
    let mut world = with_activity();
    let poll = world.send(outcome_request());
    let request = DeleteActivityExecutionRequest {
        namespace: "default".to_owned(),
        activity_id: "charge".to_owned(),
        run_id: String::new(),
    };
    world.call(request).unwrap();
    let outcome = polled(&mut world, poll).outcome.unwrap();
    assert!(matches!(outcome.value, Some(Value::Failure(_))));
    assert_eq!(refused(&mut world, describe_request()).0, Code::NotFound);
    assert!(list(&mut world, "").is_empty());
}

#[test]
fn a_start_needs_a_task_queue_and_a_timeout() {
    let mut world = World::new();
    let without_queue = StartActivityExecutionRequest {
        task_queue: None,
        ..start_request("charge")
    };
    assert_eq!(refused(&mut world, without_queue).1, "taskQueue is not set");
    let without_timeout = StartActivityExecutionRequest {
        start_to_close_timeout: None,
        ..start_request("charge")
    };
    let (code, message) = refused(&mut world, without_timeout);
    assert_eq!(code, Code::InvalidArgument);
    assert!(
        message.starts_with("a valid StartToCloseTimeout"),
        "{message}"
    );
}

#[test]
fn a_description_shows_the_callbacks_and_what_became_of_them() {
    let mut world = World::new();
    let callback = Callback {
        variant: Some(Variant::Nexus(Nexus {
            url: "temporal://system".to_owned(),
            header: [("Temporal-Callback-Token".to_owned(), "unknown".to_owned())].into(),
        })),
        ..Callback::default()
    };
    let request = StartActivityExecutionRequest {
        completion_callbacks: vec![callback.clone()],
        ..start_request("charge")
    };
    start(&mut world, request.clone());
    let callbacks = describe(&mut world).callbacks;
    let info = callbacks[0].info.as_ref().unwrap();
    assert_eq!(
        (
            info.state(),
            info.attempt,
            info.last_attempt_failure.as_ref()
        ),
        (CallbackState::Standby, 0, None)
    );
    let closed = trigger::Variant::ActivityClosed(ActivityClosed {});
    assert_eq!(callbacks[0].trigger.as_ref().unwrap().variant, Some(closed));
    // Nobody waits for an operation of this token.
    let started = world.activity_task();
    complete(&mut world, &started).unwrap();
    let info = describe(&mut world).callbacks[0].info.clone().unwrap();
    assert_eq!((info.state(), info.attempt), (CallbackState::Failed, 1));
    assert!(info.last_attempt_failure.is_some());

    let mut elsewhere = request;
    elsewhere.activity_id = "other".to_owned();
    elsewhere.completion_callbacks[0].variant = Some(Variant::Nexus(Nexus {
        url: "https://example.com".to_owned(),
        ..Nexus::default()
    }));
    assert_eq!(refused(&mut world, elsewhere).0, Code::InvalidArgument);
}
