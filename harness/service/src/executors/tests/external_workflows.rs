//! Signals and cancel requests from one run to another.

use pretty_assertions::assert_eq;

use super::*;

fn signal_external(workflow_id: &str) -> Command {
    Command::SignalExternalWorkflowExecutionCommandAttributes(
        SignalExternalWorkflowExecutionCommandAttributes {
            execution: Some(WorkflowExecution {
                workflow_id: workflow_id.to_owned(),
                run_id: String::new(),
            }),
            signal_name: "paid".to_owned(),
            ..SignalExternalWorkflowExecutionCommandAttributes::default()
        },
    )
}

fn cancel_external(workflow_id: &str) -> Command {
    Command::RequestCancelExternalWorkflowExecutionCommandAttributes(
        RequestCancelExternalWorkflowExecutionCommandAttributes {
            workflow_id: workflow_id.to_owned(),
            ..RequestCancelExternalWorkflowExecutionCommandAttributes::default()
        },
    )
}

#[test]
fn a_signal_to_another_run_is_answered() {
    let mut world = World::new();
    world.start("sender");
    run_task(&mut world, vec![start_timer("1", 60_000)]);
    world.start("receiver");
    let task = world.workflow_task();
    world
        .complete(&task, vec![start_timer("1", 600_000)])
        .unwrap();
    world.pass(60_000);
    run_task(
        &mut world,
        vec![
            signal_external("receiver"),
            signal_external("nobody"),
            signal_external("sender"),
        ],
    );
    assert_eq!(
        tail(&world, "receiver", 2),
        [WorkflowExecutionSignaled, WorkflowTaskScheduled]
    );
    let Some(Attributes::WorkflowExecutionSignaledEventAttributes(signaled)) =
        &last_of(&world, "receiver", WorkflowExecutionSignaled).attributes
    else {
        panic!("not signaled")
    };
    assert_eq!(
        signaled
            .external_workflow_execution
            .as_ref()
            .unwrap()
            .workflow_id,
        "sender"
    );
    let answers: Vec<_> = world
        .event_types("sender")
        .into_iter()
        .filter(|kind| {
            matches!(
                kind,
                ExternalWorkflowExecutionSignaled | SignalExternalWorkflowExecutionFailed
            )
        })
        .collect();
    assert_eq!(
        answers,
        [
            ExternalWorkflowExecutionSignaled,
            SignalExternalWorkflowExecutionFailed,
            SignalExternalWorkflowExecutionFailed
        ]
    );
}

/// Returns a world in which a sender has just signalled a receiver twice.
fn two_signals() -> World {
    let mut world = World::new();
    world.start("receiver");
    run_task(&mut world, vec![start_timer("1", 600_000)]);
    world.start("sender");
    world.run_workflow_task(vec![
        signal_external("receiver"),
        signal_external("receiver"),
    ]);
    world
}

fn count(world: &World, workflow_id: &str, event_type: EventType) -> usize {
    let types = world.event_types(workflow_id).into_iter();
    types.filter(|it| *it == event_type).count()
}

#[test]
fn a_signal_that_is_held_back_is_overtaken_by_the_next() {
    let mut world = two_signals();
    let [first, second] = &world.service.take_new_deliveries()[..] else {
        panic!("two signals")
    };
    let (first, second) = (first.id, second.id);
    world.service.hold_delivery(first);
    world.pass(5_000);
    assert_eq!(count(&world, "receiver", WorkflowExecutionSignaled), 1);
    world.service.release_delivery(5_000, first);
    world.service.release_delivery(5_000, second);
    assert_eq!(count(&world, "receiver", WorkflowExecutionSignaled), 2);
    let answered: Vec<_> = world
        .history("sender")
        .iter()
        .filter_map(|event| match &event.attributes {
            Some(Attributes::ExternalWorkflowExecutionSignaledEventAttributes(answer)) => {
                Some(answer.initiated_event_id)
            }
            _ => None,
        })
        .collect();
    assert_eq!(answered, [6, 5]);
}

#[test]
fn a_signal_whose_answer_is_lost_arrives_once_and_is_answered_a_second_later() {
    let mut world = two_signals();
    let first = world.service.take_new_deliveries()[0].id;
    world.service.lose_delivery_answer(first);
    world.pass(0);
    assert_eq!(count(&world, "receiver", WorkflowExecutionSignaled), 2);
    assert_eq!(
        count(&world, "sender", ExternalWorkflowExecutionSignaled),
        1
    );
    world.pass(1_000);
    assert_eq!(count(&world, "receiver", WorkflowExecutionSignaled), 2);
    assert_eq!(
        count(&world, "sender", ExternalWorkflowExecutionSignaled),
        2
    );
}

#[test]
fn a_cancel_request_to_another_run_is_answered_even_after_its_end() {
    let mut world = World::new();
    world.start("closed");
    run_task(&mut world, vec![complete_workflow("")]);
    world.start("sender");
    run_task(
        &mut world,
        vec![cancel_external("closed"), cancel_external("nobody")],
    );
    assert_eq!(
        tail(&world, "sender", 3),
        [
            ExternalWorkflowExecutionCancelRequested,
            WorkflowTaskScheduled,
            RequestCancelExternalWorkflowExecutionFailed,
        ]
    );
    assert_eq!(
        world.last_event("closed").event_type(),
        WorkflowExecutionCompleted
    );
}

#[test]
fn a_child_cannot_be_started_and_canceled_by_one_task() {
    let mut world = World::new();
    world.start("parent");
    let task = world.workflow_task();
    let commands = vec![
        start_child("child", ParentClosePolicy::Terminate),
        cancel_external("child"),
    ];
    let refused = world.complete(&task, commands).unwrap_err();
    assert!(
        refused
            .message()
            .contains("not allowed in same workflow task"),
        "{}",
        refused.message()
    );
    world.pass(0);
    assert!(
        world.service.history("child", None).is_none(),
        "the task failed as a whole"
    );
}
