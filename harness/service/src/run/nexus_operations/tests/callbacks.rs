//! A handler starts a workflow, whose end is the end of the operation.

use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::common::v1::link::{
    Variant, WorkflowEvent, workflow_event::Reference,
};

use super::*;
use crate::api::{
    command::{
        CancelWorkflowExecutionCommandAttributes, ContinueAsNewWorkflowExecutionCommandAttributes,
        FailWorkflowExecutionCommandAttributes,
    },
    common::{
        Callback,
        callback::{Nexus, Variant as CallbackVariant},
    },
    enums::CallbackState,
    workflow::CallbackInfo,
};

/// Returns the callback of a request to start an operation.
fn callback(start: &nexus::StartOperationRequest) -> Callback {
    Callback {
        variant: Some(CallbackVariant::Nexus(Nexus {
            url: start.callback.clone(),
            header: start.callback_header.clone(),
        })),
        ..Callback::default()
    }
}

/// Returns a world in which the handler of an operation has started the workflow `payment`.
fn with_payment() -> World {
    let mut world = world(options());
    let task = nexus_task(&mut world);
    let request = StartWorkflowExecutionRequest {
        completion_callbacks: vec![callback(start_of(&task))],
        task_queue: queue("payments"),
        ..start_request("payment")
    };
    world.call(request).unwrap();
    let answer = RespondNexusTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        response: Some(nexus::Response {
            variant: Some(response::Variant::StartOperation(StartOperationResponse {
                variant: Some(start::Variant::AsyncSuccess(start::Async {
                    operation_token: "payment".to_owned(),
                    ..start::Async::default()
                })),
            })),
        }),
        ..RespondNexusTaskCompletedRequest::default()
    };
    world.call(answer).unwrap();
    world
}

#[track_caller]
fn end_payment(world: &mut World, command: Command) {
    let task = world.workflow_task_on(PollWorkflowTaskQueueRequest {
        task_queue: queue("payments"),
        ..poll_request()
    });
    world.complete(&task, vec![command]).unwrap();
}

#[track_caller]
fn callbacks(world: &mut World) -> Vec<CallbackInfo> {
    let request = DescribeWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        execution: execution("payment"),
    };
    match world.call(request) {
        Ok(Response::DescribeWorkflowExecution(description)) => description.callbacks,
        other => panic!("not a description: {other:?}"),
    }
}

#[test]
fn the_end_of_a_workflow_completes_the_operation_that_it_stands_for() {
    let mut world = with_payment();
    world.run_workflow_task(Vec::new());
    assert_eq!(callbacks(&mut world)[0].state(), CallbackState::Standby);
    end_payment(&mut world, complete_workflow("paid"));
    let types = world.event_types("order");
    let completed = types.iter().position(|it| *it == NexusOperationCompleted);
    match &world.history("order")[completed.expect("a completion")].attributes {
        Some(Attributes::NexusOperationCompletedEventAttributes(completed)) => {
            assert_eq!(completed.result, Some(payload("paid")));
        }
        other => panic!("not a completion: {other:?}"),
    }
    assert_eq!(callbacks(&mut world)[0].state(), CallbackState::Succeeded);
}

#[test]
fn the_failure_of_a_workflow_is_that_of_the_operation() {
    let mut world = with_payment();
    let failure = Failure {
        message: "no money".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(
            ApplicationFailureInfo::default(),
        )),
        ..Failure::default()
    };
    end_payment(
        &mut world,
        Command::FailWorkflowExecutionCommandAttributes(FailWorkflowExecutionCommandAttributes {
            failure: Some(failure.clone()),
        }),
    );
    world.run_workflow_task(Vec::new());
    let types = world.event_types("order");
    assert!(types.contains(&NexusOperationFailed), "{types:?}");
}

#[test]
fn a_canceled_or_terminated_workflow_ends_the_operation_so() {
    let mut world = with_payment();
    world.run_workflow_task(Vec::new());
    let request = TerminateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("payment"),
        ..TerminateWorkflowExecutionRequest::default()
    };
    world.call(request).unwrap();
    world.workflow_task();
    let types = world.event_types("order");
    assert!(types.contains(&NexusOperationFailed), "{types:?}");

    let mut world = with_payment();
    world.run_workflow_task(Vec::new());
    end_payment(
        &mut world,
        Command::CancelWorkflowExecutionCommandAttributes(
            CancelWorkflowExecutionCommandAttributes::default(),
        ),
    );
    world.workflow_task();
    let types = world.event_types("order");
    assert!(types.contains(&NexusOperationCanceled), "{types:?}");
}

#[test]
fn the_last_run_of_a_chain_completes_the_operation() {
    let mut world = with_payment();
    world.run_workflow_task(Vec::new());
    end_payment(
        &mut world,
        Command::ContinueAsNewWorkflowExecutionCommandAttributes(
            ContinueAsNewWorkflowExecutionCommandAttributes {
                workflow_type: Some(crate::api::common::WorkflowType {
                    name: "Workflow".to_owned(),
                }),
                task_queue: queue("payments"),
                ..ContinueAsNewWorkflowExecutionCommandAttributes::default()
            },
        ),
    );
    assert!(
        !world
            .event_types("order")
            .contains(&NexusOperationCompleted)
    );
    world.pass(1_000);
    end_payment(&mut world, complete_workflow("paid"));
    assert!(
        world
            .event_types("order")
            .contains(&NexusOperationCompleted)
    );
}

#[test]
fn a_callback_to_an_address_that_is_not_allowed_is_refused() {
    let mut world = World::new();
    let long = format!("http://{}", "x".repeat(1_000));
    for (url, message) in [
        (
            "http://example.com/done",
            "invalid url: url does not match any configured callback address: \
             http://example.com/done",
        ),
        (
            "ftp://example.com",
            "invalid url: unknown scheme: ftp://example.com",
        ),
        ("https:///done", "invalid url: missing host"),
        (
            &long,
            "invalid url: url length longer than max length allowed of 1000",
        ),
    ] {
        let elsewhere = Callback {
            variant: Some(CallbackVariant::Nexus(Nexus {
                url: url.to_owned(),
                ..Nexus::default()
            })),
            ..Callback::default()
        };
        let request = StartWorkflowExecutionRequest {
            completion_callbacks: vec![elsewhere],
            ..start_request("payment")
        };
        let refused = world.call(request).unwrap_err();
        assert_eq!(
            (refused.code(), refused.message()),
            (tonic::Code::InvalidArgument, message)
        );
    }
}

/// Returns the workflow id and the event of a link.
fn linked(link: &crate::api::common::Link) -> (&str, i64) {
    match &link.variant {
        Some(Variant::WorkflowEvent(WorkflowEvent {
            workflow_id,
            reference: Some(Reference::EventRef(event)),
            ..
        })) => (workflow_id, event.event_id),
        other => panic!("not a link to an event: {other:?}"),
    }
}

#[test]
fn an_operation_and_its_workflow_are_linked_both_ways() {
    let mut world = world(options());
    let task = nexus_task(&mut world);
    let links = crate::base::links::from_nexus(&start_of(&task).links);
    assert_eq!(linked(&links[0]), ("order", SCHEDULED));
    let request = StartWorkflowExecutionRequest {
        completion_callbacks: vec![callback(start_of(&task))],
        links,
        task_queue: queue("payments"),
        ..start_request("payment")
    };
    let Ok(Response::StartWorkflowExecution(started)) = world.call(request) else {
        panic!("not started")
    };
    assert_eq!(linked(&started.link.unwrap()), ("payment", 1));
    assert_eq!(
        linked(&world.history("payment")[0].links[0]),
        ("order", SCHEDULED)
    );
    // The workflow ends before its handler has answered.
    end_payment(&mut world, complete_workflow("paid"));
    let history = world.history("order");
    let started = history
        .iter()
        .find(|it| it.event_type() == NexusOperationStarted);
    assert_eq!(linked(&started.expect("a start").links[0]), ("payment", 1));
}

#[test]
fn a_link_that_a_callback_has_too_is_recorded_with_the_callback_alone() {
    let mut world = world(options());
    let task = nexus_task(&mut world);
    let links = crate::base::links::from_nexus(&start_of(&task).links);
    let callback = Callback {
        links: links.clone(),
        ..callback(start_of(&task))
    };
    let request = StartWorkflowExecutionRequest {
        completion_callbacks: vec![callback],
        links,
        ..start_request("payment")
    };
    world.call(request).unwrap();
    let first = &world.history("payment")[0];
    assert_eq!(first.links, []);
    let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) = &first.attributes
    else {
        panic!("not its start: {first:?}")
    };
    let callback = &started.completion_callbacks[0];
    assert_eq!(linked(&callback.links[0]), ("order", SCHEDULED));
}
