//! The command that schedules an operation.

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn the_timeouts_of_an_operation_are_limited_by_its_run_and_each_other() {
    let mut world = World::new();
    world.service.create_nexus_endpoint(ENDPOINT, HANDLERS);
    let start = StartWorkflowExecutionRequest {
        workflow_run_timeout: Some(duration(60_000)),
        ..start_request("order")
    };
    world.call(start).unwrap();
    world.run_workflow_task(vec![schedule(ScheduleNexusOperationCommandAttributes {
        start_to_close_timeout: Some(duration(90_000)),
        ..options()
    })]);
    let Attributes::NexusOperationScheduledEventAttributes(scheduled) =
        attributes(&world, NexusOperationScheduled)
    else {
        panic!("not its attributes");
    };
    assert_eq!(scheduled.schedule_to_close_timeout, Some(duration(60_000)));
    assert_eq!(scheduled.start_to_close_timeout, Some(duration(60_000)));
    assert_eq!(scheduled.schedule_to_start_timeout, None);
    let task = nexus_task(&mut world);
    assert_eq!(task.request.unwrap().header["operation-timeout"], "60000ms");
}

#[test]
fn an_unknown_endpoint_fails_the_task() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    let refused = world
        .complete(&task, vec![schedule(options())])
        .unwrap_err();
    assert_eq!(
        refused.message(),
        "BadScheduleNexusOperationAttributes: endpoint \"bank\" not found"
    );
    assert_eq!(Reason::of(&refused), Some(Reason::UnknownNexusEndpoint));
    let Attributes::WorkflowTaskFailedEventAttributes(failed) =
        attributes(&world, WorkflowTaskFailed)
    else {
        panic!("not its attributes");
    };
    assert_eq!(
        failed.cause(),
        WorkflowTaskFailedCause::BadScheduleNexusOperationAttributes
    );
}

#[test]
fn a_service_without_nexus_names_the_missing_feature() {
    let mut world = World::with(ServiceConfig {
        nexus: false,
        ..ServiceConfig::default()
    });
    world.start("order");
    let task = world.workflow_task();
    let refused = world
        .complete(&task, vec![schedule(options())])
        .unwrap_err();
    assert!(
        refused.message().contains("ScheduleNexusOperation"),
        "{}",
        refused.message()
    );
    assert!(
        refused.message().contains("feature `nexus`"),
        "{}",
        refused.message()
    );
    assert_eq!(world.call(poll()).unwrap_err().code(), Code::Unimplemented);
}

#[test]
fn headers_arrive_in_lower_case_and_some_are_the_servers_own() {
    let with = |key: &str| ScheduleNexusOperationCommandAttributes {
        nexus_header: [(key.to_owned(), "value".to_owned())].into(),
        ..options()
    };
    let mut world = world(with("Trace-Id"));
    let task = nexus_task(&mut world);
    assert_eq!(task.request.unwrap().header["trace-id"], "value");
    signal(&mut world);
    let task = world.workflow_task();
    let refused = world
        .complete(&task, vec![schedule(with("Request-Timeout"))])
        .unwrap_err();
    assert!(
        refused.message().contains("disallowed header key"),
        "{}",
        refused.message()
    );
}

#[test]
fn at_most_thirty_operations_are_pending() {
    let mut world = World::new();
    world.service.create_nexus_endpoint(ENDPOINT, HANDLERS);
    world.start("order");
    let task = world.workflow_task();
    let refused = world
        .complete(&task, (0..31).map(|_| schedule(options())).collect())
        .unwrap_err();
    assert!(
        refused
            .message()
            .starts_with("PendingNexusOperationsLimitExceeded"),
        "{}",
        refused.message()
    );
    world.run_workflow_task((0..30).map(|_| schedule(options())).collect());
    assert_eq!(of_nexus(&world).len(), 30);
}

#[test]
fn an_operation_without_input_gets_a_payload_that_is_null() {
    let mut world = world(ScheduleNexusOperationCommandAttributes {
        input: None,
        ..options()
    });
    let task = nexus_task(&mut world);
    let input = start_of(&task).payload.as_ref().expect("a payload");
    assert_eq!(input.metadata["encoding"], b"binary/null");
    assert!(input.data.is_empty());
}
