//! Waits that end, and work that is under way.

use pretty_assertions::assert_eq;
use tonic::Code;

use crate::{
    ServiceConfig,
    api::{
        enums::{HistoryEventFilterType, UpdateWorkflowExecutionLifecycleStage as Stage},
        rpc::{
            GetWorkflowExecutionHistoryRequest, PollActivityTaskQueueRequest,
            PollActivityTaskQueueResponse, PollWorkflowTaskQueueResponse,
            UpdateWorkflowExecutionRequest,
        },
        update::{Input, Meta, Request as Update, WaitPolicy},
    },
    messages::request::Response,
    testing::*,
};

fn tracking() -> World {
    World::with(ServiceConfig {
        tracks_work: true,
        ..ServiceConfig::default()
    })
}

#[test]
fn a_poll_that_waited_long_enough_gets_no_task_and_takes_none() {
    let mut world = World::new();
    let workflow = world.send(poll_request());
    let activity = world.send(PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(TASK_QUEUE),
        ..PollActivityTaskQueueRequest::default()
    });
    world.expire(workflow);
    world.expire(activity);
    match world.reply(workflow) {
        Some(Ok(Response::PollWorkflowTaskQueue(task))) => assert_eq!(
            task.into_message(),
            PollWorkflowTaskQueueResponse::default()
        ),
        other => panic!("not an empty task: {other:?}"),
    }
    match world.reply(activity) {
        Some(Ok(Response::PollActivityTaskQueue(task))) => {
            assert_eq!(*task, PollActivityTaskQueueResponse::default());
        }
        other => panic!("not an empty task: {other:?}"),
    }
    world.start("order");
    assert!(world.has_workflow_task(), "an ended poll took the task");
}

#[test]
fn a_wait_for_the_end_goes_on_from_the_token_of_an_empty_page() {
    let mut world = World::new();
    world.start("order");
    let mut request = GetWorkflowExecutionHistoryRequest {
        namespace: "default".to_owned(),
        execution: execution("order"),
        wait_new_event: true,
        history_event_filter_type: HistoryEventFilterType::CloseEvent.into(),
        ..GetWorkflowExecutionHistoryRequest::default()
    };
    let first = world.send(request.clone());
    world.expire(first);
    let Some(Ok(Response::GetWorkflowExecutionHistory(page))) = world.reply(first) else {
        panic!("an ended wait is answered");
    };
    assert!(page.history.unwrap_or_default().events.is_empty());
    assert!(!page.next_page_token.is_empty());

    request.next_page_token = page.next_page_token;
    let second = world.send(request);
    assert!(world.reply(second).is_none());
    world.run_workflow_task(vec![complete_workflow("done")]);
    let Some(Ok(Response::GetWorkflowExecutionHistory(page))) = world.reply(second) else {
        panic!("the wait ends with the run");
    };
    assert_eq!(page.history.unwrap_or_default().events.len(), 1);
    assert!(page.next_page_token.is_empty());
}

#[test]
fn a_caller_of_an_update_gets_the_stage_that_it_has_reached() {
    let mut world = World::new();
    world.start("order");
    let update = world.send(UpdateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        wait_policy: Some(WaitPolicy {
            lifecycle_stage: Stage::Completed.into(),
        }),
        request: Some(Update {
            meta: Some(Meta {
                update_id: "u".to_owned(),
                ..Meta::default()
            }),
            input: Some(Input {
                name: "set".to_owned(),
                ..Input::default()
            }),
            ..Update::default()
        }),
        ..UpdateWorkflowExecutionRequest::default()
    });
    assert!(world.reply(update).is_none());
    world.expire(update);
    match world.reply(update) {
        Some(Ok(Response::UpdateWorkflowExecution(response))) => {
            assert_eq!(response.stage(), Stage::Admitted);
            assert_eq!(response.outcome, None);
        }
        other => panic!("not the stage: {other:?}"),
    }
}

#[test]
fn a_query_fails_if_no_worker_polls_for_it() {
    let mut world = World::new();
    world.start("order");
    world.run_workflow_task(vec![]);
    world.pass(60_000);
    let query = world.send(query_request("order"));
    world.expire(query);
    let refused = world.reply(query).expect("it is refused").unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
}

#[test]
fn a_query_that_a_worker_has_goes_on_waiting() {
    let mut world = World::new();
    world.start("order");
    world.run_workflow_task(vec![]);
    let query = world.send(query_request("order"));
    assert!(world.workflow_task().query.is_some());
    world.expire(query);
    assert!(world.reply(query).is_none());
}

#[test]
fn a_request_that_does_not_wait_is_left_alone() {
    let mut world = World::new();
    let poll = world.send(poll_request());
    world.start("order");
    let task = world.reply(poll);
    world.expire(poll);
    assert!(task.is_some() && world.reply(poll).is_none());
}

#[test]
fn a_worker_works_from_the_start_of_a_task_to_its_end() {
    let mut world = tracking();
    world.start("order");
    assert!(!world.service.is_working(), "no worker has the task yet");
    let task = world.workflow_task();
    assert!(world.service.is_working());
    world
        .complete(&task, vec![start_timer("t", 60_000)])
        .unwrap();
    assert!(!world.service.is_working(), "a timer is no work");
}

#[test]
fn a_query_is_work_too() {
    let mut world = tracking();
    world.start("order");
    world.run_workflow_task(vec![]);
    world.send(query_request("order"));
    assert!(!world.service.is_working());
    assert!(world.workflow_task().query.is_some());
    assert!(world.service.is_working());
}

#[test]
fn a_task_that_gave_up_waiting_for_its_worker_is_no_work() {
    let mut world = tracking();
    world.start("order");
    world.workflow_task();
    world.pass(11_000);
    assert!(!world.service.is_working());
}

#[test]
fn a_task_awaits_a_poll_only_where_a_worker_polled_just_now() {
    let mut world = tracking();
    world.start("order");
    assert!(!world.service.awaits_poll(world.now_ms, 1_000), "no worker");
    world.run_workflow_task(vec![start_timer("t", 500)]);
    world.pass(500);
    assert!(world.service.awaits_poll(world.now_ms, 1_000));
    world.pass(2_000);
    assert!(!world.service.awaits_poll(world.now_ms, 1_000));
}
