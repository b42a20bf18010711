//! The operation by which a workflow signals another one with a start.

use pretty_assertions::assert_eq;
use prost::Message as _;

use super::*;
use crate::{base::links, run::nexus_operations::system::SYSTEM_ENDPOINT};

const REQUEST: &str = "temporal.api.workflowservice.v1.SignalWithStartWorkflowExecutionRequest";

fn signal_with_start() -> SignalWithStartWorkflowExecutionRequest {
    SignalWithStartWorkflowExecutionRequest {
        workflow_id: "stock".to_owned(),
        workflow_type: start_request("stock").workflow_type,
        task_queue: queue("stock"),
        signal_name: "reserve".to_owned(),
        signal_input: payloads("3"),
        ..SignalWithStartWorkflowExecutionRequest::default()
    }
}

fn operation(
    request: &SignalWithStartWorkflowExecutionRequest,
) -> ScheduleNexusOperationCommandAttributes {
    let field = |value: &str| value.as_bytes().to_vec();
    ScheduleNexusOperationCommandAttributes {
        endpoint: SYSTEM_ENDPOINT.to_owned(),
        service: "temporal.api.workflowservice.v1.WorkflowService".to_owned(),
        operation: "SignalWithStartWorkflowExecution".to_owned(),
        input: Some(Payload {
            metadata: [
                ("encoding".to_owned(), field("binary/protobuf")),
                ("messageType".to_owned(), field(REQUEST)),
            ]
            .into(),
            data: request.encode_to_vec(),
            ..Payload::default()
        }),
        ..ScheduleNexusOperationCommandAttributes::default()
    }
}

/// Returns the completion of the task that schedules this operation in a new workflow.
fn scheduled(
    world: &mut World,
    options: ScheduleNexusOperationCommandAttributes,
) -> Result<(), Status> {
    world.start("order");
    let task = world.workflow_task();
    world.complete(&task, vec![schedule(options)]).map(|_| ())
}

/// Returns the result of the operation of the workflow `order`, and the links of its event.
#[track_caller]
fn result(world: &World) -> SignalWithStartWorkflowExecutionResponse {
    let Attributes::NexusOperationCompletedEventAttributes(completed) =
        attributes(world, NexusOperationCompleted)
    else {
        panic!("not its attributes");
    };
    let payload = completed.result.as_ref().expect("a result");
    assert_eq!(payload.metadata["__temporal_system_payload"], b"true");
    SignalWithStartWorkflowExecutionResponse::decode(&*payload.data).expect("a response")
}

#[test]
fn a_workflow_starts_another_one_with_a_signal() {
    let mut world = World::new();
    scheduled(&mut world, operation(&signal_with_start())).unwrap();
    let response = result(&world);
    assert!(response.started);
    assert_eq!(
        world.event_types("stock"),
        [
            WorkflowExecutionStarted,
            WorkflowExecutionSignaled,
            WorkflowTaskScheduled
        ]
    );
    let signaled = &world.history("stock")[1];
    let scheduled = &world.history("order")[4];
    assert_eq!(scheduled.event_type(), NexusOperationScheduled);
    let run_id = match &world.history("order")[0].attributes {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => {
            started.original_execution_run_id.clone()
        }
        other => panic!("not a start: {other:?}"),
    };
    assert_eq!(
        signaled.links,
        [links::to_event(
            "default",
            "order",
            &run_id,
            scheduled.event_id,
            NexusOperationScheduled
        )]
    );
}

#[test]
fn a_workflow_that_runs_is_signaled() {
    let mut world = World::new();
    world
        .call(StartWorkflowExecutionRequest {
            task_queue: queue("stock"),
            ..start_request("stock")
        })
        .unwrap();
    scheduled(&mut world, operation(&signal_with_start())).unwrap();
    assert!(!result(&world).started);
    assert_eq!(
        world.last_event("stock").event_type(),
        WorkflowExecutionSignaled
    );
}

#[test]
fn a_closed_workflow_whose_id_is_used_once_fails_the_operation() {
    let mut world = World::new();
    world.start("stock");
    world.run_workflow_task(vec![complete_workflow("sold out")]);
    let mut request = signal_with_start();
    request.set_workflow_id_reuse_policy(crate::api::enums::WorkflowIdReusePolicy::RejectDuplicate);
    scheduled(&mut world, operation(&request)).unwrap();
    let Attributes::NexusOperationFailedEventAttributes(failed) =
        attributes(&world, NexusOperationFailed)
    else {
        panic!("not its attributes");
    };
    let cause = failed.failure.as_ref().and_then(|it| it.cause.as_ref());
    let message = &cause.expect("a cause").message;
    assert!(
        message.starts_with("WorkflowExecutionAlreadyStarted: "),
        "{message}"
    );
}

#[test]
fn an_operation_that_does_not_exist_fails_the_task() {
    let other_service = ScheduleNexusOperationCommandAttributes {
        service: "Payments".to_owned(),
        ..operation(&signal_with_start())
    };
    let other_operation = ScheduleNexusOperationCommandAttributes {
        operation: "charge".to_owned(),
        ..operation(&signal_with_start())
    };
    let with_header = ScheduleNexusOperationCommandAttributes {
        nexus_header: [("a".to_owned(), "b".to_owned())].into(),
        ..operation(&signal_with_start())
    };
    let undecodable = ScheduleNexusOperationCommandAttributes {
        input: Some(payload("3")),
        ..operation(&signal_with_start())
    };
    for (options, message) in [
        (other_service, "service \"Payments\" not found"),
        (other_operation, "operation \"charge\" not found"),
        (with_header, "NexusHeader must be empty"),
        (undecodable, "failed to decode input payload"),
    ] {
        let mut world = World::new();
        let refused = scheduled(&mut world, options).unwrap_err();
        assert!(refused.message().contains(message), "{refused:?}");
        assert_eq!(world.last_event("order").event_type(), WorkflowTaskFailed);
    }
}

#[test]
fn a_malformed_request_is_refused_and_its_task_goes_on() {
    for (request, message) in [
        (
            SignalWithStartWorkflowExecutionRequest {
                request_id: "mine".to_owned(),
                ..signal_with_start()
            },
            "RequestID should not be set on the request",
        ),
        (
            SignalWithStartWorkflowExecutionRequest {
                signal_name: String::new(),
                ..signal_with_start()
            },
            "signal not set",
        ),
        (
            SignalWithStartWorkflowExecutionRequest {
                namespace: "elsewhere".to_owned(),
                ..signal_with_start()
            },
            "Namespace in request \"elsewhere\" does not match namespace in context \"default\"",
        ),
    ] {
        let mut world = World::new();
        let refused = scheduled(&mut world, operation(&request)).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(refused.message(), message);
        assert_eq!(
            world.last_event("order").event_type(),
            WorkflowTaskStarted,
            "the task can still be completed"
        );
    }
}
