//! Clients change the options of a run, and delete runs.

#![allow(deprecated, reason = "older clients read other fields")]

use pretty_assertions::assert_eq;
use tonic::Code;

use super::*;
use crate::api::{
    common::Priority,
    enums::VersioningBehavior,
    workflow::{
        VersioningOverride, WorkflowExecutionInfo, WorkflowExecutionOptions,
        versioning_override::Override,
    },
};

fn update_request(
    options: WorkflowExecutionOptions,
    paths: &[&str],
) -> UpdateWorkflowExecutionOptionsRequest {
    UpdateWorkflowExecutionOptionsRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        workflow_execution_options: Some(options),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        }),
        identity: "ann".to_owned(),
    }
}

fn urgent() -> WorkflowExecutionOptions {
    WorkflowExecutionOptions {
        priority: Some(Priority {
            priority_key: 1,
            fairness_key: "ann".to_owned(),
            ..Priority::default()
        }),
        versioning_override: Some(VersioningOverride {
            r#override: Some(Override::AutoUpgrade(true)),
            ..VersioningOverride::default()
        }),
        ..WorkflowExecutionOptions::default()
    }
}

#[track_caller]
fn update(
    world: &mut World,
    request: UpdateWorkflowExecutionOptionsRequest,
) -> UpdateWorkflowExecutionOptionsResponse {
    match world.call(request) {
        Ok(Response::UpdateWorkflowExecutionOptions(response)) => *response,
        other => panic!("not its response: {other:?}"),
    }
}

#[track_caller]
fn info(world: &mut World) -> WorkflowExecutionInfo {
    let request = DescribeWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        execution: execution("order"),
    };
    match world.call(request) {
        Ok(Response::DescribeWorkflowExecution(it)) => it.workflow_execution_info.unwrap(),
        other => panic!("not a description: {other:?}"),
    }
}

#[test]
fn an_update_of_options_changes_the_fields_that_it_names() {
    let mut world = World::new();
    world.start("order");
    let response = update(
        &mut world,
        update_request(urgent(), &["priority.priority_key"]),
    );
    let priority = Priority {
        priority_key: 1,
        ..Priority::default()
    };
    let options = response.workflow_execution_options.unwrap();
    assert_eq!(
        (options.priority, options.versioning_override),
        (Some(priority.clone()), None)
    );
    assert!(response.update_time.is_some());
    assert_eq!(info(&mut world).priority, Some(priority));

    update(
        &mut world,
        update_request(urgent(), &["versioning_override"]),
    );
    let info = info(&mut world).versioning_info.unwrap();
    let versioning_override = info.versioning_override.unwrap();
    let told = urgent().versioning_override.unwrap().r#override;
    assert_eq!(versioning_override.r#override, told);
    assert_eq!(
        versioning_override.behavior(),
        VersioningBehavior::AutoUpgrade
    );
    assert_eq!(
        world.event_types("order")[2..],
        [
            WorkflowExecutionOptionsUpdated,
            WorkflowExecutionOptionsUpdated
        ]
    );
}

#[test]
fn options_that_are_as_before_leave_no_event() {
    let mut world = World::new();
    world.start("order");
    update(&mut world, update_request(urgent(), &["priority"]));
    let events = world.event_types("order");
    let response = update(&mut world, update_request(urgent(), &["priority"]));
    assert_eq!(response.update_time, None);
    assert_eq!(world.event_types("order"), events);
}

#[test]
fn an_update_of_options_needs_a_mask_and_whole_fields() {
    let mut world = World::new();
    world.start("order");
    let without_mask = UpdateWorkflowExecutionOptionsRequest {
        update_mask: None,
        ..update_request(urgent(), &[])
    };
    for (request, message) in [
        (without_mask, "UpdateMask is required"),
        (
            update_request(urgent(), &["versioning_override.behavior"]),
            "error applying update_options: versioning_override fields must be updated together",
        ),
        (
            update_request(urgent(), &["versioning_override.pinned"]),
            "error applying update_options: versioning_override doesn't support partial updates",
        ),
    ] {
        let refused = world.call(request).unwrap_err();
        assert_eq!(
            (refused.code(), refused.message()),
            (Code::InvalidArgument, message)
        );
    }
    world.run_workflow_task(vec![complete_workflow("done")]);
    let refused = world
        .call(update_request(urgent(), &["priority"]))
        .unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
}

fn delete(world: &mut World, run_id: &str) -> Result<Response, tonic::Status> {
    world.call(DeleteWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: Some(WorkflowExecution {
            workflow_id: "order".to_owned(),
            run_id: run_id.to_owned(),
        }),
    })
}

#[test]
fn a_deleted_run_is_found_no_more() {
    let mut world = World::new();
    let first = world.start("order");
    world.run_workflow_task(vec![complete_workflow("done")]);
    let second = start(&mut world, another_start("order")).run_id;
    delete(&mut world, &first).unwrap();
    assert_eq!(
        delete(&mut world, &first).unwrap_err().code(),
        Code::NotFound
    );
    assert_eq!(info(&mut world).execution.unwrap().run_id, second);
}

#[test]
fn an_open_run_is_terminated_before_it_is_deleted() {
    let mut world = World::new();
    let first = world.start("order");
    let poll = world.send(GetWorkflowExecutionHistoryRequest {
        wait_new_event: true,
        history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
        ..history_request("order")
    });
    delete(&mut world, "").unwrap();
    let Some(Ok(Response::GetWorkflowExecutionHistory(page))) = world.reply(poll) else {
        panic!("the end was not told")
    };
    let event = page.history.unwrap().events.remove(0);
    assert_eq!(event.event_type(), WorkflowExecutionTerminated);
    assert!(world.service.history("order", None).is_none());
    assert_ne!(start(&mut world, another_start("order")).run_id, first);
}
