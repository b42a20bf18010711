//! The actions of runs on each other, as both histories show them.

mod endings;
mod external_workflows;

use pretty_assertions::assert_eq;

use crate::{
    api::{
        Attributes, HistoryEvent, WorkflowExecution,
        command::{command::Attributes as Command, *},
        common::WorkflowType,
        enums::{
            EventType::{self, *},
            ParentClosePolicy, ResetReapplyExcludeType, StartChildWorkflowExecutionFailedCause,
            WorkflowExecutionStatus,
        },
        failure::Failure,
        rpc::*,
    },
    base::time::duration,
    testing::*,
};

fn start_child(workflow_id: &str, policy: ParentClosePolicy) -> Command {
    Command::StartChildWorkflowExecutionCommandAttributes(child_attributes(workflow_id, policy))
}

fn child_attributes(
    workflow_id: &str,
    policy: ParentClosePolicy,
) -> StartChildWorkflowExecutionCommandAttributes {
    StartChildWorkflowExecutionCommandAttributes {
        workflow_id: workflow_id.to_owned(),
        workflow_type: Some(WorkflowType {
            name: "Child".to_owned(),
        }),
        task_queue: queue("children"),
        parent_close_policy: policy.into(),
        ..StartChildWorkflowExecutionCommandAttributes::default()
    }
}

fn poll_children() -> PollWorkflowTaskQueueRequest {
    PollWorkflowTaskQueueRequest {
        task_queue: queue("children"),
        ..poll_request()
    }
}

fn run_child_task(world: &mut World, commands: Vec<Command>) {
    let task = world.workflow_task_on(poll_children());
    world.complete(&task, commands).unwrap();
    world.pass(0);
}

fn run_task(world: &mut World, commands: Vec<Command>) {
    world.run_workflow_task(commands);
    world.pass(0);
}

fn fail_workflow(message: &str) -> Command {
    Command::FailWorkflowExecutionCommandAttributes(FailWorkflowExecutionCommandAttributes {
        failure: Some(Failure {
            message: message.to_owned(),
            ..Failure::default()
        }),
    })
}

/// Returns a world with a parent whose child is open; the parent has completed the task about the
/// start.
fn parent_and_child(policy: ParentClosePolicy) -> World {
    let mut world = World::new();
    world.start("parent");
    run_task(&mut world, vec![start_child("child", policy)]);
    run_task(&mut world, vec![]);
    world
}

fn signal(world: &mut World, workflow_id: &str) {
    let request = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(workflow_id),
        signal_name: "go".to_owned(),
        ..SignalWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
}

fn tail(world: &World, workflow_id: &str, count: usize) -> Vec<EventType> {
    let events = world.event_types(workflow_id);
    events[events.len() - count..].to_vec()
}

fn last_of<'a>(world: &'a World, workflow_id: &str, event_type: EventType) -> &'a HistoryEvent {
    world
        .history(workflow_id)
        .iter()
        .rev()
        .find(|event| event.event_type() == event_type)
        .unwrap()
}

#[test]
fn a_child_is_initiated_then_started_then_closed() {
    let mut world = World::new();
    world.start("parent");
    world.run_workflow_task(vec![start_child("child", ParentClosePolicy::Terminate)]);
    assert_eq!(
        world.last_event("parent").event_type(),
        StartChildWorkflowExecutionInitiated
    );
    assert!(
        world.service.history("child", None).is_none(),
        "a transaction of its own starts it"
    );
    world.pass(0);
    run_task(&mut world, vec![]);
    run_child_task(&mut world, vec![complete_workflow("done")]);
    assert_eq!(
        world.event_types("parent")[4..],
        [
            StartChildWorkflowExecutionInitiated,
            ChildWorkflowExecutionStarted,
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskCompleted,
            ChildWorkflowExecutionCompleted,
            WorkflowTaskScheduled,
        ]
    );
    let completed = last_of(&world, "parent", ChildWorkflowExecutionCompleted);
    let Some(Attributes::ChildWorkflowExecutionCompletedEventAttributes(completed)) =
        &completed.attributes
    else {
        panic!("{completed:?}")
    };
    assert_eq!(
        (completed.initiated_event_id, completed.started_event_id),
        (5, 6)
    );
    assert_eq!(completed.result, payloads("done"));
}

#[test]
fn a_child_knows_its_parent_and_its_root() {
    let world = parent_and_child(ParentClosePolicy::Terminate);
    let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) =
        &world.history("child")[0].attributes
    else {
        panic!("not started")
    };
    assert_eq!(
        started
            .parent_workflow_execution
            .as_ref()
            .unwrap()
            .workflow_id,
        "parent"
    );
    assert_eq!(started.parent_initiated_event_id, 5);
    assert_eq!(
        started.root_workflow_execution,
        started.parent_workflow_execution
    );
    assert_eq!(started.workflow_task_timeout, Some(duration(10_000)));
}

#[test]
fn a_child_whose_id_is_taken_fails_to_start() {
    let mut world = World::new();
    world.start("taken");
    world.start("parent");
    let task = world.workflow_task();
    assert_eq!(
        task.workflow_execution.as_ref().unwrap().workflow_id,
        "taken"
    );
    run_task(
        &mut world,
        vec![start_child("taken", ParentClosePolicy::Terminate)],
    );
    let failed = last_of(&world, "parent", StartChildWorkflowExecutionFailed);
    let Some(Attributes::StartChildWorkflowExecutionFailedEventAttributes(failed)) =
        &failed.attributes
    else {
        panic!("{failed:?}")
    };
    assert_eq!(
        failed.cause(),
        StartChildWorkflowExecutionFailedCause::WorkflowAlreadyExists
    );
    assert_eq!(
        world.last_event("parent").event_type(),
        WorkflowTaskScheduled
    );
}

#[test]
fn a_parent_that_closes_first_never_starts_its_child() {
    let mut world = World::new();
    world.start("parent");
    let abandoned = start_child("child", ParentClosePolicy::Abandon);
    run_task(&mut world, vec![abandoned, complete_workflow("")]);
    assert!(world.service.history("child", None).is_none());
}

#[test]
fn a_childs_start_and_close_during_one_task_reach_the_parent_together() {
    let mut world = World::new();
    world.start("parent");
    run_task(
        &mut world,
        vec![
            start_timer("1", 5_000),
            start_child("child", ParentClosePolicy::Terminate),
        ],
    );
    let task = world.workflow_task();
    world.complete(&task, vec![]).unwrap();
    world.pass(5_000);
    let task = world.workflow_task();
    run_child_task(&mut world, vec![complete_workflow("")]);
    assert_eq!(
        world.last_event("parent").event_type(),
        WorkflowTaskStarted,
        "it waits in the buffer"
    );
    world.complete(&task, vec![]).unwrap();
    assert_eq!(
        tail(&world, "parent", 2),
        [ChildWorkflowExecutionCompleted, WorkflowTaskScheduled]
    );
}

/// Source: `temporalio/temporal: service/history/api/recordchildworkflowcompleted/api.go`
/// (`recordStartedEventIfMissing`).
#[test]
fn a_reset_parent_learns_of_its_childs_start_with_an_end_that_comes_first() {
    let mut world = World::new();
    world.start("parent");
    world.run_workflow_task(vec![start_child("child", ParentClosePolicy::Terminate)]);
    signal(&mut world, "parent");
    let task = world.workflow_task();
    world.pass(0);
    world.complete(&task, vec![]).unwrap();
    #[allow(deprecated, reason = "the server counts it still")]
    let kinds = [
        ResetReapplyExcludeType::Signal,
        ResetReapplyExcludeType::Update,
        ResetReapplyExcludeType::Nexus,
        ResetReapplyExcludeType::CancelRequest,
    ];
    let reset = ResetWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("parent"),
        workflow_task_finish_event_id: 9,
        request_id: "reset".to_owned(),
        reset_reapply_exclude_types: kinds.map(i32::from).to_vec(),
        ..ResetWorkflowExecutionRequest::default()
    };
    world.call(reset).unwrap();
    assert_eq!(
        tail(&world, "parent", 2),
        [WorkflowTaskFailed, WorkflowTaskScheduled],
        "nothing is told again"
    );
    let task = world.workflow_task_on(poll_children());
    world
        .complete(&task, vec![complete_workflow("done")])
        .unwrap();
    // The reset parent asks for its child too, but the child's end comes first.
    world.service.fire(world.now_ms, 0);
    assert_eq!(
        tail(&world, "parent", 2),
        [
            ChildWorkflowExecutionStarted,
            ChildWorkflowExecutionCompleted
        ]
    );
}
