//! Lists and counts of workflows.

use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::filter::v1::{StatusFilter, WorkflowTypeFilter};
use tonic::Code;

use super::*;
use crate::api::{
    enums::WorkflowExecutionStatus,
    rpc::{
        list_closed_workflow_executions_request::Filters as Closed,
        list_open_workflow_executions_request::Filters as Open,
    },
    workflow::WorkflowExecutionInfo,
};

/// Returns a world in which `first` has completed, `second` has completed later, and `third` is
/// open.
fn three_runs() -> World {
    let mut world = World::new();
    for workflow_id in ["first", "second", "third"] {
        world.start(workflow_id);
        if workflow_id != "third" {
            world.run_workflow_task(vec![complete_workflow("done")]);
        }
        world.pass(1_000);
    }
    world
}

fn ids(runs: Vec<WorkflowExecutionInfo>) -> Vec<String> {
    let executions = runs.into_iter().filter_map(|run| run.execution);
    executions.map(|execution| execution.workflow_id).collect()
}

#[track_caller]
fn list(world: &mut World, query: &str, page_size: i32, token: Vec<u8>) -> (Vec<String>, Vec<u8>) {
    let request = ListWorkflowExecutionsRequest {
        namespace: "default".to_owned(),
        query: query.to_owned(),
        page_size,
        next_page_token: token,
    };
    match world.call(request) {
        Ok(Response::ListWorkflowExecutions(page)) => (ids(page.executions), page.next_page_token),
        other => panic!("not a list: {other:?}"),
    }
}

#[test]
fn open_runs_are_listed_before_closed_ones_and_the_last_to_close_before_others() {
    let mut world = three_runs();
    let (all, token) = list(&mut world, "", 0, Vec::new());
    assert_eq!(all, ["third", "second", "first"]);
    assert!(token.is_empty());
    let (completed, _) = list(&mut world, "ExecutionStatus = 'Completed'", 0, Vec::new());
    assert_eq!(completed, ["second", "first"]);
}

#[test]
fn a_list_comes_in_pages_that_new_runs_do_not_move() {
    let mut world = three_runs();
    let (first, token) = list(&mut world, "", 2, Vec::new());
    assert_eq!(first, ["third", "second"]);
    world.start("fourth");
    let (second, token) = list(&mut world, "", 2, token);
    assert_eq!(second, ["first"]);
    assert!(token.is_empty());
}

#[test]
fn a_scan_finds_what_a_list_finds() {
    let mut world = three_runs();
    let request = ScanWorkflowExecutionsRequest {
        namespace: "default".to_owned(),
        query: "CloseTime IS NULL".to_owned(),
        ..ScanWorkflowExecutionsRequest::default()
    };
    match world.call(request) {
        Ok(Response::ScanWorkflowExecutions(page)) => assert_eq!(ids(page.executions), ["third"]),
        other => panic!("not a list: {other:?}"),
    }
}

#[test]
fn a_count_is_grouped_by_status() {
    let mut world = three_runs();
    let request = CountWorkflowExecutionsRequest {
        namespace: "default".to_owned(),
        query: "GROUP BY ExecutionStatus".to_owned(),
    };
    let counted = match world.call(request) {
        Ok(Response::CountWorkflowExecutions(counted)) => *counted,
        other => panic!("not a count: {other:?}"),
    };
    assert_eq!(counted.count, 3);
    let groups: Vec<_> = counted
        .groups
        .iter()
        .map(|group| {
            (
                String::from_utf8_lossy(&group.group_values[0].data),
                group.count,
            )
        })
        .collect();
    assert_eq!(
        groups,
        [("\"Completed\"".into(), 2), ("\"Running\"".into(), 1)]
    );
}

#[test]
fn open_runs_are_listed_by_type_and_closed_ones_by_status() {
    let mut world = three_runs();
    let open = ListOpenWorkflowExecutionsRequest {
        namespace: "default".to_owned(),
        filters: Some(Open::TypeFilter(WorkflowTypeFilter {
            name: "nothing".to_owned(),
        })),
        ..ListOpenWorkflowExecutionsRequest::default()
    };
    match world.call(open) {
        Ok(Response::ListOpenWorkflowExecutions(page)) => assert!(page.executions.is_empty()),
        other => panic!("not a list: {other:?}"),
    }
    let closed = ListClosedWorkflowExecutionsRequest {
        namespace: "default".to_owned(),
        filters: Some(Closed::StatusFilter(StatusFilter {
            status: WorkflowExecutionStatus::Completed.into(),
        })),
        ..ListClosedWorkflowExecutionsRequest::default()
    };
    match world.call(closed) {
        Ok(Response::ListClosedWorkflowExecutions(page)) => {
            assert_eq!(ids(page.executions), ["second", "first"]);
        }
        other => panic!("not a list: {other:?}"),
    }
}

#[test]
fn a_malformed_query_and_a_foreign_token_are_invalid_arguments() {
    let mut world = three_runs();
    for (query, token) in [("WorkflowId = ", ""), ("", "page two")] {
        let request = ListWorkflowExecutionsRequest {
            namespace: "default".to_owned(),
            query: query.to_owned(),
            next_page_token: token.as_bytes().to_vec(),
            ..ListWorkflowExecutionsRequest::default()
        };
        let refused = world.call(request).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused:?}");
    }
}
