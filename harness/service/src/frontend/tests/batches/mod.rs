//! Batch operations, as operators see them.

mod requests;

use pretty_assertions::assert_eq;
use tonic::Code;

use super::*;
use crate::api::{
    activity::ActivityOptions,
    batch::{
        BatchOperationCancelActivities, BatchOperationCancellation, BatchOperationDeleteActivities,
        BatchOperationDeletion, BatchOperationReset, BatchOperationResetActivities,
        BatchOperationSignal, BatchOperationTerminateActivities, BatchOperationTermination,
        BatchOperationUnpauseActivities, BatchOperationUpdateActivityOptions,
        BatchOperationUpdateWorkflowExecutionOptions, batch_operation_reset_activities,
        batch_operation_unpause_activities, batch_operation_update_activity_options,
    },
    command::{ScheduleActivityTaskCommandAttributes, command::Attributes as Command},
    common::{ActivityType, Execution, Priority, ResetOptions, reset_options},
    enums::{BatchOperationState, BatchOperationType, ExecutionType, ResetType},
    rpc::start_batch_operation_request::Operation,
    workflow::WorkflowExecutionOptions,
};

const ALL: &str = "WorkflowType = 'Workflow'";

/// Returns the request for a job about all workflows of these tests.
fn job(operation: Operation) -> StartBatchOperationRequest {
    StartBatchOperationRequest {
        namespace: "default".to_owned(),
        job_id: "job".to_owned(),
        reason: "the shop is closed".to_owned(),
        visibility_query: ALL.to_owned(),
        operation: Some(operation),
        ..StartBatchOperationRequest::default()
    }
}

fn termination() -> Operation {
    Operation::TerminationOperation(BatchOperationTermination {
        identity: "ann".to_owned(),
        ..BatchOperationTermination::default()
    })
}

fn signal() -> Operation {
    Operation::SignalOperation(BatchOperationSignal {
        signal: "close".to_owned(),
        input: payloads("now"),
        identity: "ann".to_owned(),
        ..BatchOperationSignal::default()
    })
}

/// Returns a world with three open workflows, each after its first task, and one that has closed.
fn world() -> World {
    let mut world = World::new();
    for id in ["order-1", "order-2", "order-3"] {
        world.start(id);
        world.run_workflow_task(vec![start_timer("1", 3_600_000)]);
    }
    world.start("closed");
    world.run_workflow_task(vec![complete_workflow("done")]);
    world
}

fn describe(world: &mut World) -> DescribeBatchOperationResponse {
    let request = DescribeBatchOperationRequest {
        namespace: "default".to_owned(),
        job_id: "job".to_owned(),
    };
    match world.call(request) {
        Ok(Response::DescribeBatchOperation(description)) => *description,
        other => panic!("not a description: {other:?}"),
    }
}

/// Runs a job to its end, and returns its state and the numbers of executions: all, those for which
/// it succeeded, and those for which it failed.
#[track_caller]
fn run(world: &mut World, request: StartBatchOperationRequest) -> (BatchOperationState, [i64; 3]) {
    world.call(request).expect("a job that starts");
    world.pass(60_000);
    let job = describe(world);
    let counts = [
        job.total_operation_count,
        job.complete_operation_count,
        job.failure_operation_count,
    ];
    (job.state(), counts)
}

#[track_caller]
fn refused(world: &mut World, request: impl Into<Request>) -> (Code, String) {
    let status = world.call(request).expect_err("a refusal");
    (status.code(), status.message().to_owned())
}

fn last_types(world: &World) -> [EventType; 3] {
    ["order-1", "order-2", "order-3"].map(|id| world.last_event(id).event_type())
}

#[test]
fn the_open_workflows_that_a_query_finds_are_terminated() {
    let mut world = world();
    let ran = run(&mut world, job(termination()));
    assert_eq!(ran, (BatchOperationState::Completed, [3, 3, 0]));
    assert_eq!(last_types(&world), [WorkflowExecutionTerminated; 3]);
    let Some(Attributes::WorkflowExecutionTerminatedEventAttributes(terminated)) =
        &world.last_event("order-1").attributes
    else {
        panic!("not terminated")
    };
    assert_eq!(terminated.reason, "the shop is closed");
    assert_eq!(
        world.last_event("closed").event_type(),
        WorkflowExecutionCompleted
    );
}

#[test]
fn workflows_are_cancelled_and_signalled_by_a_list() {
    let mut world = world();
    let listed = StartBatchOperationRequest {
        visibility_query: String::new(),
        target_executions: ["order-1", "order-3", "unknown"]
            .map(|id| Execution {
                r#type: ExecutionType::Workflow.into(),
                business_id: id.to_owned(),
                run_id: String::new(),
            })
            .into(),
        ..job(signal())
    };
    // A workflow that is not there counts as done.
    let ran = run(&mut world, listed.clone());
    assert_eq!(ran, (BatchOperationState::Completed, [3, 3, 0]));
    let signaled = |world: &World, id: &str| {
        let types = world.event_types(id);
        types.contains(&WorkflowExecutionSignaled)
    };
    assert!(signaled(&world, "order-1") && signaled(&world, "order-3"));
    assert!(!signaled(&world, "order-2"));

    let cancel = Operation::CancellationOperation(BatchOperationCancellation::default());
    #[allow(deprecated, reason = "clients still send the older list")]
    let older = StartBatchOperationRequest {
        visibility_query: String::new(),
        executions: vec![execution("order-2").unwrap()],
        job_id: "another".to_owned(),
        ..job(cancel)
    };
    world.call(older).unwrap();
    world.pass(0);
    assert!(
        world
            .event_types("order-2")
            .contains(&WorkflowExecutionCancelRequested)
    );
}

#[test]
fn closed_workflows_are_deleted_too() {
    let mut world = world();
    let delete = Operation::DeletionOperation(BatchOperationDeletion::default());
    let ran = run(&mut world, job(delete));
    assert_eq!(ran, (BatchOperationState::Completed, [4, 4, 0]));
    assert_eq!(world.service.executions().count(), 0);
}

#[test]
fn workflows_are_reset_to_their_first_or_last_task() {
    for older in [true, false] {
        let mut world = world();
        let mut reset = BatchOperationReset::default();
        if older {
            #[allow(deprecated, reason = "clients still send the older field")]
            reset.set_reset_type(ResetType::LastWorkflowTask);
        } else {
            reset.options = Some(ResetOptions {
                target: Some(reset_options::Target::FirstWorkflowTask(())),
                ..ResetOptions::default()
            });
        }
        let ran = run(&mut world, job(Operation::ResetOperation(reset)));
        assert_eq!(ran, (BatchOperationState::Completed, [4, 4, 0]));
        assert_eq!(
            world.event_types("closed"),
            [
                WorkflowExecutionStarted,
                WorkflowTaskScheduled,
                WorkflowTaskStarted,
                WorkflowTaskFailed,
                WorkflowTaskScheduled
            ]
        );
    }
}

#[test]
fn workflows_get_other_options() {
    let mut world = world();
    let urgent = Priority {
        priority_key: 1,
        ..Priority::default()
    };
    let update = BatchOperationUpdateWorkflowExecutionOptions {
        workflow_execution_options: Some(WorkflowExecutionOptions {
            priority: Some(urgent),
            ..WorkflowExecutionOptions::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["priority".to_owned()],
        }),
        ..BatchOperationUpdateWorkflowExecutionOptions::default()
    };
    let update = Operation::UpdateWorkflowOptionsOperation(update);
    let ran = run(&mut world, job(update));
    assert_eq!(ran, (BatchOperationState::Completed, [3, 3, 0]));
    assert!(
        world
            .event_types("order-1")
            .contains(&WorkflowExecutionOptionsUpdated)
    );
}

/// Returns a world with two workflows, each with an activity of its own type; those of the type
/// `Charge` are paused.
fn with_activities() -> World {
    let mut world = World::new();
    for (id, name) in [("order-1", "Charge"), ("order-2", "Ship")] {
        world.start(id);
        let activity = ScheduleActivityTaskCommandAttributes {
            activity_id: "1".to_owned(),
            activity_type: Some(ActivityType {
                name: name.to_owned(),
            }),
            task_queue: queue(TASK_QUEUE),
            start_to_close_timeout: Some(duration(10_000)),
            ..ScheduleActivityTaskCommandAttributes::default()
        };
        world.run_workflow_task(vec![Command::ScheduleActivityTaskCommandAttributes(
            activity,
        )]);
    }
    let pause = PauseActivityRequest {
        namespace: "default".to_owned(),
        execution: execution("order-1"),
        activity: Some(pause_activity_request::Activity::Id("1".to_owned())),
        ..PauseActivityRequest::default()
    };
    world.call(pause).unwrap();
    world
}

fn activity(world: &mut World, workflow_id: &str) -> crate::api::workflow::PendingActivityInfo {
    let request = DescribeWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        execution: execution(workflow_id),
    };
    match world.call(request) {
        Ok(Response::DescribeWorkflowExecution(mut it)) => it.pending_activities.remove(0),
        other => panic!("not a description: {other:?}"),
    }
}

#[test]
fn the_paused_activities_of_a_type_are_unpaused_wherever_they_are() {
    let mut world = with_activities();
    assert!(activity(&mut world, "order-1").paused);
    let unpause = BatchOperationUnpauseActivities {
        activity: Some(batch_operation_unpause_activities::Activity::Type(
            "Charge".to_owned(),
        )),
        ..BatchOperationUnpauseActivities::default()
    };
    let ran = run(
        &mut world,
        job(Operation::UnpauseActivitiesOperation(unpause)),
    );
    assert_eq!(ran, (BatchOperationState::Completed, [1, 1, 0]));
    assert!(!activity(&mut world, "order-1").paused);
}

#[test]
fn activities_are_reset_and_get_other_options() {
    let mut world = with_activities();
    let update = BatchOperationUpdateActivityOptions {
        activity: Some(batch_operation_update_activity_options::Activity::MatchAll(
            true,
        )),
        activity_options: Some(ActivityOptions {
            task_queue: queue("elsewhere"),
            ..ActivityOptions::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["task_queue.name".to_owned()],
        }),
        ..BatchOperationUpdateActivityOptions::default()
    };
    let update = Operation::UpdateActivityOptionsOperation(update);
    let ran = run(&mut world, job(update));
    assert_eq!(ran, (BatchOperationState::Completed, [2, 2, 0]));
    for id in ["order-1", "order-2"] {
        let options = activity(&mut world, id).activity_options.unwrap();
        assert_eq!(options.task_queue.unwrap().name, "elsewhere");
    }

    let reset = BatchOperationResetActivities {
        activity: Some(batch_operation_reset_activities::Activity::MatchAll(true)),
        ..BatchOperationResetActivities::default()
    };
    let again = StartBatchOperationRequest {
        job_id: "reset".to_owned(),
        ..job(Operation::ResetActivitiesOperation(reset))
    };
    world.call(again).unwrap();
    world.pass(0);
    assert!(!activity(&mut world, "order-1").paused);
}

#[test]
fn standalone_activities_are_cancelled_terminated_and_deleted() {
    let mut world = World::new();
    for id in ["charge-1", "charge-2"] {
        let request = StartActivityExecutionRequest {
            namespace: "default".to_owned(),
            activity_id: id.to_owned(),
            activity_type: Some(ActivityType {
                name: "Charge".to_owned(),
            }),
            task_queue: queue(TASK_QUEUE),
            start_to_close_timeout: Some(duration(10_000)),
            ..StartActivityExecutionRequest::default()
        };
        world.call(request).unwrap();
    }
    let of_charges = |job_id: &str, operation: Operation| StartBatchOperationRequest {
        job_id: job_id.to_owned(),
        visibility_query: "ActivityType = 'Charge'".to_owned(),
        ..job(operation)
    };
    let terminate = BatchOperationTerminateActivities {
        identity: "ann".to_owned(),
        reason: "the shop is closed".to_owned(),
    };
    let terminate = of_charges("job", Operation::TerminateActivitiesOperation(terminate));
    let ran = run(&mut world, terminate);
    assert_eq!(ran, (BatchOperationState::Completed, [2, 2, 0]));
    assert_eq!(world.service.open_executions(), 0);

    // Those that have closed are not found any more, unless they are to be deleted.
    let cancel = BatchOperationCancelActivities::default();
    let cancel = of_charges("cancel", Operation::CancelActivitiesOperation(cancel));
    world.call(cancel).unwrap();
    world.pass(0);
    let delete = BatchOperationDeleteActivities::default();
    let delete = of_charges("delete", Operation::DeleteActivitiesOperation(delete));
    world.call(delete).unwrap();
    world.pass(0);
    let count = CountActivityExecutionsRequest {
        namespace: "default".to_owned(),
        ..CountActivityExecutionsRequest::default()
    };
    let Ok(Response::CountActivityExecutions(count)) = world.call(count) else {
        panic!("no count")
    };
    assert_eq!(count.count, 0);
}

#[test]
fn an_execution_that_fails_is_tried_fifty_times_more_and_counts_as_failed() {
    let mut world = World::new();
    world.start("order");
    // Before its first task, a workflow has no event that it could be reset to.
    let reset = BatchOperationReset {
        options: Some(ResetOptions {
            target: Some(reset_options::Target::WorkflowTaskId(77)),
            ..ResetOptions::default()
        }),
        ..BatchOperationReset::default()
    };
    world.call(job(Operation::ResetOperation(reset))).unwrap();
    world.pass(0);
    assert_eq!(describe(&mut world).state(), BatchOperationState::Running);
    world.pass(20);
    let job = describe(&mut world);
    assert_eq!(job.state(), BatchOperationState::Completed);
    assert_eq!(
        (job.complete_operation_count, job.failure_operation_count),
        (0, 1)
    );
}

#[test]
fn after_fifty_executions_a_job_does_fifty_a_second() {
    let mut world = World::new();
    for number in 0..75 {
        world.start(&format!("order-{number}"));
    }
    world.call(job(termination())).unwrap();
    world.pass(0);
    assert_eq!(world.service.open_executions(), 25 + 1);
    world.pass(499);
    assert_eq!(describe(&mut world).state(), BatchOperationState::Running);
    assert_eq!(world.service.open_executions(), 1 + 1);
    world.pass(1);
    assert_eq!(describe(&mut world).state(), BatchOperationState::Completed);
}
