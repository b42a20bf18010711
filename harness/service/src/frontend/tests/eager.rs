//! Tasks that come with the answer of the service, so that no worker polls for them.

use pretty_assertions::assert_eq;

use crate::{
    api::{
        Attributes,
        command::{
            RequestCancelActivityTaskCommandAttributes, ScheduleActivityTaskCommandAttributes,
            command,
        },
        common::ActivityType,
        enums::EventType,
        rpc::*,
    },
    base::time::duration,
    messages::request::Response,
    testing::*,
};

fn eager_start(workflow_id: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        request_eager_execution: true,
        ..start_request(workflow_id)
    }
}

fn started(
    world: &mut World,
    request: StartWorkflowExecutionRequest,
) -> StartWorkflowExecutionResponse {
    match world.call(request) {
        Ok(Response::StartWorkflowExecution(response)) => *response,
        other => panic!("not started: {other:?}"),
    }
}

fn eager_activity(activity_id: &str) -> command::Attributes {
    command::Attributes::ScheduleActivityTaskCommandAttributes(
        ScheduleActivityTaskCommandAttributes {
            activity_id: activity_id.to_owned(),
            activity_type: Some(ActivityType {
                name: "greet".to_owned(),
            }),
            task_queue: queue(TASK_QUEUE),
            start_to_close_timeout: Some(duration(10_000)),
            request_eager_execution: true,
            ..ScheduleActivityTaskCommandAttributes::default()
        },
    )
}

#[test]
fn a_start_brings_the_first_task_to_the_worker_that_asks_for_it() {
    let mut world = World::new();
    let response = started(&mut world, eager_start("w"));
    let task = response.eager_workflow_task.unwrap();
    assert!(!world.has_workflow_task());
    assert_eq!((task.started_event_id, task.attempt), (3, 1));
    assert_eq!(task.history.as_ref().unwrap().events.len(), 3);
    let Some(Attributes::WorkflowExecutionStartedEventAttributes(attributes)) =
        &world.history("w")[0].attributes
    else {
        panic!("not a start");
    };
    assert!(attributes.eager_execution_accepted);

    // A repetition gets the task again, as long as it is that of the first answer.
    let again = started(&mut world, eager_start("w"));
    assert_eq!(
        again.eager_workflow_task.unwrap().task_token,
        task.task_token
    );
    world
        .complete(&task, vec![complete_workflow("done")])
        .unwrap();
    assert_eq!(
        started(&mut world, eager_start("w")).eager_workflow_task,
        None
    );
}

#[test]
fn a_lost_eager_task_times_out_and_waits_for_a_poll() {
    let mut world = World::new();
    started(&mut world, eager_start("w"));
    world.pass(10_000);
    assert_eq!(world.workflow_task().attempt, 2);
}

#[test]
fn a_delayed_start_brings_no_task() {
    let mut world = World::new();
    let request = StartWorkflowExecutionRequest {
        workflow_start_delay: Some(duration(5_000)),
        ..eager_start("w")
    };
    assert_eq!(started(&mut world, request).eager_workflow_task, None);
    world.pass(5_000);
    world.workflow_task();
}

#[test]
fn a_completion_brings_the_activities_that_the_worker_asks_for() {
    let mut world = World::new();
    world.start("w");
    let task = world.workflow_task();
    let commands = ["1", "2"].map(eager_activity);
    let response = world.complete(&task, commands.into()).unwrap();
    let ids: Vec<_> = response
        .activity_tasks
        .iter()
        .map(|it| &it.activity_id)
        .collect();
    assert_eq!(ids, ["1", "2"]);
    assert!(!world.is_answered_at_once(activity_poll_request()));
    let request = RespondActivityTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: response.activity_tasks[0].task_token.clone(),
        ..RespondActivityTaskCompletedRequest::default()
    };
    world.call(request).unwrap();
    let types = world.event_types("w");
    let closing = [
        EventType::ActivityTaskStarted,
        EventType::ActivityTaskCompleted,
    ];
    assert!(types.windows(2).any(|pair| pair == closing), "{types:?}");
    // The other one is retried on its queue.
    world.pass(11_000);
    assert!(world.is_answered_at_once(activity_poll_request()));
}

#[test]
fn an_activity_that_its_task_cancels_does_not_begin() {
    let mut world = World::new();
    world.start("w");
    let task = world.workflow_task();
    let cancel = command::Attributes::RequestCancelActivityTaskCommandAttributes(
        RequestCancelActivityTaskCommandAttributes {
            scheduled_event_id: 5,
        },
    );
    let response = world
        .complete(&task, vec![eager_activity("1"), cancel])
        .unwrap();
    assert!(response.activity_tasks.is_empty());
    let closed = complete_workflow("done");
    let next = world.workflow_task();
    let response = world
        .complete(&next, vec![eager_activity("2"), closed])
        .unwrap();
    assert!(response.activity_tasks.is_empty());
}
