//! The server's rules for workflow tasks and for the end of runs, one by one.

#![allow(
    clippy::enum_glob_use,
    reason = "histories are written as lists of event types"
)]

use std::{borrow::Borrow, sync::Arc};

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
        history::*,
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

fn fail_workflow(message: &str) -> Command {
    Command::FailWorkflowExecutionCommandAttributes(FailWorkflowExecutionCommandAttributes {
        failure: Some(Failure {
            message: message.to_owned(),
            failure_info: Some(FailureInfo::ApplicationFailureInfo(
                ApplicationFailureInfo::default(),
            )),
            ..Failure::default()
        }),
    })
}

fn types<E: Borrow<HistoryEvent>>(events: &[E]) -> Vec<EventType> {
    events
        .iter()
        .map(|event| event.borrow().event_type())
        .collect()
}

fn started(events: &[Arc<HistoryEvent>]) -> &WorkflowExecutionStartedEventAttributes {
    match &events[0].attributes {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => started,
        other => panic!("not the first event: {other:?}"),
    }
}

/// Returns the id of the run of this ordinal, from 1.
fn run_id(world: &World, ordinal: usize) -> String {
    world
        .service
        .executions
        .iter()
        .nth(ordinal - 1)
        .expect("a run")
        .run_id
        .clone()
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
fn new_events_end_a_row_of_failed_attempts() {
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
fn a_command_of_no_type_refuses_the_completion_and_one_without_attributes_fails_the_task() {
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
fn a_task_that_is_not_answered_times_out_after_ten_seconds_and_its_answer_is_not_found() {
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
fn a_run_that_closes_without_having_seen_a_signal_fails_its_task_and_sees_it_in_the_next() {
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
fn a_sticky_task_carries_only_the_events_since_the_last_one() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    world
        .respond(sticky_completion(
            &task,
            vec![start_timer("1", 1_000)],
            "sticky",
        ))
        .unwrap();
    let poll = world.send(sticky_poll_request("sticky"));
    world.pass(1_000);
    let Some(Ok(Response::PollWorkflowTaskQueue(task))) = world.reply(poll) else {
        panic!("no task")
    };
    assert_eq!(
        types(task.events()),
        [
            WorkflowTaskCompleted,
            TimerStarted,
            TimerFired,
            WorkflowTaskScheduled,
            WorkflowTaskStarted
        ]
    );
    assert_eq!(task.previous_started_event_id, 3);
}

#[test]
fn what_no_sticky_worker_takes_in_time_goes_to_the_normal_queue_with_all_events() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    world
        .respond(sticky_completion(
            &task,
            vec![start_timer("1", 1_000)],
            "sticky",
        ))
        .unwrap();
    let poll = world.send(sticky_poll_request("sticky"));
    world.service.cancel(poll);
    world.pass(1_000);
    assert!(!world.has_workflow_task());
    world.pass(10_000);
    let task = world.workflow_task();
    assert_eq!(task.attempt, 1);
    assert_eq!(
        types(&task.history.unwrap().events)[5..],
        [
            TimerFired,
            WorkflowTaskScheduled,
            WorkflowTaskTimedOut,
            WorkflowTaskScheduled,
            WorkflowTaskStarted
        ]
    );
}

#[test]
fn a_sticky_queue_that_nobody_polled_for_long_is_passed_over() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    world
        .respond(sticky_completion(
            &task,
            vec![start_timer("1", 60_000)],
            "sticky",
        ))
        .unwrap();
    let poll = world.send(sticky_poll_request("sticky"));
    world.service.cancel(poll);
    world.pass(60_000);
    assert_eq!(world.workflow_task().history.unwrap().events[0].event_id, 1);
}

#[test]
fn a_failed_sticky_task_is_tried_again_as_a_first_attempt_on_the_normal_queue() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    world
        .respond(sticky_completion(&task, vec![], "sticky"))
        .unwrap();
    let poll = world.send(sticky_poll_request("sticky"));
    signal(&mut world, "order").unwrap();
    let Some(Ok(Response::PollWorkflowTaskQueue(task))) = world.reply(poll) else {
        panic!("no task")
    };
    fail_task(&mut world, &task);
    let task = world.workflow_task();
    assert_eq!(task.attempt, 1);
    assert_eq!(task.history.unwrap().events[0].event_id, 1);
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
fn a_task_that_heartbeats_kept_alive_for_too_long_times_out_and_so_does_the_one_after_it() {
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
fn a_failed_run_is_retried_as_another_run_of_the_chain() {
    let mut world = World::new();
    let mut request = start_request("order");
    request.retry_policy = Some(RetryPolicy {
        maximum_attempts: 2,
        ..RetryPolicy::default()
    });
    world.call(request).unwrap();
    world.pass(5_000);
    world.run_workflow_task(vec![fail_workflow("not yet")]);
    let (first, second) = (run_id(&world, 1), run_id(&world, 2));
    let events = world.service.history("order", Some(&first)).unwrap();
    let Some(Attributes::WorkflowExecutionFailedEventAttributes(failed)) =
        &events.last().unwrap().attributes
    else {
        panic!("not failed")
    };
    assert_eq!(
        (failed.retry_state(), &failed.new_execution_run_id),
        (RetryState::InProgress, &second)
    );
    let next = started(world.history("order"));
    assert_eq!(
        (
            &next.continued_execution_run_id,
            &next.first_execution_run_id
        ),
        (&first, &first)
    );
    assert_eq!(next.original_execution_run_id, second);
    assert_eq!(
        (next.attempt, next.first_workflow_task_backoff),
        (2, Some(duration(1_000)))
    );
    assert_eq!(next.continued_failure.as_ref().unwrap().message, "not yet");

    assert!(!world.has_workflow_task());
    world.pass(1_000);
    world.run_workflow_task(vec![fail_workflow("for good")]);
    let Some(Attributes::WorkflowExecutionFailedEventAttributes(failed)) =
        &world.last_event("order").attributes
    else {
        panic!("not failed")
    };
    assert_eq!(failed.retry_state(), RetryState::MaximumAttemptsReached);
    assert_eq!(failed.new_execution_run_id, "");
}

#[test]
fn a_cron_schedule_starts_the_next_run_with_the_last_result() {
    let mut world = World::new();
    let mut request = start_request("report");
    request.cron_schedule = "0 * * * *".to_owned();
    world.call(request).unwrap();
    assert!(!world.has_workflow_task());
    world.pass(60 * 60_000);
    world.run_workflow_task(vec![complete_workflow("first")]);
    let next = started(world.history("report"));
    assert_eq!(next.last_completion_result, payloads("first"));
    assert_eq!(
        next.first_workflow_task_backoff,
        Some(duration(60 * 60_000))
    );
    world.pass(60 * 60_000);
    world.run_workflow_task(vec![complete_workflow("second")]);
}

#[test]
fn a_run_timeout_closes_the_run_and_fails_its_started_task() {
    let mut world = World::new();
    let mut request = start_request("order");
    request.workflow_run_timeout = Some(duration(5_000));
    world.call(request).unwrap();
    // A workflow task has at most the time of its run, and this run has less left.
    world.pass(1_000);
    world.workflow_task();
    signal(&mut world, "order").unwrap();
    world.pass(4_000);
    assert_eq!(
        world.event_types("order")[2..],
        [
            WorkflowTaskStarted,
            WorkflowTaskFailed,
            WorkflowExecutionSignaled,
            WorkflowExecutionTimedOut
        ]
    );
    assert_eq!(world.service.next_due_ms(), None);
}

#[test]
fn an_execution_timeout_ends_the_chain_over_retries() {
    let mut world = World::new();
    let mut request = start_request("order");
    request.workflow_execution_timeout = Some(duration(10_000));
    request.retry_policy = Some(RetryPolicy {
        initial_interval: Some(duration(4_000)),
        ..RetryPolicy::default()
    });
    world.call(request).unwrap();
    world.run_workflow_task(vec![fail_workflow("not yet")]);
    world.pass(4_000);
    world.run_workflow_task(vec![start_timer("1", 60_000)]);
    world.pass(6_000);
    let Some(Attributes::WorkflowExecutionTimedOutEventAttributes(timed_out)) =
        &world.last_event("order").attributes
    else {
        panic!("not timed out: {:?}", world.event_types("order"))
    };
    assert_eq!(
        (
            timed_out.retry_state(),
            timed_out.new_execution_run_id.as_str()
        ),
        (RetryState::Timeout, "")
    );
}

#[test]
fn termination_fails_a_started_task_first() {
    let mut world = World::new();
    world.start("order");
    let task = world.workflow_task();
    let request = TerminateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        reason: "enough".to_owned(),
        ..TerminateWorkflowExecutionRequest::default()
    };
    world.call(request.clone()).unwrap();
    assert_eq!(
        world.event_types("order")[2..],
        [
            WorkflowTaskStarted,
            WorkflowTaskFailed,
            WorkflowExecutionTerminated
        ]
    );
    assert_eq!(
        world.complete(&task, vec![]).unwrap_err().code(),
        tonic::Code::NotFound
    );
    assert_eq!(
        world.call(request).unwrap_err().code(),
        tonic::Code::NotFound
    );
}

#[test]
fn a_cancel_request_is_recorded_once_and_succeeds_on_a_closed_run() {
    let mut world = World::new();
    world.start("order");
    let request = RequestCancelWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        ..RequestCancelWorkflowExecutionRequest::default()
    };
    for _ in 0..2 {
        world.call(request.clone()).unwrap();
    }
    let requested = world
        .event_types("order")
        .into_iter()
        .filter(|event| *event == WorkflowExecutionCancelRequested);
    assert_eq!(requested.count(), 1);
    world.run_workflow_task(vec![complete_workflow("done")]);
    world.call(request).unwrap();
}

/// Source: `temporalio/temporal: service/history/workflow/mutable_state_impl.go`
/// (`closeTransactionHandleBufferedEventsLimit`).
#[test]
fn events_that_wait_for_a_workflow_task_and_are_too_many_or_too_large_fail_it() {
    let mut few = ServiceConfig::default();
    few.limits.buffered_events = 1;
    let mut small = ServiceConfig::default();
    small.limits.buffered_bytes = 50;
    for config in [few, small] {
        let mut world = World::with(config);
        world.start("order");
        world.workflow_task();
        signal(&mut world, "order").unwrap();
        signal(&mut world, "order").unwrap();
        assert_eq!(
            world.event_types("order")[3..],
            [
                WorkflowTaskFailed,
                WorkflowExecutionSignaled,
                WorkflowExecutionSignaled,
                WorkflowTaskScheduled
            ]
        );
    }
}

#[test]
fn a_history_past_its_limit_terminates_the_run() {
    let mut config = ServiceConfig::default();
    config.limits.history_events = 10;
    let mut world = World::with(config);
    world.start("order");
    world.run_workflow_task(vec![start_timer("1", 60_000)]);
    for _ in 0..10 {
        if signal(&mut world, "order").is_err() {
            break;
        }
    }
    assert_eq!(
        world.last_event("order").event_type(),
        WorkflowExecutionTerminated
    );
    assert_eq!(
        world.service.executions()[0].terminated,
        Some(TerminationSummary {
            message: "Workflow history count exceeds limit.".to_owned(),
            reason: Some(Reason::HistoryTooLong),
        })
    );
}

#[test]
fn a_history_with_too_many_bytes_terminates_the_run() {
    let mut config = ServiceConfig::default();
    config.limits.history_bytes = 300;
    let mut world = World::with(config);
    world.start("order");
    while signal(&mut world, "order").is_ok() {}
    let terminated = world.service.executions()[0].terminated.clone().unwrap();
    assert_eq!(terminated.message, "Workflow history size exceeds limit.");
    assert_eq!(terminated.reason, Some(Reason::HistoryTooLarge));
}

/// The limit is exceeded by the start of the task, so the poll gets nothing.
#[test]
fn a_workflow_task_whose_start_is_the_event_too_many_reaches_no_worker() {
    let mut config = ServiceConfig::default();
    config.limits.history_events = 2;
    let mut world = World::with(config);
    world.start("order");
    assert!(!world.has_workflow_task());
    assert_eq!(
        world.last_event("order").event_type(),
        WorkflowExecutionTerminated
    );
}

#[test]
fn a_long_history_suggests_continue_as_new() {
    let mut config = ServiceConfig::default();
    config.limits.suggest_continue_as_new_events = 5;
    let mut world = World::with(config);
    world.start("order");
    world.run_workflow_task(vec![start_timer("1", 1_000)]);
    world.pass(1_000);
    let task = world.workflow_task();
    let Some(Attributes::WorkflowTaskStartedEventAttributes(started)) =
        task.history.unwrap().events.pop().unwrap().attributes
    else {
        panic!("not started")
    };
    assert!(started.suggest_continue_as_new);
    assert!(started.history_size_bytes > 0);
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
