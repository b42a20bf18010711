//! Updates that start their workflow.

use pretty_assertions::assert_eq;
use temporalio_protos::{
    google::rpc,
    temporal::api::errordetails::v1::{
        MultiOperationExecutionFailure, multi_operation_execution_failure::OperationStatus,
    },
};

use super::*;
use crate::api::{
    enums::WorkflowIdConflictPolicy as Conflict, rpc::execute_multi_operation_request as multi,
};

fn update_with_start(conflict: Conflict, update_id: &str) -> ExecuteMultiOperationRequest {
    let start = StartWorkflowExecutionRequest {
        workflow_id_conflict_policy: conflict.into(),
        request_id: update_id.to_owned(),
        ..start_request("stock")
    };
    let operations = [
        multi::operation::Operation::StartWorkflow(start),
        multi::operation::Operation::UpdateWorkflow(update_request(
            "stock",
            update_id,
            Stage::Accepted,
        )),
    ];
    ExecuteMultiOperationRequest {
        namespace: "default".to_owned(),
        operations: operations
            .into_iter()
            .map(|operation| multi::Operation {
                operation: Some(operation),
            })
            .collect(),
        ..ExecuteMultiOperationRequest::default()
    }
}

/// Returns the response to the start that came with an update, once the update was accepted.
fn started(world: &mut World, id: RequestId) -> StartWorkflowExecutionResponse {
    let Some(Ok(Response::ExecuteMultiOperation(response))) = world.reply(id) else {
        panic!("no answer")
    };
    match &response.responses[0].response {
        Some(execute_multi_operation_response::response::Response::StartWorkflow(started)) => {
            started.clone()
        }
        other => panic!("{other:?}"),
    }
}

fn operations(refusal: &Status) -> Vec<OperationStatus> {
    let status = rpc::Status::decode(refusal.details()).unwrap();
    MultiOperationExecutionFailure::decode(&*status.details[0].value)
        .unwrap()
        .statuses
}

#[test]
fn an_update_with_start_starts_the_workflow_or_uses_the_running_one() {
    let mut world = World::new();
    let first = world.send(update_with_start(Conflict::Fail, "first"));
    let second = world.send(update_with_start(Conflict::UseExisting, "second"));
    let third = world.send(update_with_start(Conflict::Fail, "third"));
    assert_eq!(refused(&mut world, third).code(), Code::AlreadyExists);
    let task = world.workflow_task();
    assert_eq!(task.messages.len(), 2);
    world
        .respond(answered(
            &task,
            vec![],
            vec![accept("first"), accept("second")],
        ))
        .unwrap();
    assert!(started(&mut world, first).started);
    assert!(!started(&mut world, second).started);
}

#[test]
fn a_repeated_update_with_start_uses_the_run_that_it_started() {
    let mut world = World::new();
    let first = world.send(update_with_start(Conflict::Fail, "u"));
    let again = world.send(update_with_start(Conflict::Fail, "u"));
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![accept("u")]))
        .unwrap();
    let run_id = started(&mut world, first).run_id;
    assert_eq!(started(&mut world, again).run_id, run_id);
}

#[test]
fn an_update_with_start_whose_run_closes_first_starts_another() {
    let mut world = idle();
    let id = world.send(update_with_start(Conflict::UseExisting, "u"));
    let task = world.workflow_task();
    assert_eq!(task.messages.len(), 1);
    terminate(&mut world, "stock");
    assert!(world.reply(id).is_none());
    let task = world.workflow_task();
    assert_eq!(
        (task.previous_started_event_id, task.messages.len()),
        (0, 1)
    );
    world
        .respond(answered(&task, vec![], vec![accept("u")]))
        .unwrap();
    assert!(started(&mut world, id).started);
}

#[test]
fn an_update_with_start_whose_own_run_closes_reports_the_start() {
    let mut world = World::new();
    let id = world.send(update_with_start(Conflict::Fail, "u"));
    terminate(&mut world, "stock");
    let refusal = refused(&mut world, id);
    assert_eq!(refusal.code(), Code::NotFound);
    let codes: Vec<_> = operations(&refusal)
        .iter()
        .map(|operation| operation.code)
        .collect();
    assert_eq!(codes, [Code::Ok as i32, Code::NotFound as i32]);
}

#[test]
fn an_update_with_start_that_meets_two_closing_runs_asks_for_a_retry() {
    let mut world = idle();
    let id = world.send(update_with_start(Conflict::UseExisting, "u"));
    // Another start takes the workflow id before the update is tried again.
    world.workflow_task();
    let other = StartWorkflowExecutionRequest {
        workflow_id_conflict_policy: Conflict::TerminateExisting.into(),
        request_id: "other".to_owned(),
        ..start_request("stock")
    };
    world.call(other).unwrap();
    assert!(
        world.reply(id).is_none(),
        "it waits in the run that took the place of the first"
    );
    terminate(&mut world, "stock");
    let refusal = refused(&mut world, id);
    assert_eq!(refusal.code(), Code::Aborted);
    let operations = operations(&refusal);
    assert_eq!(
        operations[1].message,
        "workflow update was aborted by closing workflow"
    );
}

#[test]
fn an_update_with_start_does_not_get_an_unfinished_update_of_a_closed_run() {
    let mut world = idle();
    let accepted = world.send(update_request("stock", "u", Stage::Accepted));
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![accept("u")]))
        .unwrap();
    assert!(reached(&mut world, accepted).is_some());
    terminate(&mut world, "stock");
    let id = world.send(update_with_start(Conflict::Fail, "u"));
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![accept("u")]))
        .unwrap();
    assert!(started(&mut world, id).started);
}
