//! The limits of a run.

use pretty_assertions::assert_eq;

use super::*;

/// Source: `temporalio/temporal: service/history/workflow/mutable_state_impl.go`
/// (`closeTransactionHandleBufferedEventsLimit`).
#[test]
fn too_many_or_too_large_waiting_events_fail_the_workflow_task() {
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
fn a_history_with_too_many_events_terminates_the_run() {
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
        world.service.executions().next().unwrap().terminated,
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
    let run = world.service.executions().next().unwrap();
    let terminated = run.terminated.unwrap();
    assert_eq!(terminated.message, "Workflow history size exceeds limit.");
    assert_eq!(terminated.reason, Some(Reason::HistoryTooLarge));
}

/// The limit is exceeded by the start of the task, so the poll gets nothing.
#[test]
fn a_workflow_task_whose_start_exceeds_the_event_limit_reaches_no_worker() {
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
    let Some(history_event::Attributes::WorkflowTaskStartedEventAttributes(started)) =
        task.history.unwrap().events.pop().unwrap().attributes
    else {
        panic!("not started")
    };
    assert!(started.suggest_continue_as_new);
    assert!(started.history_size_bytes > 0);
}
