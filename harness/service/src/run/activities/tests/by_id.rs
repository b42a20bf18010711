//! Requests of clients that name an activity by its id.

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn an_activity_is_completed_by_its_id_even_between_attempts() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    fail(&mut world, &task, failure("not yet"));
    let request = RespondActivityTaskCompletedByIdRequest {
        namespace: "default".to_owned(),
        workflow_id: "order".to_owned(),
        activity_id: "1".to_owned(),
        identity: "somebody".to_owned(),
        ..RespondActivityTaskCompletedByIdRequest::default()
    };
    world.call(request.clone()).unwrap();
    assert_eq!(
        closings(&world),
        [
            EventType::ActivityTaskStarted,
            EventType::ActivityTaskCompleted
        ]
    );
    assert_eq!(
        world.call(request).unwrap_err().code(),
        tonic::Code::NotFound
    );
}

#[test]
fn an_activity_heartbeats_by_its_id() {
    let mut world = with_activity(options());
    world.activity_task();
    let request = RecordActivityTaskHeartbeatByIdRequest {
        namespace: "default".to_owned(),
        workflow_id: "order".to_owned(),
        activity_id: "1".to_owned(),
        ..RecordActivityTaskHeartbeatByIdRequest::default()
    };
    request_cancel(&mut world);
    match world.call(request) {
        Ok(Response::RecordActivityTaskHeartbeatById(response)) => {
            assert!(response.cancel_requested);
        }
        other => panic!("not its response: {other:?}"),
    }
}

#[test]
fn an_activity_fails_by_its_id_and_is_retried() {
    let mut world = with_activity(options());
    world.activity_task();
    let request = RespondActivityTaskFailedByIdRequest {
        namespace: "default".to_owned(),
        workflow_id: "order".to_owned(),
        activity_id: "1".to_owned(),
        failure: Some(failure("not yet")),
        ..RespondActivityTaskFailedByIdRequest::default()
    };
    world.call(request).unwrap();
    world.pass(1_000);
    assert_eq!(world.activity_task().attempt, 2);
}

#[test]
fn an_activity_is_canceled_by_its_id() {
    let mut world = with_activity(options());
    world.activity_task();
    request_cancel(&mut world);
    let request = RespondActivityTaskCanceledByIdRequest {
        namespace: "default".to_owned(),
        workflow_id: "order".to_owned(),
        activity_id: "1".to_owned(),
        ..RespondActivityTaskCanceledByIdRequest::default()
    };
    world.call(request).unwrap();
    assert_eq!(
        closings(&world),
        [
            EventType::ActivityTaskStarted,
            EventType::ActivityTaskCanceled
        ]
    );
}
