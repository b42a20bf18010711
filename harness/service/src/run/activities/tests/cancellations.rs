//! Activities that are canceled.

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn cancelling_an_activity_without_a_worker_closes_it_at_once() {
    let mut world = with_activity(options());
    request_cancel(&mut world);
    assert_eq!(closings(&world), [EventType::ActivityTaskCanceled]);
    assert!(world.has_workflow_task());
    assert!(!world.has_activity_task());
}

#[test]
fn cancelling_an_activity_in_its_backoff_closes_it_at_once() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    fail(&mut world, &task, failure("not yet"));
    request_cancel(&mut world);
    assert_eq!(closings(&world), [EventType::ActivityTaskCanceled]);
    assert_eq!(world.service.next_due_ms(), None);
}

#[test]
fn a_heartbeat_tells_an_activity_of_its_cancellation_which_ends_its_retries() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    assert!(!heartbeat(&mut world, &task, None));
    assert!(!world.service.is_cancel_requested(&task.task_token));
    request_cancel(&mut world);
    assert!(world.service.is_cancel_requested(&task.task_token));
    assert_eq!(closings(&world), []);
    assert!(heartbeat(&mut world, &task, None));
    fail(&mut world, &task, failure("stopped"));
    assert_eq!(
        closings(&world),
        [
            EventType::ActivityTaskStarted,
            EventType::ActivityTaskFailed
        ]
    );
}

#[test]
fn a_cancel_request_to_the_run_counts_until_workflow_code_has_seen_it() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    let request = RequestCancelWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        ..RequestCancelWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
    assert!(world.service.is_cancel_requested(&task.task_token));
    world.run_workflow_task(vec![]);
    assert!(!world.service.is_cancel_requested(&task.task_token));
}

#[test]
fn an_activity_without_a_cancel_request_cannot_report_its_cancellation() {
    let mut world = with_activity(options());
    let task = world.activity_task();
    let request = RespondActivityTaskCanceledRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        ..RespondActivityTaskCanceledRequest::default()
    };
    assert_eq!(
        world.call(request.clone()).unwrap_err().code(),
        tonic::Code::InvalidArgument
    );
    request_cancel(&mut world);
    world.call(request).unwrap();
    assert_eq!(
        closings(&world),
        [
            EventType::ActivityTaskStarted,
            EventType::ActivityTaskCanceled
        ]
    );
}
