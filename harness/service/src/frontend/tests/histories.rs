//! Histories, page by page and as long polls.

use pretty_assertions::assert_eq;

use super::*;
use crate::api::history::history_event;

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
fn the_last_page_of_a_history_has_the_events_since_the_first_page() {
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
fn a_history_ends_with_the_events_of_a_task_that_are_not_written_yet() {
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
fn a_poll_for_the_closing_event_of_a_run_that_goes_on_gets_continued_as_new() {
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
    let Some(history_event::Attributes::WorkflowExecutionContinuedAsNewEventAttributes(continued)) =
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
