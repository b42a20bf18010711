//! Requests to the handler of an operation.

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn a_handler_error_is_retried_unless_it_or_its_type_forbids_that() {
    let mut world = self::world(options());
    let first = nexus_task(&mut world);
    fail(&mut world, &first, handler_failure("INTERNAL", "down")).unwrap();
    assert!(!has_nexus_task(&mut world));
    let info = pending(&mut world);
    assert_eq!(
        (info.attempt, info.last_attempt_failure),
        (1, Some(handler_failure("INTERNAL", "down")))
    );
    world.pass(999);
    assert!(!has_nexus_task(&mut world));
    world.pass(1);
    let second = nexus_task(&mut world);
    assert_eq!(start_of(&first).request_id, start_of(&second).request_id);
    fail(&mut world, &second, handler_failure("INTERNAL", "down")).unwrap();
    world.pass(2_000);
    let third = nexus_task(&mut world);
    fail(
        &mut world,
        &third,
        handler_failure("NOT_FOUND", "no such operation"),
    )
    .unwrap();
    assert_eq!(
        failed(&world),
        handler_failure("NOT_FOUND", "no such operation")
    );

    let mut world = self::world(options());
    let task = nexus_task(&mut world);
    let info = NexusHandlerFailureInfo {
        r#type: "INTERNAL".to_owned(),
        retry_behavior: 2,
    };
    let failure = Failure {
        failure_info: Some(FailureInfo::NexusHandlerFailureInfo(info)),
        ..Failure::default()
    };
    fail(&mut world, &task, failure.clone()).unwrap();
    assert_eq!(failed(&world), failure);
}

#[test]
fn a_request_without_an_answer_is_given_up_after_nine_seconds() {
    let mut world = world(options());
    let task = nexus_task(&mut world);
    assert_eq!(
        task.request.as_ref().unwrap().header["request-timeout"],
        "9000ms"
    );
    world.pass(9_000);
    assert_eq!(
        succeed(&mut world, &task).unwrap_err().code(),
        Code::NotFound
    );
    world.pass(1_000);
    let again = nexus_task(&mut world);
    assert_eq!(start_of(&task).request_id, start_of(&again).request_id);
    succeed(&mut world, &again).unwrap();
    assert_eq!(
        of_nexus(&world),
        [NexusOperationScheduled, NexusOperationCompleted]
    );
}

#[test]
fn requests_to_an_absent_handler_become_less_frequent() {
    let mut world = world(options());
    world.pass(9_000 + 1_000 + 9_000 + 2_000);
    assert_eq!(pending(&mut world).attempt, 2);
    world.pass(24 * 3_600_000);
    let info = pending(&mut world);
    let (next, last) = (
        info.next_attempt_schedule_time,
        info.last_attempt_complete_time,
    );
    let wait = next.and_then(|next| Some(next.seconds - last?.seconds));
    assert!(wait.is_none_or(|seconds| seconds == 3600), "{info:?}");
    assert_eq!(of_nexus(&world), [NexusOperationScheduled]);
}

#[test]
fn without_time_for_a_request_the_operation_times_out_at_once() {
    let mut world = world(ScheduleNexusOperationCommandAttributes {
        schedule_to_close_timeout: Some(duration(1_499)),
        ..options()
    });
    assert_eq!(timed_out(&world), TimeoutType::ScheduleToClose);
    assert!(!has_nexus_task(&mut world));
}
