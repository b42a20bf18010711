//! Nexus operations, as their handlers and the history see them.

#![allow(
    clippy::enum_glob_use,
    reason = "histories are written as lists of event types"
)]

mod callbacks;
mod cancellations;
mod commands;
mod requests;
mod resets;
mod system;

use pretty_assertions::assert_eq;
use tonic::{Code, Status};

use crate::{
    CompleteNexusOperationRequest, Reason, ServiceConfig,
    api::{
        Attributes,
        command::{
            RequestCancelNexusOperationCommandAttributes, ScheduleNexusOperationCommandAttributes,
            command::Attributes as Command,
        },
        common::Payload,
        enums::{
            EventType::{self, *},
            TimeoutType, WorkflowTaskFailedCause,
        },
        failure::{
            ApplicationFailureInfo, CanceledFailureInfo, Failure, NexusHandlerFailureInfo,
            failure::FailureInfo,
        },
        nexus::{
            self, StartOperationResponse, request, response, start_operation_response as start,
        },
        rpc::*,
    },
    base::time::duration,
    messages::request::Response,
    run::nexus_operations::failures::handler_failure,
    testing::*,
};

const ENDPOINT: &str = "bank";

const HANDLERS: &str = "handlers";

/// The event that schedules the first operation of a first task.
const SCHEDULED: i64 = 5;

fn options() -> ScheduleNexusOperationCommandAttributes {
    ScheduleNexusOperationCommandAttributes {
        endpoint: ENDPOINT.to_owned(),
        service: "Payments".to_owned(),
        operation: "charge".to_owned(),
        input: Some(payload("100")),
        ..ScheduleNexusOperationCommandAttributes::default()
    }
}

fn schedule(options: ScheduleNexusOperationCommandAttributes) -> Command {
    Command::ScheduleNexusOperationCommandAttributes(options)
}

fn cancel(scheduled_event_id: i64) -> Command {
    Command::RequestCancelNexusOperationCommandAttributes(
        RequestCancelNexusOperationCommandAttributes { scheduled_event_id },
    )
}

fn payload(text: &str) -> Payload {
    Payload {
        data: text.as_bytes().to_vec(),
        ..Payload::default()
    }
}

/// Returns a world with the endpoint, and a run that has scheduled an operation.
fn world(options: ScheduleNexusOperationCommandAttributes) -> World {
    let mut world = World::new();
    world.service.create_nexus_endpoint(ENDPOINT, HANDLERS);
    world.start("order");
    world.run_workflow_task(vec![schedule(options)]);
    world
}

fn poll() -> PollNexusTaskQueueRequest {
    PollNexusTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(HANDLERS),
        identity: "handler".to_owned(),
        ..PollNexusTaskQueueRequest::default()
    }
}

#[track_caller]
fn nexus_task(world: &mut World) -> PollNexusTaskQueueResponse {
    match world.call(poll()) {
        Ok(Response::PollNexusTaskQueue(task)) => *task,
        other => panic!("not a Nexus task: {other:?}"),
    }
}

fn has_nexus_task(world: &mut World) -> bool {
    world.is_answered_at_once(poll())
}

#[track_caller]
fn start_of(task: &PollNexusTaskQueueResponse) -> &nexus::StartOperationRequest {
    match task
        .request
        .as_ref()
        .and_then(|request| request.variant.as_ref())
    {
        Some(request::Variant::StartOperation(start)) => start,
        other => panic!("not a request to start: {other:?}"),
    }
}

#[track_caller]
fn cancel_of(task: &PollNexusTaskQueueResponse) -> &nexus::CancelOperationRequest {
    match task
        .request
        .as_ref()
        .and_then(|request| request.variant.as_ref())
    {
        Some(request::Variant::CancelOperation(cancel)) => cancel,
        other => panic!("not a request to cancel: {other:?}"),
    }
}

fn answer(
    world: &mut World,
    task: &PollNexusTaskQueueResponse,
    variant: response::Variant,
) -> Result<Response, Status> {
    world.call(RespondNexusTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        response: Some(nexus::Response {
            variant: Some(variant),
        }),
        ..RespondNexusTaskCompletedRequest::default()
    })
}

fn answer_start(
    world: &mut World,
    task: &PollNexusTaskQueueResponse,
    variant: start::Variant,
) -> Result<Response, Status> {
    let response = StartOperationResponse {
        variant: Some(variant),
    };
    answer(world, task, response::Variant::StartOperation(response))
}

fn succeed(world: &mut World, task: &PollNexusTaskQueueResponse) -> Result<Response, Status> {
    let sync = start::Sync {
        payload: Some(payload("receipt")),
        ..start::Sync::default()
    };
    answer_start(world, task, start::Variant::SyncSuccess(sync))
}

fn start_async(world: &mut World, token: &str) -> PollNexusTaskQueueResponse {
    let task = nexus_task(world);
    let started = start::Async {
        operation_token: token.to_owned(),
        ..start::Async::default()
    };
    answer_start(world, &task, start::Variant::AsyncSuccess(started))
        .expect("a start that is accepted");
    task
}

fn fail(
    world: &mut World,
    task: &PollNexusTaskQueueResponse,
    failure: Failure,
) -> Result<Response, Status> {
    world.call(RespondNexusTaskFailedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        failure: Some(failure),
        ..RespondNexusTaskFailedRequest::default()
    })
}

/// Returns the completion of a started operation, as the handler of this task sends it.
fn completion(task: &PollNexusTaskQueueResponse) -> CompleteNexusOperationRequest {
    CompleteNexusOperationRequest {
        callback_token: start_of(task).callback_header["temporal-callback-token"].clone(),
        operation_token: "token".to_owned(),
        result: Some(payload("receipt")),
        ..CompleteNexusOperationRequest::default()
    }
}

fn declined() -> Failure {
    Failure {
        message: "declined".to_owned(),
        failure_info: Some(FailureInfo::ApplicationFailureInfo(
            ApplicationFailureInfo::default(),
        )),
        ..Failure::default()
    }
}

fn canceled() -> Failure {
    Failure {
        failure_info: Some(FailureInfo::CanceledFailureInfo(
            CanceledFailureInfo::default(),
        )),
        ..declined()
    }
}

/// Returns the types of the events of operations.
fn of_nexus(world: &World) -> Vec<EventType> {
    let names = world.event_types("order").into_iter();
    names
        .filter(|event| {
            event
                .as_str_name()
                .starts_with("EVENT_TYPE_NEXUS_OPERATION")
        })
        .collect()
}

#[track_caller]
fn attributes(world: &World, event_type: EventType) -> Attributes {
    let event = world
        .history("order")
        .iter()
        .find(|event| event.event_type() == event_type);
    event
        .and_then(|event| event.attributes.clone())
        .expect("an event of this type")
}

/// Returns the cause of the failure of an operation.
#[track_caller]
fn cause(failure: Option<Failure>) -> Failure {
    let failure = failure.expect("a failure");
    assert_eq!(failure.message, "nexus operation completed unsuccessfully");
    let Some(FailureInfo::NexusOperationExecutionFailureInfo(info)) = &failure.failure_info else {
        panic!("not an operation's: {failure:?}");
    };
    assert_eq!(
        (info.endpoint.as_str(), info.scheduled_event_id),
        (ENDPOINT, SCHEDULED)
    );
    *failure.cause.expect("a cause")
}

#[track_caller]
fn timed_out(world: &World) -> TimeoutType {
    let Attributes::NexusOperationTimedOutEventAttributes(closed) =
        attributes(world, NexusOperationTimedOut)
    else {
        panic!("not its attributes");
    };
    match cause(closed.failure).failure_info {
        Some(FailureInfo::TimeoutFailureInfo(info)) => info.timeout_type(),
        other => panic!("not a timeout: {other:?}"),
    }
}

#[track_caller]
fn failed(world: &World) -> Failure {
    match attributes(world, NexusOperationFailed) {
        Attributes::NexusOperationFailedEventAttributes(closed) => cause(closed.failure),
        other => panic!("not its attributes: {other:?}"),
    }
}

fn pending(world: &mut World) -> crate::api::workflow::PendingNexusOperationInfo {
    let request = DescribeWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        execution: execution("order"),
    };
    match world.call(request) {
        Ok(Response::DescribeWorkflowExecution(description)) => description
            .pending_nexus_operations
            .into_iter()
            .next()
            .expect("a pending operation"),
        other => panic!("not its description: {other:?}"),
    }
}

fn signal(world: &mut World) {
    let request = SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("order"),
        signal_name: "go".to_owned(),
        ..SignalWorkflowExecutionRequest::default()
    };
    world.call(request).expect("a signal that is accepted");
}

#[test]
fn an_operation_answered_at_once_completes_without_having_started() {
    let mut world = world(options());
    let task = nexus_task(&mut world);
    let start = start_of(&task);
    assert_eq!(
        (start.service.as_str(), start.operation.as_str()),
        ("Payments", "charge")
    );
    assert_eq!(start.payload, Some(payload("100")));
    let request_id = start.request_id.clone();
    succeed(&mut world, &task).unwrap();
    assert_eq!(
        of_nexus(&world),
        [NexusOperationScheduled, NexusOperationCompleted]
    );
    let Attributes::NexusOperationCompletedEventAttributes(closed) =
        attributes(&world, NexusOperationCompleted)
    else {
        panic!("not its attributes");
    };
    assert_eq!(
        (closed.scheduled_event_id, closed.request_id),
        (SCHEDULED, request_id)
    );
    assert_eq!(closed.result, Some(payload("receipt")));
    assert!(world.has_workflow_task());
}

#[test]
fn a_started_operation_is_completed_by_its_callback() {
    let mut world = world(options());
    let task = start_async(&mut world, "token");
    assert_eq!(
        of_nexus(&world),
        [NexusOperationScheduled, NexusOperationStarted]
    );
    world.run_workflow_task(vec![]);
    world.pass(3_600_000);
    world.call(completion(&task)).unwrap();
    assert_eq!(
        of_nexus(&world),
        [
            NexusOperationScheduled,
            NexusOperationStarted,
            NexusOperationCompleted
        ]
    );
    assert!(world.has_workflow_task());
    let again = world.call(completion(&task)).unwrap_err();
    assert_eq!(again.code(), Code::NotFound);
}

#[test]
fn an_operation_fails_or_is_canceled_as_its_handler_says() {
    let mut world = self::world(options());
    let task = nexus_task(&mut world);
    answer_start(&mut world, &task, start::Variant::Failure(declined())).unwrap();
    assert_eq!(failed(&world), declined());

    let mut world = self::world(options());
    let task = start_async(&mut world, "token");
    let ended = CompleteNexusOperationRequest {
        failure: Some(canceled()),
        ..completion(&task)
    };
    world.call(ended).unwrap();
    let Attributes::NexusOperationCanceledEventAttributes(closed) =
        attributes(&world, NexusOperationCanceled)
    else {
        panic!("not its attributes");
    };
    assert_eq!(cause(closed.failure), canceled());
}

#[test]
fn each_timeout_ends_an_operation_under_its_name() {
    let mut to_close = world(ScheduleNexusOperationCommandAttributes {
        schedule_to_close_timeout: Some(duration(60_000)),
        ..options()
    });
    start_async(&mut to_close, "token");
    to_close.pass(59_999);
    assert_eq!(
        of_nexus(&to_close),
        [NexusOperationScheduled, NexusOperationStarted]
    );
    to_close.pass(1);
    assert_eq!(timed_out(&to_close), TimeoutType::ScheduleToClose);

    let mut to_start = world(ScheduleNexusOperationCommandAttributes {
        schedule_to_start_timeout: Some(duration(20_000)),
        ..options()
    });
    to_start.pass(20_000);
    assert_eq!(timed_out(&to_start), TimeoutType::ScheduleToStart);

    let mut started = world(ScheduleNexusOperationCommandAttributes {
        schedule_to_start_timeout: Some(duration(20_000)),
        start_to_close_timeout: Some(duration(30_000)),
        ..options()
    });
    started.pass(5_000);
    start_async(&mut started, "token");
    started.pass(30_000);
    assert_eq!(timed_out(&started), TimeoutType::StartToClose);
}

#[test]
fn a_closing_while_a_workflow_task_is_started_waits_behind_a_later_signal() {
    let mut world = world(options());
    signal(&mut world);
    let workflow_task = world.workflow_task();
    let task = nexus_task(&mut world);
    succeed(&mut world, &task).unwrap();
    signal(&mut world);
    world.complete(&workflow_task, vec![]).unwrap();
    let types = world.event_types("order");
    assert_eq!(
        types[types.len() - 4..],
        [
            WorkflowTaskCompleted,
            WorkflowExecutionSignaled,
            NexusOperationCompleted,
            WorkflowTaskScheduled
        ]
    );
}

#[test]
fn a_completion_may_come_before_the_answer_to_the_request_to_start() {
    let mut world = world(options());
    let task = nexus_task(&mut world);
    world.call(completion(&task)).unwrap();
    assert_eq!(
        of_nexus(&world),
        [
            NexusOperationScheduled,
            NexusOperationStarted,
            NexusOperationCompleted
        ]
    );
    let started = start::Async {
        operation_token: "token".to_owned(),
        ..start::Async::default()
    };
    answer_start(&mut world, &task, start::Variant::AsyncSuccess(started)).unwrap();
    assert_eq!(of_nexus(&world).len(), 3);
}

#[test]
fn a_completion_for_a_closed_run_is_not_found() {
    let mut world = world(options());
    let task = start_async(&mut world, "token");
    world.run_workflow_task(vec![complete_workflow("done")]);
    let refused = world.call(completion(&task)).unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (Code::NotFound, "workflow execution already completed")
    );
    assert!(!has_nexus_task(&mut world));
}

#[test]
fn an_operation_without_a_token_has_not_started() {
    let mut world = world(options());
    let task = nexus_task(&mut world);
    let started = start::Async::default();
    let refused =
        answer_start(&mut world, &task, start::Variant::AsyncSuccess(started)).unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(of_nexus(&world), [NexusOperationScheduled]);
}
