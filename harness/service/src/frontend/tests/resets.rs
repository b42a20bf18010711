//! Resets, as clients and workers see them.

use pretty_assertions::assert_eq;
use tonic::Code;

use crate::{
    api::{
        Attributes,
        command::{
            ContinueAsNewWorkflowExecutionCommandAttributes, command::Attributes as Command,
        },
        enums::{EventType::*, WorkflowIdConflictPolicy},
        rpc::*,
        workflow::{
            OnConflictOptions, PostResetOperation, WorkflowExecutionExtendedInfo,
            post_reset_operation::{SignalWorkflow, Variant},
        },
    },
    base::time::{duration, timestamp},
    history::rules,
    messages::request::Response,
    testing::*,
};

fn reset(workflow_task_finish_event_id: i64) -> ResetWorkflowExecutionRequest {
    ResetWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("w"),
        reason: "a better version".to_owned(),
        workflow_task_finish_event_id,
        request_id: format!("reset-{workflow_task_finish_event_id}"),
        ..ResetWorkflowExecutionRequest::default()
    }
}

fn signal(world: &mut World, name: &str) {
    let request = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("w"),
        signal_name: name.to_owned(),
        ..SignalWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
}

fn reset_run_id(world: &mut World, request: ResetWorkflowExecutionRequest) -> String {
    match world.call(request) {
        Ok(Response::ResetWorkflowExecution(response)) => response.run_id,
        other => panic!("not reset: {other:?}"),
    }
}

/// Returns a world with a workflow whose second workflow task, events 7 to 9, started another
/// timer.
fn world() -> World {
    let mut world = World::new();
    world.start("w");
    world.run_workflow_task(vec![start_timer("first", 60_000)]);
    signal(&mut world, "before");
    world.run_workflow_task(vec![start_timer("second", 60_000)]);
    world
}

#[test]
fn a_reset_run_begins_with_the_history_up_to_the_task_which_fails() {
    let mut world = world();
    let old_run = world.service.run("w", None).unwrap().0.to_owned();
    let run_id = reset_run_id(&mut world, reset(9));
    assert_ne!(run_id, old_run);
    assert_eq!(
        world.event_types("w"),
        [
            WorkflowExecutionStarted,
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskCompleted,
            TimerStarted,
            WorkflowExecutionSignaled,
            WorkflowTaskScheduled,
            WorkflowTaskStarted,
            WorkflowTaskFailed,
            WorkflowTaskScheduled,
        ]
    );
    let Some(Attributes::WorkflowTaskFailedEventAttributes(failed)) =
        &world.history("w")[8].attributes
    else {
        panic!("not failed")
    };
    assert_eq!(
        (&failed.base_run_id, &failed.new_run_id),
        (&old_run, &run_id)
    );
    let old = world.service.history("w", Some(&old_run)).unwrap();
    assert_eq!(
        old.last().unwrap().event_type(),
        WorkflowExecutionTerminated
    );
    world.run_workflow_task(vec![]);
    world.pass(60_000);
    assert!(
        world.event_types("w").contains(&TimerFired),
        "the first timer is still set"
    );
    rules::check(world.history("w")).unwrap();
}

#[test]
fn signals_after_the_reset_point_are_repeated_unless_excluded() {
    let mut world = world();
    signal(&mut world, "after");
    reset_run_id(&mut world, reset(9));
    let signals = |world: &World| {
        world
            .event_types("w")
            .into_iter()
            .filter(|kind| *kind == WorkflowExecutionSignaled)
            .count()
    };
    assert_eq!(signals(&world), 2);
    rules::check(world.history("w")).unwrap();
    #[allow(deprecated, reason = "the old field is what is tested")]
    let without = ResetWorkflowExecutionRequest {
        reset_reapply_type: crate::api::enums::ResetReapplyType::None.into(),
        ..reset(4)
    };
    reset_run_id(&mut world, without);
    assert_eq!(signals(&world), 0);
}

#[test]
fn cancel_requests_are_not_repeated() {
    let mut world = world();
    let request = RequestCancelWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("w"),
        ..RequestCancelWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
    reset_run_id(&mut world, reset(9));
    assert!(
        !world
            .event_types("w")
            .contains(&WorkflowExecutionCancelRequested)
    );
}

#[test]
fn a_reset_ends_at_a_workflow_task_of_the_run() {
    let mut world = world();
    for (event_id, words) in [
        (1, "must be > 1"),
        (99, "must be > 1"),
        (6, "Can only reset workflow"),
    ] {
        let refused = world.call(reset(event_id)).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().contains(words), "{}", refused.message());
    }
}

#[test]
fn a_closed_run_can_be_reset_and_a_repeated_request_resets_once() {
    let mut world = world();
    signal(&mut world, "finish");
    world.run_workflow_task(vec![complete_workflow("")]);
    let run_id = reset_run_id(&mut world, reset(9));
    assert_eq!(reset_run_id(&mut world, reset(9)), run_id);
    assert!(world.has_workflow_task());
}

fn describe(world: &mut World) -> WorkflowExecutionExtendedInfo {
    let request = DescribeWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        execution: execution("w"),
    };
    match world.call(request) {
        Ok(Response::DescribeWorkflowExecution(described)) => {
            described.workflow_extended_info.unwrap()
        }
        other => panic!("not described: {other:?}"),
    }
}

/// Source: `temporalio/temporal: service/history/ndc/workflow_resetter.go` (`findStartRequestID`).
#[test]
fn a_reset_run_has_the_start_request_of_the_run_before_it() {
    let mut world = World::new();
    let start = StartWorkflowExecutionRequest {
        request_id: "start".to_owned(),
        ..start_request("w")
    };
    world.call(start.clone()).unwrap();
    world.run_workflow_task(vec![]);
    world.pass(1_000);
    let run_id = reset_run_id(&mut world, reset(4));
    match world.call(start) {
        Ok(Response::StartWorkflowExecution(again)) => {
            assert_eq!((again.run_id, again.started), (run_id, true));
        }
        other => panic!("not started: {other:?}"),
    }
    let described = describe(&mut world);
    let known = described.request_id_infos["start"];
    assert_eq!(
        (known.event_type(), known.event_id),
        (WorkflowExecutionStarted, 1)
    );
    assert_eq!(described.request_id_infos.len(), 1);
    assert_eq!(described.last_reset_time, Some(timestamp(world.now_ms)));
    assert_eq!(
        described.original_start_time,
        Some(timestamp(world.now_ms - 1_000))
    );
}

#[test]
fn start_requests_attached_after_the_reset_point_are_attached_again() {
    let mut world = world();
    let attached = StartWorkflowExecutionRequest {
        request_id: "attached".to_owned(),
        workflow_id_conflict_policy: WorkflowIdConflictPolicy::UseExisting.into(),
        on_conflict_options: Some(OnConflictOptions {
            attach_request_id: true,
            ..OnConflictOptions::default()
        }),
        ..start_request("w")
    };
    world.call(attached).unwrap();
    reset_run_id(&mut world, reset(4));
    let known = describe(&mut world).request_id_infos["attached"];
    assert_eq!(known.event_type(), WorkflowExecutionOptionsUpdated);
    let event = &world.history("w")[usize::try_from(known.event_id).unwrap() - 1];
    assert_eq!(event.event_type(), WorkflowExecutionOptionsUpdated);
}

#[test]
fn an_attached_start_request_waits_for_the_started_workflow_task() {
    let mut world = World::new();
    world.start("w");
    world.workflow_task();
    let attached = StartWorkflowExecutionRequest {
        request_id: "attached".to_owned(),
        workflow_id_conflict_policy: WorkflowIdConflictPolicy::UseExisting.into(),
        on_conflict_options: Some(OnConflictOptions {
            attach_request_id: true,
            ..OnConflictOptions::default()
        }),
        ..start_request("w")
    };
    world.call(attached).unwrap();
    let known = describe(&mut world).request_id_infos["attached"];
    assert_eq!((known.event_id, known.buffered), (0, true));
}

/// Source: `temporalio/temporal: service/history/workflow/mutable_state_impl.go`
/// (`RefreshExpirationTimeoutTask`).
#[test]
fn a_reset_restarts_the_execution_timeout_of_a_chain() {
    let mut world = World::new();
    let start = StartWorkflowExecutionRequest {
        workflow_execution_timeout: Some(duration(100_000)),
        ..start_request("w")
    };
    world.call(start).unwrap();
    world.run_workflow_task(vec![]);
    world.pass(60_000);
    reset_run_id(&mut world, reset(4));
    let continued = ContinueAsNewWorkflowExecutionCommandAttributes::default();
    world.run_workflow_task(vec![
        Command::ContinueAsNewWorkflowExecutionCommandAttributes(continued),
    ]);
    let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) =
        &world.history("w")[0].attributes
    else {
        panic!("not the first event")
    };
    assert_eq!(
        started.workflow_execution_expiration_time,
        Some(timestamp(world.now_ms + 100_000))
    );
}

#[test]
fn a_signal_after_a_reset_is_refused() {
    let mut world = world();
    let after = |variant| ResetWorkflowExecutionRequest {
        post_reset_operations: vec![PostResetOperation { variant }],
        ..reset(4)
    };
    let signal = Some(Variant::SignalWorkflow(SignalWorkflow::default()));
    for (variant, words) in [
        (signal, "PostResetOperation_SignalWorkflow_"),
        (None, "<nil>"),
    ] {
        let refused = world.call(after(variant)).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert!(refused.message().ends_with(words), "{}", refused.message());
    }
}
