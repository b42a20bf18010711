//! Timers that workflow code starts and cancels.

#![allow(
    clippy::enum_glob_use,
    reason = "histories are written as lists of event types"
)]

use crate::{
    api::{
        command::{self, command::Attributes},
        enums::EventType::{self, *},
    },
    testing::*,
};

fn cancel_timer(timer_id: &str) -> Attributes {
    Attributes::CancelTimerCommandAttributes(command::CancelTimerCommandAttributes {
        timer_id: timer_id.to_owned(),
    })
}

#[test]
fn a_workflow_sleeps_and_completes() {
    let mut world = World::new();
    world.start("sleeper");
    world.run_workflow_task(vec![start_timer("1", 60_000)]);
    assert!(!world.has_workflow_task());
    world.pass(60_000);
    world.run_workflow_task(vec![complete_workflow("done")]);
    assert_eq!(
        world.event_types("sleeper"),
        [
            WorkflowExecutionStarted,
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskCompleted,
            TimerStarted,
            TimerFired,
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskCompleted,
            WorkflowExecutionCompleted,
        ]
    );
}

#[test]
fn a_timer_under_a_second_may_fire_late_with_those_that_are_due_then() {
    let mut world = World::new();
    world.service.note_short_timers();
    world.start("sleeper");
    world.run_workflow_task(vec![
        start_timer("early", 100),
        start_timer("later", 700),
        start_timer("last", 1_500),
    ]);
    let short = world.service.take_short_timers();
    assert_eq!(short.len(), 1);
    assert_eq!(short[0].workflow_id, "sleeper");
    let until_ms = world.now_ms + 1_000;
    world.service.postpone(&short[0], until_ms);
    assert_eq!(world.service.next_due_ms(), Some(until_ms));
    world.pass(1_000);
    let fired = |world: &World| {
        let types = world.event_types("sleeper");
        types.iter().filter(|it| **it == TimerFired).count()
    };
    assert_eq!(fired(&world), 2, "the two that were due by then");
    // The next timer is short now, and fires exactly if it is left alone.
    assert_eq!(world.service.take_short_timers().len(), 1);
    world.pass(499);
    assert_eq!(fired(&world), 2);
    world.pass(1);
    assert_eq!(fired(&world), 3);
}

#[test]
fn a_cancelled_timer_that_was_to_fire_late_does_not_fire() {
    let mut world = World::new();
    world.service.note_short_timers();
    world.start("sleeper");
    let start = |id, ms| start_timer(id, ms);
    world.run_workflow_task(vec![
        start("shortest", 100),
        start("short", 200),
        start("long", 5_000),
    ]);
    let timer = world.service.take_short_timers().remove(0);
    world.service.postpone(&timer, world.now_ms + 150);
    world.pass(150);
    let timer = world.service.take_short_timers().remove(0);
    world.service.postpone(&timer, world.now_ms + 1_000);
    world.run_workflow_task(vec![cancel_timer("short")]);
    let due_ms = world.service.next_due_ms();
    assert_eq!(
        due_ms,
        Some(world.now_ms - 150 + 5_000),
        "only the long one is left"
    );
}

#[test]
fn all_due_timers_of_a_run_fire_in_one_transaction_by_due_time() {
    let mut world = World::new();
    world.start("sleeper");
    world.run_workflow_task(vec![
        start_timer("late", 2_000),
        start_timer("early", 1_000),
        start_timer("same", 2_000),
    ]);
    world.now_ms += 2_000;
    assert_eq!(world.service.due(world.now_ms), 1);
    world.pass(0);
    let fired: Vec<_> = world
        .history("sleeper")
        .iter()
        .filter_map(|event| match &event.attributes {
            Some(crate::api::Attributes::TimerFiredEventAttributes(fired)) => {
                Some(fired.timer_id.as_str())
            }
            _ => None,
        })
        .collect();
    assert_eq!(fired, ["early", "late", "same"]);
    assert_eq!(
        world.last_event("sleeper").event_type(),
        EventType::WorkflowTaskScheduled
    );
}

#[test]
fn a_cancelled_timer_does_not_fire() {
    let mut world = World::new();
    world.start("sleeper");
    world.run_workflow_task(vec![start_timer("1", 1_000), cancel_timer("1")]);
    assert_eq!(world.service.next_due_ms(), None);
    assert_eq!(
        world.last_event("sleeper").event_type(),
        EventType::TimerCanceled
    );
}

#[test]
fn a_timer_that_fired_unseen_can_be_cancelled_and_its_run_closed() {
    let mut world = World::new();
    world.start("sleeper");
    world.run_workflow_task(vec![start_timer("1", 1_000), start_timer("2", 500)]);
    world.pass(500);
    let task = world.workflow_task();
    world.pass(500);
    world
        .complete(&task, vec![cancel_timer("1"), complete_workflow("early")])
        .unwrap();
    assert_eq!(
        world.event_types("sleeper")[7..],
        [
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskCompleted,
            TimerCanceled,
            WorkflowExecutionCompleted
        ]
    );
}

#[test]
fn a_failed_task_restores_the_firing_of_a_timer_that_it_cancelled() {
    let mut world = World::new();
    world.start("sleeper");
    world.run_workflow_task(vec![start_timer("1", 1_000), start_timer("2", 500)]);
    world.pass(500);
    let task = world.workflow_task();
    world.pass(500);
    world
        .complete(&task, vec![cancel_timer("1"), cancel_timer("nobody")])
        .unwrap_err();
    assert_eq!(
        world.event_types("sleeper")[9..],
        [WorkflowTaskFailed, TimerFired, WorkflowTaskScheduled]
    );
}

#[test]
fn a_duplicate_timer_id_fails_the_task_and_reverts_its_other_commands() {
    let mut world = World::new();
    world.start("sleeper");
    let task = world.workflow_task();
    let refused = world
        .complete(
            &task,
            vec![start_timer("1", 1_000), start_timer("1", 1_000)],
        )
        .unwrap_err();
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    assert!(
        refused.message().starts_with("StartTimerDuplicateId"),
        "{}",
        refused.message()
    );
    assert_eq!(
        world.event_types("sleeper"),
        [
            WorkflowExecutionStarted,
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskFailed
        ]
    );
    assert!(
        world
            .service
            .executions
            .iter()
            .all(|run| run.user_timers.next_due_ms().is_none())
    );
}
