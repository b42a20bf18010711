//! The end of a parent or of a child, as the other learns of it.

use pretty_assertions::assert_eq;

use super::*;

fn status(world: &World, workflow_id: &str) -> WorkflowExecutionStatus {
    let key = world.service.executions.current(workflow_id).unwrap();
    world.service.executions.run(key).state.status
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
fn a_parent_learns_only_of_the_last_run_of_a_childs_chain() {
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
