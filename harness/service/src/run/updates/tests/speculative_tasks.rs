//! Speculative workflow tasks, which carry updates.

use pretty_assertions::assert_eq;

use super::*;

#[test]
fn a_task_that_only_rejects_updates_vanishes() {
    let mut world = idle();
    let id = world.send(update_request("stock", "u", Stage::Accepted));
    let task = world.workflow_task();
    let response = world
        .respond(answered(&task, vec![], vec![reject("u")]))
        .unwrap();
    assert_eq!(
        response.reset_history_event_id, 3,
        "the worker goes back to its last task"
    );
    let (stage, outcome) = reached(&mut world, id).unwrap();
    assert_eq!(stage, Stage::Completed);
    assert!(
        matches!(outcome, Some(outcome::Value::Failure(failure)) if failure.message == "no stock")
    );
    assert_eq!(world.history("stock").len(), IDLE_EVENTS);
    let again = world.send(update_request("stock", "u", Stage::Accepted));
    assert!(
        world.reply(again).is_none(),
        "a rejected update can be tried again"
    );
    assert_eq!(world.workflow_task().messages.len(), 1);
}

#[test]
fn a_signal_makes_a_speculative_task_a_normal_one() {
    let mut world = idle();
    world.send(update_request("stock", "u", Stage::Accepted));
    let signal = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("stock"),
        signal_name: "restock".to_owned(),
        ..SignalWorkflowExecutionRequest::default()
    };
    world.call(signal).unwrap();
    assert_eq!(
        world.event_types("stock")[IDLE_EVENTS..],
        [WorkflowTaskScheduled, WorkflowExecutionSignaled]
    );
    let task = world.workflow_task();
    world
        .respond(answered(&task, vec![], vec![reject("u")]))
        .unwrap();
    assert_eq!(
        world.last_event("stock").event_type(),
        WorkflowTaskCompleted,
        "it stays in history"
    );
}

#[test]
fn a_speculative_task_that_no_worker_takes_becomes_a_normal_one() {
    let mut world = idle();
    world.send(update_request("stock", "u", Stage::Accepted));
    world.pass(5_000);
    assert_eq!(
        world.event_types("stock")[IDLE_EVENTS..],
        [
            WorkflowTaskScheduled,
            WorkflowTaskTimedOut,
            WorkflowTaskScheduled
        ]
    );
    assert_eq!(world.workflow_task().messages.len(), 1);
}
