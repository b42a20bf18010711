//! The server's rules for workflow tasks and for the end of runs, one by one.

#![allow(
    clippy::enum_glob_use,
    reason = "histories are written as lists of event types"
)]

mod endings;
mod limits;
mod stickiness;

use std::sync::Arc;

use pretty_assertions::assert_eq;

use crate::{
    Reason, TerminationSummary,
    api::{
        Attributes, HistoryEvent,
        command::{FailWorkflowExecutionCommandAttributes, command::Attributes as Command},
        common::RetryPolicy,
        enums::{
            CommandType,
            EventType::{self, *},
            RetryState, WorkflowTaskFailedCause,
        },
        failure::{ApplicationFailureInfo, Failure, failure::FailureInfo},
        history::{self, *},
        rpc::*,
    },
    base::{config::ServiceConfig, time::duration},
    messages::request::Response,
    testing::*,
};

fn signal(world: &mut World, workflow_id: &str) -> Result<Response, tonic::Status> {
    world.call(SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution(workflow_id),
        signal_name: "go".to_owned(),
        ..SignalWorkflowExecutionRequest::default()
    })
}

fn fail_task(world: &mut World, task: &PollWorkflowTaskQueueResponse) {
    let request = RespondWorkflowTaskFailedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        cause: WorkflowTaskFailedCause::NonDeterministicError.into(),
        ..RespondWorkflowTaskFailedRequest::default()
    };
    world.call(request).expect("a failure that is accepted");
}

fn types(events: &[history::HistoryEvent]) -> Vec<EventType> {
    events
        .iter()
        .map(history::HistoryEvent::event_type)
        .collect()
}

fn started(events: &[Arc<HistoryEvent>]) -> &WorkflowExecutionStartedEventAttributes {
    match &events[0].attributes {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => started,
        other => panic!("not the first event: {other:?}"),
    }
}

#[test]
fn from_the_second_attempt_on_a_failing_task_writes_no_events() {
    let mut world = World::new();
    world.start("order");
    for attempt in 1..=3 {
        let task = world.workflow_task();
        assert_eq!(task.attempt, attempt);
        assert_eq!(
            types(&task.history.as_ref().unwrap().events)
                [task.history.as_ref().unwrap().events.len() - 1],
            WorkflowTaskStarted
        );
        fail_task(&mut world, &task);
    }
    assert_eq!(
        world.event_types("order"),
        [
            WorkflowExecutionStarted,
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskFailed
        ]
    );
    let task = world.workflow_task();
    assert_eq!(task.started_event_id, 6);
    world
        .complete(&task, vec![complete_workflow("at last")])
        .unwrap();
    assert_eq!(
        world.event_types("order")[4..],
        [
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskCompleted,
            WorkflowExecutionCompleted
        ]
    );
}

#[test]
fn new_events_end_a_series_of_failed_attempts() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    fail_task(&mut world, &task);
    signal(&mut world, "order").unwrap();
    let task = world.workflow_task();
    assert_eq!(task.attempt, 1);
    assert_eq!(
        world.event_types("order")[4..],
        [
            WorkflowExecutionSignaled,
            WorkflowTaskScheduled,
            WorkflowTaskStarted
        ]
    );
}

#[test]
fn a_command_without_a_type_is_refused_and_one_without_attributes_fails_the_task() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    let mut of_type = |kind: CommandType| {
        let command = crate::api::command::Command {
            command_type: kind.into(),
            ..Default::default()
        };
        let completion = RespondWorkflowTaskCompletedRequest {
            commands: vec![command],
            ..completion(&task, vec![])
        };
        world.respond(completion).unwrap_err().message().to_owned()
    };
    assert_eq!(
        of_type(CommandType::Unspecified),
        "unknown command type: Unspecified"
    );
    let nothing =
        "BadStartTimerAttributes: StartTimerCommandAttributes is not set on StartTimerCommand.";
    assert_eq!(of_type(CommandType::StartTimer), nothing);
    assert_eq!(world.event_types("order")[3..], [WorkflowTaskFailed]);
}

#[test]
fn a_task_without_an_answer_times_out_after_ten_seconds() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    world.pass(9_999);
    assert!(!world.has_workflow_task());
    world.pass(1);
    assert_eq!(world.last_event("order").event_type(), WorkflowTaskTimedOut);
    assert_eq!(
        world.complete(&task, vec![]).unwrap_err().code(),
        tonic::Code::NotFound
    );
    assert_eq!(world.workflow_task().attempt, 2);
}

#[test]
fn a_run_that_closes_before_it_has_seen_a_signal_fails_its_task() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    signal(&mut world, "order").unwrap();
    let refused = world
        .complete(&task, vec![complete_workflow("too early")])
        .unwrap_err();
    assert_eq!(refused.message(), "UnhandledCommand");
    assert_eq!(Reason::of(&refused), Some(Reason::UnhandledCommand));
    assert_eq!(
        world.event_types("order")[2..],
        [
            WorkflowTaskStarted,
            WorkflowTaskFailed,
            WorkflowExecutionSignaled,
            WorkflowTaskScheduled
        ]
    );
    let task = world.workflow_task();
    // After an attempt to close, the run refuses signals, so that the next task can close it.
    assert_eq!(
        signal(&mut world, "order").unwrap_err().code(),
        tonic::Code::ResourceExhausted
    );
    world
        .complete(&task, vec![complete_workflow("now")])
        .unwrap();
    assert_eq!(
        world.last_event("order").event_type(),
        WorkflowExecutionCompleted
    );
}

#[test]
fn a_heartbeat_brings_the_next_task_with_the_response() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    let response = world
        .respond(RespondWorkflowTaskCompletedRequest {
            force_create_new_workflow_task: true,
            return_new_workflow_task: true,
            ..sticky_completion(&task, vec![], "sticky")
        })
        .unwrap();
    let next = response.workflow_task.expect("the next task");
    assert_eq!(
        types(&next.history.as_ref().unwrap().events),
        [
            WorkflowTaskCompleted,
            WorkflowTaskScheduled,
            WorkflowTaskStarted
        ]
    );
    world
        .complete(&next, vec![complete_workflow("done")])
        .unwrap();
}

#[test]
fn heartbeats_for_too_long_time_out_the_task_and_the_next_one() {
    let mut world = World::new();
    world.start("order");
    let beat = |task: &PollWorkflowTaskQueueResponse| RespondWorkflowTaskCompletedRequest {
        force_create_new_workflow_task: true,
        return_new_workflow_task: true,
        ..sticky_completion(task, vec![], "sticky")
    };
    let first = world.workflow_task();
    let mut task = world.respond(beat(&first)).unwrap().workflow_task.unwrap();
    for _ in 0..200 {
        world.pass(9_000);
        task = world.respond(beat(&task)).unwrap().workflow_task.unwrap();
    }
    world.pass(1);
    let refused = world.respond(beat(&task)).unwrap_err();
    assert_eq!(refused.message(), "workflow task heartbeat timeout");
    assert_eq!(refused.code(), tonic::Code::NotFound);
    let timed_out = [
        WorkflowTaskTimedOut,
        WorkflowTaskScheduled,
        WorkflowTaskStarted,
    ];
    assert_eq!(world.event_types("order")[606..], timed_out);
    world.pass(10_000);
    let task = world.workflow_task();
    assert_eq!(
        (task.attempt, &world.event_types("order")[609..]),
        (1, &timed_out[..])
    );
}

#[test]
fn signals_do_not_wake_a_delayed_start_but_wait_for_it() {
    let mut world = World::new();
    let mut request = start_request("order");
    request.workflow_start_delay = Some(duration(60_000));
    world.call(request).unwrap();
    signal(&mut world, "order").unwrap();
    assert!(!world.has_workflow_task());
    world.pass(60_000);
    assert_eq!(
        types(&world.workflow_task().history.unwrap().events),
        [
            WorkflowExecutionStarted,
            WorkflowExecutionSignaled,
            WorkflowTaskScheduled,
            WorkflowTaskStarted
        ]
    );
}
