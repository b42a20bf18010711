//! Overrides of the version of a run.

use pretty_assertions::assert_eq;
use tonic::Code;

use super::*;
use crate::api::{
    enums::{
        VersioningBehavior::{AutoUpgrade, Pinned},
        WorkerDeploymentVersionStatus,
    },
    workflow::{
        PostResetOperation, VersioningOverride, WorkflowExecutionOptions, post_reset_operation,
        versioning_override::{OneTimeOverride, Override, PinnedOverride, PinnedOverrideBehavior},
    },
};

fn pinned_to(build_id: &str) -> VersioningOverride {
    VersioningOverride {
        r#override: Some(Override::Pinned(PinnedOverride {
            behavior: PinnedOverrideBehavior::Pinned.into(),
            version: Some(version(build_id)),
        })),
        ..VersioningOverride::default()
    }
}

fn moved_once_to(build_id: &str) -> VersioningOverride {
    VersioningOverride {
        r#override: Some(Override::OneTime(OneTimeOverride {
            target_deployment_version: Some(version(build_id)),
        })),
        ..VersioningOverride::default()
    }
}

fn mask() -> prost_types::FieldMask {
    prost_types::FieldMask {
        paths: vec!["versioning_override".to_owned()],
    }
}

fn with_override(versioning: Option<VersioningOverride>) -> WorkflowExecutionOptions {
    WorkflowExecutionOptions {
        versioning_override: versioning,
        ..WorkflowExecutionOptions::default()
    }
}

fn update(versioning: Option<VersioningOverride>) -> UpdateWorkflowExecutionOptionsRequest {
    UpdateWorkflowExecutionOptionsRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        workflow_execution_options: Some(with_override(versioning)),
        update_mask: Some(mask()),
        ..UpdateWorkflowExecutionOptionsRequest::default()
    }
}

#[test]
fn a_run_may_start_pinned_to_a_version_that_is_not_current() {
    let mut world = with_current("1");
    deploy(&mut world, "2");
    let request = |versioning| StartWorkflowExecutionRequest {
        versioning_override: Some(versioning),
        ..start_request("order")
    };
    let refused = world.call(request(pinned_to("3"))).unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(
        refused.message(),
        "Pinned version 'shop:3' is not present in task queue 'queue' of type 'Workflow'"
    );
    world.call(request(pinned_to("2"))).unwrap();
    let (described, _) = deployment(&mut world).unwrap();
    let two = &described.version_summaries[0];
    assert_eq!(two.status(), WorkerDeploymentVersionStatus::Draining);
    assert!(!world.is_answered_at_once(poll("1")));
    run_task_as(&mut world, "2", AutoUpgrade, vec![start_timer("1", 1_000)]);
    // The override goes before the behavior of the workflow.
    world.pass(1_000);
    run_task_as(&mut world, "2", AutoUpgrade, Vec::new());
    let info = info(&mut world, "order").versioning_info.unwrap();
    assert_eq!(info.behavior(), AutoUpgrade);
    let shown = info.versioning_override.unwrap();
    assert_eq!(shown.behavior(), Pinned);
    assert_eq!(shown.pinned_version, "shop.2");
}

#[test]
fn a_signal_with_start_may_pin_the_run() {
    let mut world = with_current("1");
    deploy(&mut world, "2");
    let start = start_request("order");
    let request = SignalWithStartWorkflowExecutionRequest {
        namespace: start.namespace,
        workflow_id: start.workflow_id,
        workflow_type: start.workflow_type,
        task_queue: start.task_queue,
        request_id: start.request_id,
        signal_name: "go".to_owned(),
        versioning_override: Some(pinned_to("2")),
        ..SignalWithStartWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
    run_task_as(&mut world, "2", Pinned, Vec::new());
}

#[test]
fn an_override_moves_the_task_that_waits_and_its_end_moves_the_next() {
    let mut world = with_current("1");
    deploy(&mut world, "2");
    world.start("order");
    world.call(update(Some(pinned_to("2")))).unwrap();
    assert!(!world.is_answered_at_once(poll("1")));
    run_task_as(&mut world, "2", AutoUpgrade, vec![start_timer("1", 1_000)]);
    world.call(update(None)).unwrap();
    world.pass(1_000);
    assert!(!world.is_answered_at_once(poll("2")));
    run_task_as(&mut world, "1", AutoUpgrade, Vec::new());
}

#[test]
fn a_run_that_is_not_pinned_needs_the_version_that_it_is_to_be_pinned_to() {
    let mut world = with_current("1");
    world.start("order");
    run_task_as(&mut world, "1", AutoUpgrade, Vec::new());
    let mut here = pinned_to("1");
    if let Some(Override::Pinned(pinned)) = &mut here.r#override {
        pinned.version = None;
    }
    let refused = world.call(update(Some(here))).unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused.message().contains("has behavior AutoUpgrade"),
        "{}",
        refused.message()
    );
}

#[test]
fn an_override_for_one_task_is_gone_after_it() {
    let mut world = with_current("1");
    deploy(&mut world, "2");
    world.start("order");
    run_task_as(&mut world, "1", Pinned, vec![start_timer("1", 1_000)]);
    world.call(update(Some(moved_once_to("2")))).unwrap();
    world.pass(1_000);
    assert!(!world.is_answered_at_once(poll("1")));
    run_task_as(&mut world, "2", Pinned, Vec::new());
    let info = info(&mut world, "order").versioning_info.unwrap();
    assert_eq!(info.versioning_override, None);
    assert_eq!(info.deployment_version, Some(version("2")));
}

#[test]
fn a_reset_may_pin_the_new_run() {
    let mut world = with_current("1");
    deploy(&mut world, "2");
    world.start("order");
    run_task_as(&mut world, "1", AutoUpgrade, vec![start_timer("1", 60_000)]);
    let operation = post_reset_operation::UpdateWorkflowOptions {
        workflow_execution_options: Some(with_override(Some(pinned_to("2")))),
        update_mask: Some(mask()),
    };
    let request = ResetWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        workflow_task_finish_event_id: 4,
        request_id: "reset".to_owned(),
        post_reset_operations: vec![PostResetOperation {
            variant: Some(post_reset_operation::Variant::UpdateWorkflowOptions(
                operation,
            )),
        }],
        ..ResetWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
    assert!(!world.is_answered_at_once(poll("1")));
    run_task_as(&mut world, "2", AutoUpgrade, Vec::new());
}

#[test]
fn an_override_that_says_nothing_is_refused() {
    let mut world = with_current("1");
    let request = StartWorkflowExecutionRequest {
        versioning_override: Some(VersioningOverride::default()),
        ..start_request("order")
    };
    let refused = world.call(request).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(refused.message(), "override behavior is required");
}
