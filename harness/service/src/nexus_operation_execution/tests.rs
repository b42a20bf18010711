//! Standalone Nexus operations, as clients and handlers see them.

use pretty_assertions::assert_eq;
use tonic::{Code, Status};

use crate::{
    CompleteNexusOperationRequest, RequestId,
    api::{
        common::{
            ActivityType, Callback, Payload,
            callback::{Nexus, Variant as CallbackVariant},
        },
        enums::{
            NexusOperationCancellationState, NexusOperationExecutionStatus,
            NexusOperationIdConflictPolicy, NexusOperationIdReusePolicy, NexusOperationWaitStage,
            PendingNexusOperationState,
        },
        failure::{CanceledFailureInfo, Failure, failure::FailureInfo},
        nexus::{
            self, NexusOperationExecutionInfo, StartOperationResponse, request, response,
            start_operation_response as start,
        },
        rpc::{poll_nexus_operation_execution_response::Outcome, *},
    },
    base::time::duration,
    messages::request::{Request, Response},
    run::nexus_operations::failures::handler_failure,
    testing::*,
};

const HANDLERS: &str = "handlers";

fn start_request(operation_id: &str) -> StartNexusOperationExecutionRequest {
    StartNexusOperationExecutionRequest {
        namespace: "default".to_owned(),
        request_id: format!("start-{operation_id}"),
        operation_id: operation_id.to_owned(),
        endpoint: "bank".to_owned(),
        service: "Payments".to_owned(),
        operation: "charge".to_owned(),
        input: Some(payload("100")),
        ..StartNexusOperationExecutionRequest::default()
    }
}

fn payload(text: &str) -> Payload {
    Payload {
        data: text.as_bytes().to_vec(),
        ..Payload::default()
    }
}

fn world() -> World {
    let mut world = World::new();
    world.service.create_nexus_endpoint("bank", HANDLERS);
    world
}

fn with_operation() -> World {
    let mut world = world();
    world.call(start_request("charge")).expect("a start");
    world
}

fn handler_poll() -> PollNexusTaskQueueRequest {
    PollNexusTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(HANDLERS),
        ..PollNexusTaskQueueRequest::default()
    }
}

#[track_caller]
fn task(world: &mut World) -> PollNexusTaskQueueResponse {
    match world.call(handler_poll()) {
        Ok(Response::PollNexusTaskQueue(task)) => *task,
        other => panic!("not a Nexus task: {other:?}"),
    }
}

#[track_caller]
fn start_of(task: &PollNexusTaskQueueResponse) -> nexus::StartOperationRequest {
    let request::Variant::StartOperation(start) = variant(task) else {
        panic!("not a request to start: {task:?}")
    };
    start
}

#[track_caller]
fn variant(task: &PollNexusTaskQueueResponse) -> request::Variant {
    let request = task.request.clone().expect("a request");
    request.variant.expect("a variant")
}

fn respond(
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

#[track_caller]
fn succeed(world: &mut World, task: &PollNexusTaskQueueResponse) {
    let answer = StartOperationResponse {
        variant: Some(start::Variant::SyncSuccess(start::Sync {
            payload: Some(payload("receipt")),
            ..start::Sync::default()
        })),
    };
    respond(world, task, response::Variant::StartOperation(answer)).expect("an answer");
}

/// Answers the request to start: the operation goes on. Returns the token of its callback.
#[track_caller]
fn go_on(world: &mut World) -> String {
    let task = task(world);
    let answer = StartOperationResponse {
        variant: Some(start::Variant::AsyncSuccess(start::Async {
            operation_token: "token".to_owned(),
            ..start::Async::default()
        })),
    };
    respond(world, &task, response::Variant::StartOperation(answer)).expect("an answer");
    start_of(&task).callback_header["temporal-callback-token"].clone()
}

fn poll_request(stage: NexusOperationWaitStage) -> PollNexusOperationExecutionRequest {
    PollNexusOperationExecutionRequest {
        namespace: "default".to_owned(),
        operation_id: "charge".to_owned(),
        run_id: String::new(),
        wait_stage: stage.into(),
    }
}

#[track_caller]
fn polled(world: &mut World, poll: RequestId) -> PollNexusOperationExecutionResponse {
    match world.reply(poll) {
        Some(Ok(Response::PollNexusOperationExecution(response))) => *response,
        other => panic!("not an outcome: {other:?}"),
    }
}

#[track_caller]
fn info(world: &mut World) -> NexusOperationExecutionInfo {
    let request = DescribeNexusOperationExecutionRequest {
        namespace: "default".to_owned(),
        operation_id: "charge".to_owned(),
        ..DescribeNexusOperationExecutionRequest::default()
    };
    match world.call(request) {
        Ok(Response::DescribeNexusOperationExecution(response)) => response.info.unwrap(),
        other => panic!("not a description: {other:?}"),
    }
}

#[track_caller]
fn refused(world: &mut World, request: impl Into<Request>) -> (Code, String) {
    let status = world.call(request).unwrap_err();
    (status.code(), status.message().to_owned())
}

#[test]
fn an_operation_without_a_workflow_is_answered_at_once() {
    let mut world = with_operation();
    let poll = world.send(poll_request(NexusOperationWaitStage::Unspecified));
    let asked = task(&mut world);
    let start = start_of(&asked);
    assert_eq!(
        (&*start.service, start.payload),
        ("Payments", Some(payload("100")))
    );
    let link = &start.links[0].url;
    assert!(link.contains("/nexus-operations/charge/"), "{link}");
    succeed(&mut world, &asked);
    let polled = polled(&mut world, poll);
    assert_eq!(polled.wait_stage(), NexusOperationWaitStage::Closed);
    assert_eq!(polled.outcome, Some(Outcome::Result(payload("receipt"))));
    assert_eq!(
        info(&mut world).status(),
        NexusOperationExecutionStatus::Completed
    );
}

/// Source: `temporalio/temporal: chasm/lib/activity/activity.go` (`GetNexusCompletion`).
#[test]
fn an_activity_completes_the_operation_that_it_stands_for_and_is_linked_to_it() {
    let mut world = with_operation();
    let start = start_of(&task(&mut world));
    let request = StartActivityExecutionRequest {
        namespace: "default".to_owned(),
        activity_id: "charge".to_owned(),
        activity_type: Some(ActivityType {
            name: "Charge".to_owned(),
        }),
        task_queue: queue(TASK_QUEUE),
        start_to_close_timeout: Some(duration(10_000)),
        completion_callbacks: vec![Callback {
            variant: Some(CallbackVariant::Nexus(Nexus {
                url: start.callback,
                header: start.callback_header,
            })),
            ..Callback::default()
        }],
        ..StartActivityExecutionRequest::default()
    };
    let Ok(Response::StartActivityExecution(started)) = world.call(request) else {
        panic!("not started")
    };
    let poll = PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue(TASK_QUEUE),
        ..PollActivityTaskQueueRequest::default()
    };
    let Ok(Response::PollActivityTaskQueue(attempt)) = world.call(poll) else {
        panic!("no attempt")
    };
    let completed = RespondActivityTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: attempt.task_token.clone(),
        ..RespondActivityTaskCompletedRequest::default()
    };
    world.call(completed).unwrap();
    let info = info(&mut world);
    assert_eq!(info.status(), NexusOperationExecutionStatus::Completed);
    assert_eq!(info.links, [started.link.unwrap()]);
}

#[test]
fn a_client_waits_for_the_start_and_then_for_the_end_of_an_operation() {
    let mut world = with_operation();
    let poll = world.send(poll_request(NexusOperationWaitStage::Started));
    let callback_token = go_on(&mut world);
    let started = polled(&mut world, poll);
    assert_eq!(started.wait_stage(), NexusOperationWaitStage::Started);
    assert_eq!(started.operation_token, "token");
    assert_eq!(
        info(&mut world).state(),
        PendingNexusOperationState::Started
    );

    let poll = world.send(poll_request(NexusOperationWaitStage::Closed));
    let completion = CompleteNexusOperationRequest {
        callback_token,
        result: Some(payload("receipt")),
        ..CompleteNexusOperationRequest::default()
    };
    world.call(completion.clone()).unwrap();
    assert_eq!(
        polled(&mut world, poll).outcome,
        Some(Outcome::Result(payload("receipt")))
    );
    assert_eq!(refused(&mut world, completion).0, Code::NotFound);
}

#[test]
fn a_request_that_fails_is_made_again_and_an_operation_may_fail_for_good() {
    let mut world = with_operation();
    let first = task(&mut world);
    let fail = |world: &mut World, task: &PollNexusTaskQueueResponse, failure| {
        let request = RespondNexusTaskFailedRequest {
            namespace: "default".to_owned(),
            task_token: task.task_token.clone(),
            failure: Some(failure),
            ..RespondNexusTaskFailedRequest::default()
        };
        world.call(request).expect("a failure that is accepted");
    };
    fail(&mut world, &first, handler_failure("INTERNAL", "not now"));
    assert_eq!(
        info(&mut world).state(),
        PendingNexusOperationState::BackingOff
    );
    world.pass(1_000);
    let second = task(&mut world);
    fail(&mut world, &second, handler_failure("BAD_REQUEST", "never"));
    assert_eq!(
        info(&mut world).status(),
        NexusOperationExecutionStatus::Failed
    );
    // A request without a worker is given up, and made again.
    let mut world = with_operation();
    world.pass(9_000);
    assert_eq!(info(&mut world).attempt, 1);
    world.pass(1_000);
    task(&mut world);
}

#[test]
fn a_standalone_operation_times_out() {
    let mut world = world();
    let request = StartNexusOperationExecutionRequest {
        schedule_to_close_timeout: Some(duration(60_000)),
        ..start_request("charge")
    };
    world.call(request).unwrap();
    go_on(&mut world);
    world.pass(59_999);
    assert_eq!(
        info(&mut world).status(),
        NexusOperationExecutionStatus::Running
    );
    world.pass(1);
    assert_eq!(
        info(&mut world).status(),
        NexusOperationExecutionStatus::TimedOut
    );
}

fn cancel_request() -> RequestCancelNexusOperationExecutionRequest {
    RequestCancelNexusOperationExecutionRequest {
        namespace: "default".to_owned(),
        operation_id: "charge".to_owned(),
        request_id: "cancel".to_owned(),
        reason: "closed".to_owned(),
        ..RequestCancelNexusOperationExecutionRequest::default()
    }
}

#[test]
fn a_cancel_request_goes_to_the_handler_once_the_operation_has_started() {
    let mut world = with_operation();
    world.call(cancel_request()).unwrap();
    world.call(cancel_request()).unwrap();
    let another = RequestCancelNexusOperationExecutionRequest {
        request_id: "another".to_owned(),
        ..cancel_request()
    };
    assert_eq!(refused(&mut world, another).0, Code::FailedPrecondition);
    let callback_token = go_on(&mut world);
    let asked = task(&mut world);
    assert!(matches!(
        variant(&asked),
        request::Variant::CancelOperation(_)
    ));
    let answer = response::Variant::CancelOperation(nexus::CancelOperationResponse {});
    respond(&mut world, &asked, answer).unwrap();
    let cancellation = info(&mut world).cancellation_info.unwrap();
    assert_eq!(
        cancellation.state(),
        NexusOperationCancellationState::Succeeded
    );

    let canceled = Failure {
        failure_info: Some(FailureInfo::CanceledFailureInfo(
            CanceledFailureInfo::default(),
        )),
        ..Failure::default()
    };
    world
        .call(CompleteNexusOperationRequest {
            callback_token,
            failure: Some(canceled),
            ..CompleteNexusOperationRequest::default()
        })
        .unwrap();
    assert_eq!(
        info(&mut world).status(),
        NexusOperationExecutionStatus::Canceled
    );
}

#[test]
fn a_terminated_operation_takes_no_answer_and_a_deleted_one_is_not_found() {
    let mut world = with_operation();
    let asked = task(&mut world);
    let request = TerminateNexusOperationExecutionRequest {
        namespace: "default".to_owned(),
        operation_id: "charge".to_owned(),
        request_id: "stop".to_owned(),
        reason: "enough".to_owned(),
        ..TerminateNexusOperationExecutionRequest::default()
    };
    world.call(request).unwrap();
    succeed(&mut world, &asked);
    assert_eq!(
        info(&mut world).status(),
        NexusOperationExecutionStatus::Terminated
    );
    let request = DeleteNexusOperationExecutionRequest {
        namespace: "default".to_owned(),
        operation_id: "charge".to_owned(),
        run_id: String::new(),
    };
    world.call(request.clone()).unwrap();
    let (code, message) = refused(&mut world, request);
    assert_eq!(
        (code, &*message),
        (Code::NotFound, "operation not found for ID: charge")
    );
}

#[test]
fn the_id_of_an_operation_is_used_as_the_policies_say() {
    let mut world = with_operation();
    world.call(start_request("charge")).unwrap();
    let mut another = StartNexusOperationExecutionRequest {
        request_id: "another".to_owned(),
        ..start_request("charge")
    };
    assert_eq!(refused(&mut world, another.clone()).0, Code::AlreadyExists);
    another.set_id_conflict_policy(NexusOperationIdConflictPolicy::UseExisting);
    world.call(another.clone()).unwrap();
    let asked = task(&mut world);
    succeed(&mut world, &asked);
    another.set_id_reuse_policy(NexusOperationIdReusePolicy::RejectDuplicate);
    assert_eq!(refused(&mut world, another.clone()).0, Code::AlreadyExists);
    another.set_id_reuse_policy(NexusOperationIdReusePolicy::AllowDuplicate);
    world.call(another).unwrap();
}

#[test]
fn standalone_operations_are_listed_and_counted_by_queries() {
    let mut world = with_operation();
    world.pass(1);
    world.call(start_request("refund")).unwrap();
    let request = ListNexusOperationExecutionsRequest {
        namespace: "default".to_owned(),
        query: "Endpoint = 'bank' AND OperationId = 'refund'".to_owned(),
        ..ListNexusOperationExecutionsRequest::default()
    };
    match world.call(request) {
        Ok(Response::ListNexusOperationExecutions(page)) => {
            assert_eq!(page.operations[0].operation_id, "refund");
        }
        other => panic!("not a list: {other:?}"),
    }
    let request = CountNexusOperationExecutionsRequest {
        namespace: "default".to_owned(),
        query: "ExecutionStatus = 'Running'".to_owned(),
    };
    match world.call(request) {
        Ok(Response::CountNexusOperationExecutions(counted)) => assert_eq!(counted.count, 2),
        other => panic!("not a count: {other:?}"),
    }
}

#[test]
fn an_operation_needs_an_endpoint_that_exists() {
    let mut world = world();
    let unknown = StartNexusOperationExecutionRequest {
        endpoint: "unknown".to_owned(),
        ..start_request("charge")
    };
    assert_eq!(refused(&mut world, unknown).0, Code::NotFound);
    let unnamed = StartNexusOperationExecutionRequest {
        service: String::new(),
        ..start_request("charge")
    };
    let (code, message) = refused(&mut world, unnamed);
    assert_eq!(
        (code, &*message),
        (Code::InvalidArgument, "service is required")
    );
}
