//! The end of a run, and the run that may follow it.

use pretty_assertions::assert_eq;

use super::*;

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
