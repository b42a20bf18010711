//! Operations of a run that is reset.

use pretty_assertions::assert_eq;

use super::*;

/// Resets the run to the workflow task that ended with event 9.
#[track_caller]
fn reset(world: &mut World) {
    let request = ResetWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        workflow_task_finish_event_id: 9,
        request_id: "reset".to_owned(),
        ..ResetWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
}

#[test]
fn a_reset_run_waits_for_the_operations_that_it_scheduled() {
    let mut world = world(options());
    let task = start_async(&mut world, "token");
    world.run_workflow_task(vec![start_timer("1", 3_600_000)]);
    reset(&mut world);
    assert_eq!(
        of_nexus(&world),
        [NexusOperationScheduled, NexusOperationStarted]
    );
    world.call(completion(&task)).unwrap();
    assert_eq!(
        of_nexus(&world),
        [
            NexusOperationScheduled,
            NexusOperationStarted,
            NexusOperationCompleted
        ]
    );
}

#[test]
fn the_outcome_of_an_operation_after_the_reset_point_is_repeated() {
    let mut world = world(options());
    signal(&mut world);
    world.run_workflow_task(vec![]);
    let task = nexus_task(&mut world);
    succeed(&mut world, &task).unwrap();
    reset(&mut world);
    assert_eq!(
        of_nexus(&world),
        [NexusOperationScheduled, NexusOperationCompleted]
    );
    assert!(!has_nexus_task(&mut world));
}

/// One workflow task reports all changes, however many there are.
#[test]
fn an_operation_that_started_after_the_reset_point_has_started_for_the_new_run() {
    let mut world = world(options());
    signal(&mut world);
    world.run_workflow_task(vec![]);
    start_async(&mut world, "token");
    reset(&mut world);
    assert_eq!(
        world.event_types("order")[8..],
        [
            WorkflowTaskFailed,
            NexusOperationStarted,
            WorkflowTaskScheduled
        ]
    );
}
