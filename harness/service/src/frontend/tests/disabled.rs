//! Features that a server has disabled by default.

use pretty_assertions::assert_eq;
use tonic::Code;

use super::*;
use crate::api::command::{
    RequestCancelExternalWorkflowExecutionCommandAttributes,
    SignalExternalWorkflowExecutionCommandAttributes, StartChildWorkflowExecutionCommandAttributes,
    command::Attributes as Command,
};

#[track_caller]
fn refused(world: &mut World, request: impl Into<Request>) -> (Code, String) {
    let status = world.call(request).expect_err("a refusal");
    (status.code(), status.message().to_owned())
}

#[test]
fn workflows_are_not_paused_and_so_none_is_unpaused() {
    let mut world = World::new();
    let pause = PauseWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "order".to_owned(),
        ..PauseWorkflowExecutionRequest::default()
    };
    assert_eq!(
        refused(&mut world, pause),
        (
            Code::Unimplemented,
            "workflow pause is not enabled for namespace: default".to_owned()
        )
    );
    let unpause = UnpauseWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "order".to_owned(),
        ..UnpauseWorkflowExecutionRequest::default()
    };
    assert_eq!(refused(&mut world, unpause.clone()).0, Code::NotFound);
    world.start("order");
    assert_eq!(
        refused(&mut world, unpause.clone()),
        (
            Code::FailedPrecondition,
            "workflow is not paused.".to_owned()
        )
    );
    world.run_workflow_task(vec![complete_workflow("done")]);
    assert_eq!(
        refused(&mut world, unpause.clone()),
        (
            Code::NotFound,
            "workflow execution already completed".to_owned()
        )
    );
    let long = UnpauseWorkflowExecutionRequest {
        reason: "x".repeat(1001),
        ..unpause
    };
    assert_eq!(
        refused(&mut world, long),
        (Code::InvalidArgument, "reason is too long.".to_owned())
    );
}

#[test]
fn there_are_no_workflow_rules() {
    let mut world = World::new();
    let namespace = || "default".to_owned();
    let requests: [Request; 5] = [
        CreateWorkflowRuleRequest {
            namespace: namespace(),
            ..CreateWorkflowRuleRequest::default()
        }
        .into(),
        DescribeWorkflowRuleRequest {
            namespace: namespace(),
            ..DescribeWorkflowRuleRequest::default()
        }
        .into(),
        DeleteWorkflowRuleRequest {
            namespace: namespace(),
            ..DeleteWorkflowRuleRequest::default()
        }
        .into(),
        ListWorkflowRulesRequest {
            namespace: namespace(),
            ..ListWorkflowRulesRequest::default()
        }
        .into(),
        TriggerWorkflowRuleRequest {
            namespace: namespace(),
            ..TriggerWorkflowRuleRequest::default()
        }
        .into(),
    ];
    for request in requests {
        let message = format!("method {} not supported", request.rpc().name());
        assert_eq!(refused(&mut world, request), (Code::Unimplemented, message));
    }
}

#[test]
fn no_execution_has_a_time_of_its_own_that_skips() {
    let mut world = World::new();
    world.start("order");
    let poll = PollWorkflowExecutionTimeSkippingRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        ..PollWorkflowExecutionTimeSkippingRequest::default()
    };
    assert_eq!(
        refused(&mut world, poll),
        (
            Code::Unimplemented,
            "The Time-Skipping feature is not enabled for namespace.".to_owned()
        )
    );
}

#[test]
#[allow(deprecated, reason = "SDKs still fill in the namespace of a command")]
fn no_command_reaches_another_namespace() {
    let elsewhere = || "elsewhere".to_owned();
    let commands = [
        Command::StartChildWorkflowExecutionCommandAttributes(
            StartChildWorkflowExecutionCommandAttributes {
                namespace: elsewhere(),
                workflow_id: "child".to_owned(),
                ..StartChildWorkflowExecutionCommandAttributes::default()
            },
        ),
        Command::SignalExternalWorkflowExecutionCommandAttributes(
            SignalExternalWorkflowExecutionCommandAttributes {
                namespace: elsewhere(),
                execution: execution("other"),
                signal_name: "go".to_owned(),
                ..SignalExternalWorkflowExecutionCommandAttributes::default()
            },
        ),
        Command::RequestCancelExternalWorkflowExecutionCommandAttributes(
            RequestCancelExternalWorkflowExecutionCommandAttributes {
                namespace: elsewhere(),
                workflow_id: "other".to_owned(),
                ..RequestCancelExternalWorkflowExecutionCommandAttributes::default()
            },
        ),
    ];
    for command in commands {
        let mut world = World::new();
        world.service.config.neighbours.insert(elsewhere());
        world.start("order");
        let task = world.workflow_task();
        // The failure of the task is its only effect.
        let _ = world.complete(&task, vec![command]);
        let Some(Attributes::WorkflowTaskFailedEventAttributes(failed)) =
            &world.last_event("order").attributes
        else {
            panic!("the task did not fail")
        };
        let message = &failed.failure.as_ref().unwrap().message;
        assert!(
            message.contains("cross namespace commands are not allowed"),
            "{message}"
        );
    }
}
