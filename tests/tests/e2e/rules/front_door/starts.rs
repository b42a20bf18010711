//! Requests that may start a run.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_protos::{
    temporal::api::{
        common::v1::{Memo, Payload, Priority, RetryPolicy, WorkflowType},
        enums::v1::{WorkflowIdConflictPolicy as Conflict, WorkflowIdReusePolicy as Reuse},
        errordetails::v1::WorkflowExecutionAlreadyStartedFailure,
        update::v1::{Input, Meta, Request},
        workflow::v1::VersioningOverride,
        workflowservice::v1::{
            ExecuteMultiOperationRequest, SignalWithStartWorkflowExecutionRequest,
            StartWorkflowExecutionRequest, UpdateWorkflowExecutionRequest,
            execute_multi_operation_request::{Operation, operation},
        },
    },
    utilities::decode_status_detail,
};
use tonic::{Code, IntoRequest};

use super::{
    Counter, assert_refused, assert_status, execution, on, queue, seconds_of, spoil_of,
    stock::Stock, too_large, too_long,
};

fn start() -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "one".to_owned(),
        workflow_type: Some(WorkflowType {
            name: "Counter".to_owned(),
        }),
        task_queue: queue("queue"),
        request_id: "request".to_owned(),
        ..StartWorkflowExecutionRequest::default()
    }
}

fn retry(request: &mut StartWorkflowExecutionRequest) -> &mut RetryPolicy {
    request.retry_policy.get_or_insert_default()
}

#[workflow_test]
async fn an_invalid_start_is_refused_naming_the_field(env: TestWorkflowEnvironment) -> TestResult {
    assert_refused!(
        env, start_workflow_execution, start(),
        |it| it.namespace.clear() => InvalidArgument "Namespace is empty",
        |it| it.namespace = too_long() => InvalidArgument "Namespace length exceeds limit",
        |it| "elsewhere".clone_into(&mut it.namespace)
            => NotFound "Namespace elsewhere is not found",
        |it| it.workflow_id.clear() => InvalidArgument "WorkflowId is not set",
        |it| it.workflow_id = too_long()
            => InvalidArgument "WorkflowId exceeds maximum allowed length (1001/1000)",
        |it| it.workflow_type = None => InvalidArgument "WorkflowType is not set",
        |it| it.workflow_type = Some(WorkflowType { name: too_long() })
            => InvalidArgument "WorkflowType length exceeds limit",
        |it| it.task_queue = None => InvalidArgument "taskQueue is not set",
        |it| it.task_queue = queue("") => InvalidArgument "missing task queue name",
        |it| it.task_queue = queue(&too_long()) => InvalidArgument "taskQueue length exceeds limit",
        |it| it.task_queue = queue("/_sys/mine") => InvalidArgument "reserved prefix /_sys/",
        |it| it.task_queue = queue("temporal-sys-per-ns-tq")
            => InvalidArgument "cannot use internal per-namespace task queue",
        |it| it.workflow_execution_timeout = seconds_of(-1)
            => InvalidArgument "WorkflowExecutionTimeout",
        |it| it.workflow_run_timeout = seconds_of(-1) => InvalidArgument "WorkflowRunTimeout",
        |it| it.workflow_task_timeout = seconds_of(-1) => InvalidArgument "WorkflowTaskTimeout",
        |it| it.workflow_start_delay = seconds_of(-1) => InvalidArgument "WorkflowStartDelay",
        |it| it.request_id = too_long() => InvalidArgument "RequestId length exceeds limit",
        |it| "often".clone_into(&mut it.cron_schedule) => InvalidArgument "CronSchedule",
        |it| {
            "* * * * *".clone_into(&mut it.cron_schedule);
            it.workflow_start_delay = seconds_of(1);
        } => InvalidArgument "CronSchedule and WorkflowStartDelay may not be used together",
        |it| retry(it).initial_interval = seconds_of(-1) => InvalidArgument "InitialInterval",
        |it| retry(it).maximum_interval = seconds_of(-1) => InvalidArgument "MaximumInterval",
        |it| retry(it).maximum_attempts = -1 => InvalidArgument "MaximumAttempts",
        |it| retry(it).backoff_coefficient = 0.9 => InvalidArgument "BackoffCoefficient",
        |it| retry(it).non_retryable_error_types = vec!["TemporalTimeout:Never".to_owned()]
            => InvalidArgument "Never",
        |it| it.workflow_id_reuse_policy = 99 => InvalidArgument "WorkflowIdReusePolicy: 99",
        |it| it.workflow_id_conflict_policy = 99 => InvalidArgument "WorkflowIdConflictPolicy: 99",
        |it| {
            it.set_workflow_id_reuse_policy(Reuse::RejectDuplicate);
            it.set_workflow_id_conflict_policy(Conflict::TerminateExisting);
        } => InvalidArgument "REJECT_DUPLICATE cannot be used together",
        |it| it.priority = Some(Priority { priority_key: -1, ..Priority::default() })
            => InvalidArgument "priority key",
        |it| it.versioning_override = Some(VersioningOverride::default())
            => InvalidArgument "override behavior is required",
        |it| it.input = too_large() => InvalidArgument "Blob data size exceeds limit",
        |it| {
            let field = too_large().unwrap().payloads.remove(0);
            it.memo = Some(Memo { fields: [("field".to_owned(), field)].into() });
        } => InvalidArgument "Memo size exceeds limit",
    );
    let nobody = env.client().get_workflow_handle::<Counter>("one");
    assert!(
        nobody
            .describe(WorkflowDescribeOptions::default())
            .await
            .is_err(),
        "no request has started a workflow"
    );
    Ok(())
}

#[workflow_test]
async fn a_start_within_the_limits_is_accepted(env: TestWorkflowEnvironment) -> TestResult {
    let mut request = start();
    request.workflow_id = "x".repeat(1000);
    request.request_id = "x".repeat(1000);
    request.task_queue = queue(&"x".repeat(1000));
    request.workflow_type = Some(WorkflowType {
        name: "x".repeat(1000),
    });
    request.workflow_execution_timeout = seconds_of(0);
    request.workflow_run_timeout = seconds_of(0);
    request.workflow_task_timeout = seconds_of(0);
    let data = vec![0; 2 * 1024 * 1024 - 16];
    request.input = Some(temporalio_protos::temporal::api::common::v1::Payloads {
        payloads: vec![Payload {
            data,
            ..Payload::default()
        }],
    });
    env.connection()
        .workflow_service()
        .start_workflow_execution(request.into_request())
        .await?;
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_start_with_an_id_in_use_is_refused_naming_the_run(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let first = env
        .client()
        .start_workflow(Counter::run, (), on("one"))
        .await?;
    let refused = env
        .connection()
        .workflow_service()
        .start_workflow_execution(start().into_request())
        .await;
    let status = refused.unwrap_err();
    assert_eq!(status.code(), Code::AlreadyExists);
    let details: WorkflowExecutionAlreadyStartedFailure =
        decode_status_detail(status.details()).unwrap();
    assert_eq!(Some(details.run_id.as_str()), first.run_id());
    assert!(status.message().contains(&details.run_id), "{status:?}");
    Ok(())
}

/// A client that has not received the answer sends the same request again.
#[workflow_test(core_replay = true)]
async fn a_repeated_start_starts_nothing(env: TestWorkflowEnvironment) -> TestResult {
    let mut service = env.connection().workflow_service();
    let first = service
        .start_workflow_execution(start().into_request())
        .await?
        .into_inner();
    let again = service
        .start_workflow_execution(start().into_request())
        .await?
        .into_inner();
    assert_eq!(first.run_id, again.run_id);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn terminate_if_running_is_the_old_name_of_a_conflict_policy(
    env: TestWorkflowEnvironment,
) -> TestResult {
    #[allow(
        deprecated,
        reason = "callers still send the old policy, and the server still takes it"
    )]
    const TERMINATE_IF_RUNNING: Reuse = Reuse::TerminateIfRunning;
    let first = env
        .client()
        .start_workflow(Counter::run, (), on("one"))
        .await?;
    let mut request = start();
    request.set_workflow_id_reuse_policy(TERMINATE_IF_RUNNING);
    let mut service = env.connection().workflow_service();
    let second = service
        .start_workflow_execution(request.clone().into_request())
        .await?
        .into_inner();
    assert_ne!(Some(second.run_id.as_str()), first.run_id());
    assert!(
        first
            .get_result(WorkflowGetResultOptions::default())
            .await
            .is_err()
    );
    "another".clone_into(&mut request.request_id);
    request.set_workflow_id_conflict_policy(Conflict::Fail);
    let refused = service
        .start_workflow_execution(request.into_request())
        .await;
    assert_status(
        refused.map(drop),
        Code::InvalidArgument,
        "TERMINATE_IF_RUNNING cannot be used together",
    );
    Ok(())
}

fn signal_with_start() -> SignalWithStartWorkflowExecutionRequest {
    SignalWithStartWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_id: "one".to_owned(),
        workflow_type: Some(WorkflowType {
            name: "Counter".to_owned(),
        }),
        task_queue: queue("queue"),
        signal_name: "add".to_owned(),
        ..SignalWithStartWorkflowExecutionRequest::default()
    }
}

#[workflow_test]
async fn an_invalid_signal_with_start_is_refused_naming_the_field(
    env: TestWorkflowEnvironment,
) -> TestResult {
    assert_refused!(
        env, signal_with_start_workflow_execution, signal_with_start(),
        |it| it.workflow_id.clear() => InvalidArgument "WorkflowId is not set",
        |it| it.signal_name.clear() => InvalidArgument "signal not set",
        |it| it.versioning_override = Some(VersioningOverride::default())
            => InvalidArgument "override behavior is required",
        |it| it.signal_name = too_long()
            => InvalidArgument "signal name exceeds maximum allowed length (1001/1000)",
        |it| it.workflow_type = None => InvalidArgument "workflow type not set",
        |it| it.task_queue = None => InvalidArgument "taskQueue is not set",
        |it| it.request_id = too_long()
            => InvalidArgument "Request ID exceeds maximum allowed length",
        |it| it.workflow_run_timeout = seconds_of(-1) => InvalidArgument "WorkflowRunTimeout",
        |it| it.workflow_start_delay = seconds_of(-1) => InvalidArgument "WorkflowStartDelay",
        |it| it.workflow_id_reuse_policy = 99 => InvalidArgument "WorkflowIdReusePolicy: 99",
        |it| it.set_workflow_id_conflict_policy(Conflict::Fail)
            => InvalidArgument "CONFLICT_POLICY_FAIL is not supported",
        |it| it.signal_input = too_large() => InvalidArgument "Blob data size exceeds limit",
        |it| it.input = too_large() => InvalidArgument "Blob data size exceeds limit",
    );
    Ok(())
}

fn update_with_start() -> ExecuteMultiOperationRequest {
    let update = UpdateWorkflowExecutionRequest {
        workflow_execution: execution("one", ""),
        request: Some(Request {
            meta: Some(Meta::default()),
            input: Some(Input {
                name: "add".to_owned(),
                ..Input::default()
            }),
            ..Request::default()
        }),
        ..UpdateWorkflowExecutionRequest::default()
    };
    let operation = |operation| Operation {
        operation: Some(operation),
    };
    ExecuteMultiOperationRequest {
        namespace: "default".to_owned(),
        operations: vec![
            operation(operation::Operation::StartWorkflow(start())),
            operation(operation::Operation::UpdateWorkflow(update)),
        ],
        ..ExecuteMultiOperationRequest::default()
    }
}

fn start_of(request: &mut ExecuteMultiOperationRequest) -> &mut StartWorkflowExecutionRequest {
    match &mut request.operations[0].operation {
        Some(operation::Operation::StartWorkflow(start)) => start,
        other => panic!("not a start: {other:?}"),
    }
}

fn update_of(request: &mut ExecuteMultiOperationRequest) -> &mut UpdateWorkflowExecutionRequest {
    match &mut request.operations[1].operation {
        Some(operation::Operation::UpdateWorkflow(update)) => update,
        other => panic!("not an update: {other:?}"),
    }
}

/// The status of the whole says only that the request could not be executed; its details say why.
#[workflow_test]
async fn an_update_with_start_is_refused_as_a_whole(env: TestWorkflowEnvironment) -> TestResult {
    const REFUSED: &str = "Update-with-Start could not be executed.";
    assert_refused!(
        env, execute_multi_operation, update_with_start(),
        |it| it.operations.reverse()
            => InvalidArgument "Operations have to be exactly [Start, Update].",
        |it| it.operations.truncate(1)
            => InvalidArgument "Operations have to be exactly [Start, Update].",
        |it| start_of(it).workflow_id.clear() => InvalidArgument REFUSED,
        |it| "* * * * *".clone_into(&mut start_of(it).cron_schedule) => InvalidArgument REFUSED,
        |it| start_of(it).workflow_start_delay = seconds_of(1)
            => InvalidArgument REFUSED,
        |it| start_of(it).request_eager_execution = true => InvalidArgument REFUSED,
        |it| update_of(it).request = None => InvalidArgument REFUSED,
        |it| update_of(it).workflow_execution = execution("other", "") => InvalidArgument REFUSED,
        |it| {
            let run_id = "4e1b9b8e-9f6c-4d8f-8f6a-0d3c1f9b3a11";
            update_of(it).workflow_execution = execution("one", run_id);
        } => InvalidArgument REFUSED,
    );
    let nobody = env.client().get_workflow_handle::<Stock>("one");
    assert!(
        nobody
            .describe(WorkflowDescribeOptions::default())
            .await
            .is_err(),
        "no request has started a workflow"
    );
    Ok(())
}
