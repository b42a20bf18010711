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
