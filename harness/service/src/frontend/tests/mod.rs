//! The answers to clients: starts, histories, descriptions.

#![allow(
    clippy::enum_glob_use,
    reason = "histories are written as lists of event types"
)]

mod batches;
mod disabled;
mod eager;
mod histories;
mod lists;
mod options;
mod priorities;
mod queries;
mod rates;
mod resets;
mod retention;
mod system;
mod workers;

use pretty_assertions::assert_eq;
use tonic::Code;

use crate::{
    api::{
        Attributes, WorkflowExecution,
        common::WorkflowType,
        enums::{
            EventType::{self, *},
            HistoryEventFilterType, WorkflowIdConflictPolicy, WorkflowIdReusePolicy,
        },
        rpc::*,
        workflow::OnConflictOptions,
    },
    base::time::duration,
    messages::request::{Request, Response},
    testing::*,
};

#[track_caller]
fn start(
    world: &mut World,
    request: StartWorkflowExecutionRequest,
) -> StartWorkflowExecutionResponse {
    match world.call(request) {
        Ok(Response::StartWorkflowExecution(response)) => *response,
        other => panic!("not started: {other:?}"),
    }
}

/// Returns the start request of another caller.
fn another_start(workflow_id: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        request_id: "another".to_owned(),
        ..start_request(workflow_id)
    }
}

fn history_request(workflow_id: &str) -> GetWorkflowExecutionHistoryRequest {
    GetWorkflowExecutionHistoryRequest {
        namespace: "default".to_owned(),
        execution: execution(workflow_id),
        ..GetWorkflowExecutionHistoryRequest::default()
    }
}

#[test]
fn a_repeated_start_is_answered_with_the_run_it_started() {
    let mut world = World::new();
    let first = start(&mut world, start_request("order"));
    let again = start(&mut world, start_request("order"));
    assert_eq!((&again.run_id, again.started), (&first.run_id, true));
    assert_eq!(world.service.executions.iter().count(), 1);
}

#[test]
fn a_start_beside_a_running_workflow_is_refused_with_its_run_id() {
    let mut world = World::new();
    world.start("order");
    let refused = world.call(another_start("order")).unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert!(!refused.details().is_empty());
}

#[test]
fn a_start_may_use_the_running_workflow_and_attach_its_request_id() {
    let mut world = World::new();
    let first = world.start("order");
    let request = StartWorkflowExecutionRequest {
        workflow_id_conflict_policy: WorkflowIdConflictPolicy::UseExisting.into(),
        on_conflict_options: Some(OnConflictOptions {
            attach_request_id: true,
            ..OnConflictOptions::default()
        }),
        ..another_start("order")
    };
    let response = start(&mut world, request.clone());
    assert_eq!((response.run_id, response.started), (first.clone(), false));
    assert_eq!(
        world.last_event("order").event_type(),
        EventType::WorkflowExecutionOptionsUpdated
    );
    assert_eq!(start(&mut world, request).run_id, first);
    assert_eq!(world.history("order").len(), 3);
}

#[test]
fn a_start_may_terminate_the_running_workflow() {
    let mut world = World::new();
    let first = world.start("order");
    let request = StartWorkflowExecutionRequest {
        workflow_id_conflict_policy: WorkflowIdConflictPolicy::TerminateExisting.into(),
        ..another_start("order")
    };
    let second = start(&mut world, request);
    assert!(second.started);
    let events = world.service.history("order", Some(&first)).unwrap();
    assert_eq!(
        events.last().unwrap().event_type(),
        EventType::WorkflowExecutionTerminated
    );
    assert_eq!(
        world.workflow_task().workflow_execution.unwrap().run_id,
        second.run_id
    );
}

#[test]
fn a_closed_run_may_keep_its_workflow_id() {
    let mut world = World::new();
    world.start("order");
    world.run_workflow_task(vec![complete_workflow("done")]);
    for policy in [
        WorkflowIdReusePolicy::RejectDuplicate,
        WorkflowIdReusePolicy::AllowDuplicateFailedOnly,
    ] {
        let request = StartWorkflowExecutionRequest {
            workflow_id_reuse_policy: policy.into(),
            ..another_start("order")
        };
        assert_eq!(world.call(request).unwrap_err().code(), Code::AlreadyExists);
    }
    assert!(start(&mut world, another_start("order")).started);
}

#[test]
fn signal_with_start_signals_a_running_workflow_or_starts_one() {
    let mut world = World::new();
    let request = SignalWithStartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "order".to_owned(),
        workflow_type: start_request("order").workflow_type,
        task_queue: queue(TASK_QUEUE),
        signal_name: "go".to_owned(),
        ..SignalWithStartWorkflowExecutionRequest::default()
    };
    world.call(request.clone()).unwrap();
    assert_eq!(
        world.event_types("order"),
        [
            WorkflowExecutionStarted,
            WorkflowExecutionSignaled,
            WorkflowTaskScheduled
        ]
    );
    world.call(request).unwrap();
    assert_eq!(
        world.last_event("order").event_type(),
        WorkflowExecutionSignaled
    );
}

#[test]
fn signal_with_start_does_not_wait_for_a_delayed_first_task_as_a_signal_does() {
    let mut world = World::new();
    let delayed = StartWorkflowExecutionRequest {
        workflow_start_delay: Some(duration(60_000)),
        ..start_request("order")
    };
    start(&mut world, delayed);
    let signal = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        signal_name: "paid".to_owned(),
        ..SignalWorkflowExecutionRequest::default()
    };
    world.call(signal).unwrap();
    assert!(!world.has_workflow_task());
    let with_start = SignalWithStartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "order".to_owned(),
        workflow_type: Some(WorkflowType {
            name: "Order".to_owned(),
        }),
        task_queue: queue(TASK_QUEUE),
        signal_name: "paid".to_owned(),
        ..SignalWithStartWorkflowExecutionRequest::default()
    };
    world.call(with_start).unwrap();
    world.run_workflow_task(vec![complete_workflow("done")]);
}

#[test]
fn a_signal_counts_once_and_not_after_the_end() {
    let mut world = World::new();
    world.start("order");
    let request = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        signal_name: "go".to_owned(),
        request_id: "once".to_owned(),
        ..SignalWorkflowExecutionRequest::default()
    };
    world.call(request.clone()).unwrap();
    world.call(request.clone()).unwrap();
    assert_eq!(world.history("order").len(), 3);
    world.run_workflow_task(vec![complete_workflow("done")]);
    let late = SignalWorkflowExecutionRequest {
        request_id: "late".to_owned(),
        ..request
    };
    assert_eq!(world.call(late).unwrap_err().code(), Code::NotFound);
}

#[test]
fn a_poll_whose_worker_went_away_takes_no_task() {
    let mut world = World::new();
    let poll = world.send(poll_request());
    world.service.cancel(poll);
    world.start("order");
    assert!(world.reply(poll).is_none());
    world.workflow_task();
}

#[test]
fn tasks_go_to_pollers_in_the_order_in_which_both_came() {
    let mut world = World::new();
    let polls = [world.send(poll_request()), world.send(poll_request())];
    for workflow_id in ["first", "second"] {
        world.start(workflow_id);
    }
    let got: Vec<_> = polls
        .into_iter()
        .map(|poll| match world.reply(poll) {
            Some(Ok(Response::PollWorkflowTaskQueue(task))) => {
                task.into_message().workflow_execution.unwrap().workflow_id
            }
            other => panic!("no task: {other:?}"),
        })
        .collect();
    assert_eq!(got, ["first", "second"]);
}

#[test]
fn a_description_has_the_run_and_its_pending_task() {
    let mut world = World::new();
    let run_id = world.start("order");
    world.workflow_task();
    let request = DescribeWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        execution: execution("order"),
    };
    let Ok(Response::DescribeWorkflowExecution(described)) = world.call(request) else {
        panic!("not described")
    };
    let info = described.workflow_execution_info.unwrap();
    assert_eq!(info.execution.unwrap().run_id, run_id);
    assert_eq!(
        (info.history_length, info.r#type.unwrap().name.as_str()),
        (3, "Workflow")
    );
    assert_eq!(described.pending_workflow_task.unwrap().attempt, 1);
}

#[test]
fn what_is_not_there_is_not_found() {
    let mut world = World::new();
    let requests: [Request; 4] = [
        history_request("nobody").into(),
        query_request("nobody").into(),
        DescribeWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            execution: execution("nobody"),
        }
        .into(),
        SignalWorkflowExecutionRequest {
            namespace: "default".to_owned(),
            workflow_execution: execution("nobody"),
            signal_name: "go".to_owned(),
            ..SignalWorkflowExecutionRequest::default()
        }
        .into(),
    ];
    for request in requests {
        assert_eq!(world.call(request).unwrap_err().code(), Code::NotFound);
    }
}

#[test]
fn a_started_event_has_the_defaults_of_unset_options() {
    let mut world = World::new();
    let run_id = world.start("order");
    let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) =
        &world.history("order")[0].attributes
    else {
        panic!("not the first event")
    };
    assert_eq!(started.workflow_task_timeout, Some(duration(10_000)));
    assert_eq!(started.workflow_run_timeout, None);
    assert_eq!(
        (
            &started.original_execution_run_id,
            &started.first_execution_run_id
        ),
        (&run_id, &run_id)
    );
    assert_eq!(
        (started.attempt, started.workflow_id.as_str()),
        (1, "order")
    );
}
