//! Requests of workers, and requests on their behalf.

use durasim::prelude::*;
use temporalio_protos::temporal::api::{
    failure::v1::{CanceledFailureInfo, Failure, failure::FailureInfo},
    workflowservice::v1::{
        PollActivityTaskQueueRequest, PollWorkflowTaskQueueRequest,
        RecordActivityTaskHeartbeatByIdRequest, RecordActivityTaskHeartbeatRequest,
        RespondActivityTaskCanceledByIdRequest, RespondActivityTaskCompletedByIdRequest,
        RespondActivityTaskCompletedRequest, RespondActivityTaskFailedByIdRequest,
        RespondActivityTaskFailedRequest, RespondQueryTaskCompletedRequest,
        RespondWorkflowTaskCompletedRequest, RespondWorkflowTaskFailedRequest,
    },
};
use tonic::{Code, IntoRequest};

use super::{assert_refused, assert_status, queue, spoil_of, too_long};

#[workflow_test]
async fn an_invalid_poll_is_refused_naming_the_field(env: TestWorkflowEnvironment) -> TestResult {
    let workflow = || PollWorkflowTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue("queue"),
        ..PollWorkflowTaskQueueRequest::default()
    };
    let activity = || PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: queue("queue"),
        ..PollActivityTaskQueueRequest::default()
    };
    assert_refused!(
        env, poll_workflow_task_queue, workflow(),
        |it| it.namespace.clear() => InvalidArgument "Namespace is empty",
        |it| it.task_queue = None => InvalidArgument "taskQueue is not set",
        |it| it.task_queue = queue("") => InvalidArgument "missing task queue name",
        |it| it.identity = too_long() => InvalidArgument "Identity length exceeds limit",
    );
    assert_refused!(
        env, poll_activity_task_queue, activity(),
        |it| "elsewhere".clone_into(&mut it.namespace)
            => NotFound "Namespace elsewhere is not found",
        |it| it.task_queue = None => InvalidArgument "taskQueue is not set",
        |it| it.task_queue = queue(&too_long()) => InvalidArgument "taskQueue length exceeds limit",
        |it| it.identity = too_long() => InvalidArgument "Identity length exceeds limit",
    );
    Ok(())
}

/// A malformed token, and a token of another kind of task.
#[workflow_test]
async fn an_invalid_task_token_is_refused(env: TestWorkflowEnvironment) -> TestResult {
    macro_rules! assert_token_refused {
        ($($rpc:ident $request:ident),+ $(,)?) => {$(
            assert_refused!(
                env, $rpc, $request { namespace: "default".to_owned(), ..$request::default() },
                |it| it.task_token = b"not ours".to_vec() => InvalidArgument "task token",
                |it| it.task_token = Vec::new() => InvalidArgument "",
            );
        )+};
    }
    assert_token_refused!(
        respond_workflow_task_completed RespondWorkflowTaskCompletedRequest,
        respond_workflow_task_failed RespondWorkflowTaskFailedRequest,
        respond_query_task_completed RespondQueryTaskCompletedRequest,
        respond_activity_task_completed RespondActivityTaskCompletedRequest,
        respond_activity_task_failed RespondActivityTaskFailedRequest,
        record_activity_task_heartbeat RecordActivityTaskHeartbeatRequest,
    );
    Ok(())
}

#[workflow_test]
async fn an_activity_is_named_by_workflow_id_and_activity_id(
    env: TestWorkflowEnvironment,
) -> TestResult {
    macro_rules! assert_id_refused {
        ($($rpc:ident $request:ident),+ $(,)?) => {$(
            assert_refused!(
                env, $rpc, $request {
                    namespace: "default".to_owned(),
                    workflow_id: "one".to_owned(),
                    activity_id: "1".to_owned(),
                    ..$request::default()
                },
                |it| it.activity_id.clear() => InvalidArgument "ActivityId is not set",
                |it| it.workflow_id.clear() => NotFound "activity not found for ID: ",
                |it| it.run_id = "x".to_owned() => InvalidArgument "RunId is not valid UUID.",
                |it| "nobody".clone_into(&mut it.workflow_id) => NotFound "nobody",
            );
        )+};
    }
    assert_id_refused!(
        record_activity_task_heartbeat_by_id RecordActivityTaskHeartbeatByIdRequest,
        respond_activity_task_completed_by_id RespondActivityTaskCompletedByIdRequest,
        respond_activity_task_failed_by_id RespondActivityTaskFailedByIdRequest,
        respond_activity_task_canceled_by_id RespondActivityTaskCanceledByIdRequest,
    );
    Ok(())
}

#[workflow_test]
async fn a_worker_fails_an_activity_only_with_an_application_failure(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let canceled = Failure {
        failure_info: Some(FailureInfo::CanceledFailureInfo(
            CanceledFailureInfo::default(),
        )),
        ..Failure::default()
    };
    let request = RespondActivityTaskFailedRequest {
        namespace: "default".to_owned(),
        failure: Some(canceled),
        ..RespondActivityTaskFailedRequest::default()
    };
    let refused = env
        .connection()
        .workflow_service()
        .respond_activity_task_failed(request.into_request())
        .await;
    assert_status(
        refused.map(drop),
        Code::InvalidArgument,
        "Failure must have ApplicationFailureInfo.",
    );
    Ok(())
}
