//! Workflow tasks on sticky queues.

use pretty_assertions::assert_eq;

use super::*;

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
    let task = task.into_message();
    assert_eq!(
        types(&task.history.as_ref().unwrap().events),
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
fn a_task_that_its_sticky_worker_does_not_take_moves_to_the_normal_queue() {
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
fn a_sticky_queue_without_recent_polls_is_avoided() {
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
fn a_failed_sticky_task_is_retried_as_a_first_attempt_on_the_normal_queue() {
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
