//! The version that children and the next runs of a chain have.

use pretty_assertions::assert_eq;

use super::*;
use crate::api::{
    command::{
        ContinueAsNewWorkflowExecutionCommandAttributes, FailWorkflowExecutionCommandAttributes,
        StartChildWorkflowExecutionCommandAttributes,
    },
    common::{RetryPolicy, WorkflowType},
    enums::{
        ContinueAsNewVersioningBehavior,
        VersioningBehavior::{AutoUpgrade, Pinned},
    },
    failure::Failure,
    history::WorkflowExecutionStartedEventAttributes,
};

fn start_child(task_queue: &str) -> Command {
    Command::StartChildWorkflowExecutionCommandAttributes(
        StartChildWorkflowExecutionCommandAttributes {
            workflow_id: "child".to_owned(),
            workflow_type: Some(WorkflowType {
                name: "Child".to_owned(),
            }),
            task_queue: queue(task_queue),
            ..StartChildWorkflowExecutionCommandAttributes::default()
        },
    )
}

fn continue_as_new(initial: ContinueAsNewVersioningBehavior) -> Command {
    Command::ContinueAsNewWorkflowExecutionCommandAttributes(
        ContinueAsNewWorkflowExecutionCommandAttributes {
            initial_versioning_behavior: initial.into(),
            ..ContinueAsNewWorkflowExecutionCommandAttributes::default()
        },
    )
}

#[track_caller]
fn started(world: &World, workflow_id: &str) -> WorkflowExecutionStartedEventAttributes {
    match &world.history(workflow_id)[0].attributes {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => (**started).clone(),
        other => panic!("not the first event: {other:?}"),
    }
}

/// Returns a world in which a run on version 1 has a task, and version 2 has become current.
fn after_deploy(behavior: VersioningBehavior) -> World {
    let mut world = with_current("1");
    world.start("order");
    run_task_as(&mut world, "1", behavior, vec![start_timer("1", 5_000)]);
    deploy(&mut world, "2");
    set_current(&mut world, current_request("2")).unwrap();
    world.pass(5_000);
    world
}

#[test]
fn a_child_of_a_pinned_run_starts_on_the_version_of_its_parent() {
    let mut world = after_deploy(Pinned);
    run_task_as(&mut world, "1", Pinned, vec![start_child(TASK_QUEUE)]);
    world.pass(0);
    let child = started(&world, "child");
    assert_eq!(child.inherited_pinned_version, Some(version("1")));
    assert_eq!(child.inherited_auto_upgrade_info, None);
    // A versioned worker takes the child: its parent's next task comes later.
    let task = world.workflow_task_on(poll("1"));
    let taken = task.workflow_execution.unwrap().workflow_id;
    assert!(["order", "child"].contains(&taken.as_str()));
}

#[test]
fn a_child_on_a_task_queue_without_the_version_is_not_pinned() {
    let mut world = after_deploy(Pinned);
    run_task_as(&mut world, "1", Pinned, vec![start_child("elsewhere")]);
    world.pass(0);
    assert_eq!(started(&world, "child").inherited_pinned_version, None);
}

#[test]
fn a_child_of_a_run_that_moves_knows_where_its_parent_was() {
    let mut world = with_current("1");
    world.start("order");
    run_task_as(&mut world, "1", AutoUpgrade, vec![start_child(TASK_QUEUE)]);
    world.pass(0);
    let info = started(&world, "child")
        .inherited_auto_upgrade_info
        .unwrap();
    assert_eq!(info.source_deployment_version, Some(version("1")));
    assert_eq!(info.source_deployment_revision_number, 1);
}

#[test]
fn a_pinned_run_that_continues_as_new_stays_and_remembers_what_it_declined() {
    let mut world = after_deploy(Pinned);
    let unspecified = ContinueAsNewVersioningBehavior::Unspecified;
    run_task_as(&mut world, "1", Pinned, vec![continue_as_new(unspecified)]);
    let next = started(&world, "order");
    assert_eq!(next.inherited_pinned_version, Some(version("1")));
    let declined = next.declined_target_version_upgrade.unwrap();
    assert_eq!(declined.deployment_version, Some(version("2")));
    world.pass(1_000);
    assert!(!world.is_answered_at_once(poll("2")));
    run_task_as(&mut world, "1", Pinned, Vec::new());
}

#[test]
fn a_pinned_run_may_continue_as_new_on_the_current_version() {
    let mut world = after_deploy(Pinned);
    let upgrade = ContinueAsNewVersioningBehavior::AutoUpgrade;
    run_task_as(&mut world, "1", Pinned, vec![continue_as_new(upgrade)]);
    assert_eq!(started(&world, "order").inherited_pinned_version, None);
    world.pass(1_000);
    run_task_as(&mut world, "2", Pinned, Vec::new());
}

#[test]
fn a_retry_of_a_run_that_was_not_pinned_by_another_starts_on_the_current_version() {
    let mut world = with_current("1");
    let mut request = start_request("order");
    request.retry_policy = Some(RetryPolicy::default());
    world.call(request).unwrap();
    let fail =
        Command::FailWorkflowExecutionCommandAttributes(FailWorkflowExecutionCommandAttributes {
            failure: Some(Failure::default()),
        });
    let task = world.workflow_task_on(poll("1"));
    deploy(&mut world, "2");
    set_current(&mut world, current_request("2")).unwrap();
    world
        .respond(completed(&task, "1", Pinned, vec![fail]))
        .unwrap();
    world.pass(1_000);
    assert_eq!(started(&world, "order").inherited_pinned_version, None);
    run_task_as(&mut world, "2", Pinned, Vec::new());
}
