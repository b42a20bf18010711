//! The actions of runs on each other, as both histories show them.

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

fn signal_external(workflow_id: &str) -> Command {
    Command::SignalExternalWorkflowExecutionCommandAttributes(
        SignalExternalWorkflowExecutionCommandAttributes {
            execution: Some(WorkflowExecution {
                workflow_id: workflow_id.to_owned(),
                run_id: String::new(),
            }),
            signal_name: "paid".to_owned(),
            ..SignalExternalWorkflowExecutionCommandAttributes::default()
        },
    )
}

fn cancel_external(workflow_id: &str) -> Command {
    Command::RequestCancelExternalWorkflowExecutionCommandAttributes(
        RequestCancelExternalWorkflowExecutionCommandAttributes {
            workflow_id: workflow_id.to_owned(),
            ..RequestCancelExternalWorkflowExecutionCommandAttributes::default()
        },
    )
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

fn status(world: &World, workflow_id: &str) -> WorkflowExecutionStatus {
    let key = world.service.executions.current(workflow_id).unwrap();
    world.service.executions.run(key).state.status
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
fn a_closed_parent_terminates_cancels_or_abandons_its_child() {
    for (policy, expected) in [
        (
            ParentClosePolicy::Terminate,
            WorkflowExecutionStatus::Terminated,
        ),
        (
            ParentClosePolicy::RequestCancel,
            WorkflowExecutionStatus::Running,
        ),
        (ParentClosePolicy::Abandon, WorkflowExecutionStatus::Running),
    ] {
        let mut world = parent_and_child(policy);
        let request = SignalWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_execution: execution("parent"),
            signal_name: "finish".to_owned(),
            ..SignalWorkflowExecutionRequest::default()
        };
        world.call(request).unwrap();
        run_task(&mut world, vec![complete_workflow("")]);
        assert_eq!(status(&world, "child"), expected, "{policy:?}");
        let is_asked = world
            .event_types("child")
            .contains(&WorkflowExecutionCancelRequested);
        assert_eq!(is_asked, policy == ParentClosePolicy::RequestCancel);
    }
}

#[test]
fn a_terminated_parent_takes_its_child_with_it() {
    let mut world = parent_and_child(ParentClosePolicy::Terminate);
    let request = TerminateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("parent"),
        ..TerminateWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
    world.pass(0);
    assert_eq!(status(&world, "child"), WorkflowExecutionStatus::Terminated);
}

#[test]
fn a_parent_that_continues_as_new_closes_its_child_too() {
    let mut world = parent_and_child(ParentClosePolicy::Terminate);
    let request = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("parent"),
        signal_name: "again".to_owned(),
        ..SignalWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
    let again = ContinueAsNewWorkflowExecutionCommandAttributes::default();
    run_task(
        &mut world,
        vec![Command::ContinueAsNewWorkflowExecutionCommandAttributes(
            again,
        )],
    );
    assert_eq!(status(&world, "child"), WorkflowExecutionStatus::Terminated);
}

#[test]
fn a_parent_learns_only_the_last_run_of_a_childs_chain() {
    let mut world = parent_and_child(ParentClosePolicy::Terminate);
    world.pass(1_000);
    let first_run = world.service.run("child", None).unwrap().0.to_owned();
    let again = ContinueAsNewWorkflowExecutionCommandAttributes::default();
    run_child_task(
        &mut world,
        vec![Command::ContinueAsNewWorkflowExecutionCommandAttributes(
            again,
        )],
    );
    assert!(
        !world.has_workflow_task(),
        "the parent heard of the first run"
    );
    run_child_task(&mut world, vec![fail_workflow("broken")]);
    let failed = last_of(&world, "parent", ChildWorkflowExecutionFailed);
    let Some(Attributes::ChildWorkflowExecutionFailedEventAttributes(failed)) = &failed.attributes
    else {
        panic!("{failed:?}")
    };
    let last_run = &failed.workflow_execution.as_ref().unwrap().run_id;
    assert_ne!(*last_run, first_run);
    assert_eq!(last_run, world.service.run("child", None).unwrap().0);
    assert_eq!(failed.failure.as_ref().unwrap().message, "broken");
}

#[test]
fn a_parent_close_policy_reaches_the_last_run_of_a_childs_chain() {
    let mut world = parent_and_child(ParentClosePolicy::Terminate);
    world.pass(1_000);
    let again = ContinueAsNewWorkflowExecutionCommandAttributes::default();
    run_child_task(
        &mut world,
        vec![Command::ContinueAsNewWorkflowExecutionCommandAttributes(
            again,
        )],
    );
    let request = TerminateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("parent"),
        ..TerminateWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
    world.pass(0);
    assert_eq!(status(&world, "child"), WorkflowExecutionStatus::Terminated);
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

#[test]
fn a_signal_to_another_run_is_answered() {
    let mut world = World::new();
    world.start("sender");
    run_task(&mut world, vec![start_timer("1", 60_000)]);
    world.start("receiver");
    let task = world.workflow_task();
    world
        .complete(&task, vec![start_timer("1", 600_000)])
        .unwrap();
    world.pass(60_000);
    run_task(
        &mut world,
        vec![
            signal_external("receiver"),
            signal_external("nobody"),
            signal_external("sender"),
        ],
    );
    assert_eq!(
        tail(&world, "receiver", 2),
        [WorkflowExecutionSignaled, WorkflowTaskScheduled]
    );
    let Some(Attributes::WorkflowExecutionSignaledEventAttributes(signaled)) =
        &last_of(&world, "receiver", WorkflowExecutionSignaled).attributes
    else {
        panic!("not signaled")
    };
    assert_eq!(
        signaled
            .external_workflow_execution
            .as_ref()
            .unwrap()
            .workflow_id,
        "sender"
    );
    let answers: Vec<_> = world
        .event_types("sender")
        .into_iter()
        .filter(|kind| {
            matches!(
                kind,
                ExternalWorkflowExecutionSignaled | SignalExternalWorkflowExecutionFailed
            )
        })
        .collect();
    assert_eq!(
        answers,
        [
            ExternalWorkflowExecutionSignaled,
            SignalExternalWorkflowExecutionFailed,
            SignalExternalWorkflowExecutionFailed
        ]
    );
}

#[test]
fn a_cancel_request_to_another_run_is_answered_even_if_that_has_closed() {
    let mut world = World::new();
    world.start("closed");
    run_task(&mut world, vec![complete_workflow("")]);
    world.start("sender");
    run_task(
        &mut world,
        vec![cancel_external("closed"), cancel_external("nobody")],
    );
    assert_eq!(
        tail(&world, "sender", 3),
        [
            ExternalWorkflowExecutionCancelRequested,
            WorkflowTaskScheduled,
            RequestCancelExternalWorkflowExecutionFailed,
        ]
    );
    assert_eq!(
        world.last_event("closed").event_type(),
        WorkflowExecutionCompleted
    );
}

#[test]
fn a_child_cannot_be_started_and_canceled_by_one_task() {
    let mut world = World::new();
    world.start("parent");
    let task = world.workflow_task();
    let commands = vec![
        start_child("child", ParentClosePolicy::Terminate),
        cancel_external("child"),
    ];
    let refused = world.complete(&task, commands).unwrap_err();
    assert!(
        refused
            .message()
            .contains("not allowed in same workflow task"),
        "{}",
        refused.message()
    );
    world.pass(0);
    assert!(
        world.service.history("child", None).is_none(),
        "the task failed as a whole"
    );
}

/// Source: `temporalio/temporal: service/history/api/recordchildworkflowcompleted/api.go`
/// (`recordStartedEventIfMissing`).
#[test]
fn a_reset_parent_that_hears_of_its_childs_end_first_hears_of_its_start_with_it() {
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

#[test]
fn a_parent_learns_that_its_child_was_canceled() {
    let mut world = parent_and_child(ParentClosePolicy::Terminate);
    let canceled = CancelWorkflowExecutionCommandAttributes {
        details: payloads("enough"),
    };
    run_child_task(
        &mut world,
        vec![Command::CancelWorkflowExecutionCommandAttributes(canceled)],
    );
    assert_eq!(
        tail(&world, "parent", 2),
        [ChildWorkflowExecutionCanceled, WorkflowTaskScheduled]
    );
}

#[test]
fn a_parent_learns_that_its_child_was_terminated() {
    let mut world = parent_and_child(ParentClosePolicy::Terminate);
    let request = TerminateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("child"),
        ..TerminateWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
    world.pass(0);
    assert_eq!(
        tail(&world, "parent", 2),
        [ChildWorkflowExecutionTerminated, WorkflowTaskScheduled]
    );
}

#[test]
fn a_parent_learns_that_its_child_timed_out() {
    let mut world = World::new();
    world.start("parent");
    let child = StartChildWorkflowExecutionCommandAttributes {
        workflow_run_timeout: Some(duration(60_000)),
        ..child_attributes("child", ParentClosePolicy::Terminate)
    };
    run_task(
        &mut world,
        vec![Command::StartChildWorkflowExecutionCommandAttributes(child)],
    );
    run_task(&mut world, vec![]);
    world.pass(60_000);
    assert_eq!(
        tail(&world, "parent", 2),
        [ChildWorkflowExecutionTimedOut, WorkflowTaskScheduled]
    );
}
