//! The answers to clients: starts, histories, descriptions.

#![allow(
    clippy::enum_glob_use,
    reason = "histories are written as lists of event types"
)]

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

#[track_caller]
fn history(
    world: &mut World,
    request: GetWorkflowExecutionHistoryRequest,
) -> GetWorkflowExecutionHistoryResponse {
    match world.call(request) {
        Ok(Response::GetWorkflowExecutionHistory(response)) => *response,
        other => panic!("not a history: {other:?}"),
    }
}

fn ids(response: &GetWorkflowExecutionHistoryResponse) -> Vec<i64> {
    response
        .history
        .iter()
        .flat_map(|history| &history.events)
        .map(|event| event.event_id)
        .collect()
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
fn a_start_beside_a_running_one_is_refused_with_its_run_id() {
    let mut world = World::new();
    world.start("order");
    let refused = world.call(another_start("order")).unwrap_err();
    assert_eq!(refused.code(), Code::AlreadyExists);
    assert!(!refused.details().is_empty());
}

#[test]
fn a_start_may_use_the_running_one_and_leave_its_request_id_on_it() {
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
fn a_start_may_terminate_the_running_one() {
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
fn signal_with_start_signals_what_runs_and_starts_what_does_not() {
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
fn a_signal_is_taken_once_and_not_after_the_end() {
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
fn a_history_comes_in_pages() {
    let mut world = World::new();
    world.start("order");
    world.run_workflow_task(vec![complete_workflow("done")]);
    let mut request = GetWorkflowExecutionHistoryRequest {
        maximum_page_size: 2,
        ..history_request("order")
    };
    let mut pages = Vec::new();
    loop {
        let response = history(&mut world, request.clone());
        pages.push(ids(&response));
        if response.next_page_token.is_empty() {
            break;
        }
        request.next_page_token = response.next_page_token;
    }
    assert_eq!(pages, [vec![1, 2], vec![3, 4], vec![5]]);
}

#[test]
fn the_last_page_of_a_history_has_what_came_since_the_first() {
    let mut world = World::new();
    world.start("order");
    let request = GetWorkflowExecutionHistoryRequest {
        maximum_page_size: 1,
        ..history_request("order")
    };
    let first = history(&mut world, request.clone());
    world.run_workflow_task(vec![complete_workflow("done")]);
    let rest = GetWorkflowExecutionHistoryRequest {
        next_page_token: first.next_page_token,
        ..request
    };
    let last = history(&mut world, rest);
    assert_eq!(
        (ids(&last), last.next_page_token.is_empty()),
        (vec![2, 3, 4, 5], true)
    );
}

/// Source: `temporalio/temporal: service/history/api/getworkflowexecutionhistory/api.go`
/// (`appendTransientTasks`).
#[test]
fn a_history_ends_with_the_workflow_task_that_it_does_not_hold_yet() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    let failed = RespondWorkflowTaskFailedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token,
        ..RespondWorkflowTaskFailedRequest::default()
    };
    world.call(failed).unwrap();
    assert_eq!(world.history("order").len(), 4);
    assert_eq!(
        ids(&history(&mut world, history_request("order"))),
        [1, 2, 3, 4, 5]
    );
    world.workflow_task();
    assert_eq!(
        ids(&history(&mut world, history_request("order"))),
        [1, 2, 3, 4, 5, 6]
    );
    let other = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        signal_name: "go".to_owned(),
        ..SignalWorkflowExecutionRequest::default()
    };
    world.call(other).unwrap();
    assert_eq!(
        world.history("order").len(),
        4,
        "the signal waits for the task"
    );
}

#[test]
fn a_long_poll_waits_for_the_next_event_and_ends_with_the_run() {
    let mut world = World::new();
    world.start("order");
    let request = GetWorkflowExecutionHistoryRequest {
        wait_new_event: true,
        ..history_request("order")
    };
    let first = history(&mut world, request.clone());
    assert_eq!(ids(&first), [1, 2]);
    let wait = GetWorkflowExecutionHistoryRequest {
        next_page_token: first.next_page_token,
        ..request.clone()
    };
    let waiting = world.send(wait);
    assert!(world.reply(waiting).is_none());
    let task = world.workflow_task();
    let Some(Ok(Response::GetWorkflowExecutionHistory(second))) = world.reply(waiting) else {
        panic!("still waits")
    };
    assert_eq!(ids(&second), [3]);
    world
        .complete(&task, vec![complete_workflow("done")])
        .unwrap();
    let rest = GetWorkflowExecutionHistoryRequest {
        next_page_token: second.next_page_token,
        ..request
    };
    let last = history(&mut world, rest);
    assert_eq!(
        (ids(&last), last.next_page_token.is_empty()),
        (vec![4, 5], true)
    );
}

#[test]
fn a_long_poll_for_the_closing_event_waits_for_the_end() {
    let mut world = World::new();
    world.start("order");
    let waiting = world.send(GetWorkflowExecutionHistoryRequest {
        wait_new_event: true,
        history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
        ..history_request("order")
    });
    let task = world.workflow_task();
    assert!(world.reply(waiting).is_none());
    world
        .complete(&task, vec![complete_workflow("done")])
        .unwrap();
    let Some(Ok(Response::GetWorkflowExecutionHistory(closing))) = world.reply(waiting) else {
        panic!("still waits")
    };
    assert_eq!(
        (ids(&closing), closing.next_page_token.is_empty()),
        (vec![5], true)
    );
}

/// Source: `temporalio/temporal: service/history/api/get_history_util.go` (`FixFollowEvents`).
#[test]
fn who_waits_for_the_closing_event_of_a_run_that_goes_on_hears_that_it_continued() {
    let mut world = World::new();
    let cron = StartWorkflowExecutionRequest {
        cron_schedule: "@every 1h".to_owned(),
        ..start_request("order")
    };
    let run_id = start(&mut world, cron).run_id;
    world.pass(3_600_000);
    world.run_workflow_task(vec![complete_workflow("done")]);
    let of_first_run = GetWorkflowExecutionHistoryRequest {
        execution: Some(WorkflowExecution {
            workflow_id: "order".to_owned(),
            run_id,
        }),
        ..history_request("order")
    };
    let closing = GetWorkflowExecutionHistoryRequest {
        history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
        ..of_first_run.clone()
    };
    let events = |world: &mut World, request| history(world, request).history.unwrap().events;
    let last = events(&mut world, closing).pop().unwrap();
    let Some(Attributes::WorkflowExecutionContinuedAsNewEventAttributes(continued)) =
        last.attributes
    else {
        panic!("not continued")
    };
    assert_eq!(
        last.event_type,
        i32::from(EventType::WorkflowExecutionContinuedAsNew)
    );
    assert_eq!(continued.last_completion_result, payloads("done"));
    assert_eq!(
        continued.new_execution_run_id,
        world.service.run("order", None).unwrap().0
    );
    let last = events(&mut world, of_first_run).pop().unwrap();
    assert_eq!(last.event_type(), EventType::WorkflowExecutionCompleted);
}

#[test]
fn a_reverse_history_begins_with_the_last_event() {
    let mut world = World::new();
    world.start("order");
    let request = GetWorkflowExecutionHistoryReverseRequest {
        namespace: "default".to_owned(),
        execution: execution("order"),
        maximum_page_size: 1,
        ..GetWorkflowExecutionHistoryReverseRequest::default()
    };
    let Ok(Response::GetWorkflowExecutionHistoryReverse(page)) = world.call(request.clone()) else {
        panic!("no page")
    };
    assert_eq!(page.history.unwrap().events[0].event_id, 2);
    let next = GetWorkflowExecutionHistoryReverseRequest {
        next_page_token: page.next_page_token,
        ..request
    };
    let Ok(Response::GetWorkflowExecutionHistoryReverse(page)) = world.call(next) else {
        panic!("no page")
    };
    assert_eq!(
        (
            page.history.unwrap().events[0].event_id,
            page.next_page_token.is_empty()
        ),
        (1, true)
    );
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
fn a_description_tells_of_the_run_and_its_pending_task() {
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
fn a_started_event_says_what_the_client_left_open() {
    let mut world = World::new();
    let run_id = world.start("order");
    let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) =
        &world.history("order")[0].attributes
    else {
        panic!("not the first event")
    };
    assert_eq!(started.workflow_task_timeout, Some(duration(10_000)));
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
