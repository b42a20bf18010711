//! Requests to cancel an operation.

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn a_request_to_cancel_is_answered_before_the_operation_ends() {
    let mut world = world(options());
    let task = start_async(&mut world, "token");
    world.run_workflow_task(vec![cancel(SCHEDULED)]);
    let asked = nexus_task(&mut world);
    assert_eq!(cancel_of(&asked).operation_token, "token");
    answer(
        &mut world,
        &asked,
        response::Variant::CancelOperation(nexus::CancelOperationResponse {}),
    )
    .unwrap();
    let ended = CompleteNexusOperationRequest {
        failure: Some(canceled()),
        ..completion(&task)
    };
    world.call(ended).unwrap();
    assert_eq!(
        of_nexus(&world),
        [
            NexusOperationScheduled,
            NexusOperationStarted,
            NexusOperationCancelRequested,
            NexusOperationCancelRequestCompleted,
            NexusOperationCanceled
        ]
    );
}

#[test]
fn a_request_to_cancel_waits_for_the_operation_to_start() {
    let mut world = world(options());
    let task = nexus_task(&mut world);
    signal(&mut world);
    world.run_workflow_task(vec![cancel(SCHEDULED)]);
    assert!(!has_nexus_task(&mut world));
    let started = start::Async {
        operation_token: "token".to_owned(),
        ..start::Async::default()
    };
    answer_start(&mut world, &task, start::Variant::AsyncSuccess(started)).unwrap();
    cancel_of(&nexus_task(&mut world));
}

#[test]
fn a_request_to_cancel_is_retried_or_fails_as_its_handler_says() {
    let mut world = world(options());
    start_async(&mut world, "token");
    world.run_workflow_task(vec![cancel(SCHEDULED)]);
    let first = nexus_task(&mut world);
    fail(&mut world, &first, handler_failure("UNAVAILABLE", "down")).unwrap();
    world.pass(1_000);
    let second = nexus_task(&mut world);
    fail(
        &mut world,
        &second,
        handler_failure("NOT_IMPLEMENTED", "cannot cancel"),
    )
    .unwrap();
    let Attributes::NexusOperationCancelRequestFailedEventAttributes(refused) =
        attributes(&world, NexusOperationCancelRequestFailed)
    else {
        panic!("not its attributes");
    };
    assert_eq!(
        refused.failure,
        Some(handler_failure("NOT_IMPLEMENTED", "cannot cancel"))
    );
    assert_eq!(refused.scheduled_event_id, SCHEDULED);
    let event = world
        .history("order")
        .iter()
        .find(|event| event.event_id == refused.requested_event_id);
    assert_eq!(event.unwrap().event_type(), NexusOperationCancelRequested);
    assert_eq!(pending(&mut world).cancellation_info.unwrap().attempt, 2);
}

#[test]
fn a_repeated_cancel_request_and_one_for_no_operation_fail_the_task() {
    let mut world = world(options());
    start_async(&mut world, "token");
    let task = world.workflow_task();
    let refused = world
        .complete(&task, vec![cancel(SCHEDULED), cancel(SCHEDULED)])
        .unwrap_err();
    assert!(
        refused.message().contains("already requested"),
        "{}",
        refused.message()
    );
    assert_eq!(
        of_nexus(&world),
        [NexusOperationScheduled, NexusOperationStarted]
    );
    assert!(!has_nexus_task(&mut world));
}

#[test]
fn a_cancel_request_for_an_operation_that_closed_unseen_is_accepted() {
    let mut world = world(options());
    let task = start_async(&mut world, "token");
    let workflow_task = world.workflow_task();
    world.call(completion(&task)).unwrap();
    world
        .complete(&workflow_task, vec![cancel(SCHEDULED)])
        .unwrap();
    assert_eq!(
        of_nexus(&world),
        [
            NexusOperationScheduled,
            NexusOperationStarted,
            NexusOperationCancelRequested,
            NexusOperationCompleted
        ]
    );
}
