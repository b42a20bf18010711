//! Requests that are refused, and requests whose defaults are filled in.

use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::{
    common::v1::{Payload, Payloads, Priority, RetryPolicy, WorkflowExecution, WorkflowType},
    enums::v1::{
        TaskQueueKind, UpdateWorkflowExecutionLifecycleStage, WorkflowIdConflictPolicy as Conflict,
        WorkflowIdReusePolicy as Reuse,
    },
    taskqueue::v1::TaskQueue,
    update::v1 as update,
    workflowservice::v1::{
        ExecuteMultiOperationRequest, GetSystemInfoRequest, GetWorkflowExecutionHistoryRequest,
        PollWorkflowTaskQueueRequest, RespondWorkflowTaskCompletedRequest,
        SignalWithStartWorkflowExecutionRequest, SignalWorkflowExecutionRequest,
        StartWorkflowExecutionRequest, TerminateWorkflowExecutionRequest,
        UpdateWorkflowExecutionRequest,
        execute_multi_operation_request::{Operation, operation},
    },
};
use tonic::Code;

use super::*;

fn start() -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: "default".into(),
        workflow_id: "order-1".into(),
        workflow_type: Some(WorkflowType {
            name: "Order".into(),
        }),
        task_queue: Some(TaskQueue {
            name: "orders".into(),
            ..TaskQueue::default()
        }),
        request_id: "request".into(),
        ..StartWorkflowExecutionRequest::default()
    }
}

fn update_of(workflow_id: &str) -> UpdateWorkflowExecutionRequest {
    UpdateWorkflowExecutionRequest {
        namespace: "default".into(),
        workflow_execution: Some(WorkflowExecution {
            workflow_id: workflow_id.into(),
            ..WorkflowExecution::default()
        }),
        request: Some(update::Request {
            meta: Some(update::Meta {
                update_id: "u".into(),
                ..update::Meta::default()
            }),
            input: Some(update::Input {
                name: "reserve".into(),
                ..update::Input::default()
            }),
            ..update::Request::default()
        }),
        ..UpdateWorkflowExecutionRequest::default()
    }
}

fn check(request: impl Into<Request>) -> Result<Request, (Code, String)> {
    let mut request = request.into();
    validate(&mut request, &ServiceConfig::default(), 1_704_067_200_000)
        .map(|()| request)
        .map_err(|refused| (refused.code(), refused.message().to_owned()))
}

#[track_caller]
fn refused(request: impl Into<Request>) -> String {
    let (code, message) = check(request).unwrap_err();
    assert_eq!(code, Code::InvalidArgument, "{message}");
    message
}

#[test]
fn a_start_is_refused_with_its_field_named() {
    type Spoil = fn(&mut StartWorkflowExecutionRequest);
    let refusals: [(Spoil, &str); 13] = [
        (|r| r.workflow_id.clear(), "WorkflowId is not set"),
        (
            |r| r.workflow_id = "x".repeat(1001),
            "WorkflowId exceeds maximum allowed length (1001/1000)",
        ),
        (|r| r.workflow_type = None, "WorkflowType is not set"),
        (|r| r.task_queue = None, "taskQueue is not set"),
        (
            |r| r.task_queue = Some(TaskQueue::default()),
            "missing task queue name",
        ),
        (
            |r| r.task_queue.as_mut().unwrap().name = "/_sys/x".into(),
            "reserved prefix",
        ),
        (
            |r| {
                r.workflow_run_timeout = Some(prost_types::Duration {
                    seconds: -1,
                    nanos: 0,
                });
            },
            "WorkflowRunTimeout",
        ),
        (|r| r.request_id = "x".repeat(1001), "RequestId length"),
        (
            |r| r.cron_schedule = "every day".into(),
            "invalid CronSchedule",
        ),
        (
            |r| {
                r.retry_policy = Some(RetryPolicy {
                    backoff_coefficient: 0.1,
                    ..RetryPolicy::default()
                });
            },
            "BackoffCoefficient",
        ),
        (
            |r| {
                r.priority = Some(Priority {
                    fairness_weight: f32::NAN,
                    ..Priority::default()
                });
            },
            "must be greater than zero",
        ),
        (
            |r| r.workflow_id_reuse_policy = 99,
            "unknown WorkflowIdReusePolicy: 99",
        ),
        (
            |r| {
                let data = vec![0; 2 * 1024 * 1024];
                r.input = Some(Payloads {
                    payloads: vec![Payload {
                        data,
                        ..Payload::default()
                    }],
                });
            },
            "Blob data size exceeds limit.",
        ),
    ];
    for (spoil, named) in refusals {
        let mut request = start();
        spoil(&mut request);
        let message = refused(request);
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn a_start_has_its_defaults_filled_in() {
    let mut request = start();
    request.retry_policy = Some(RetryPolicy::default());
    let Ok(Request::StartWorkflowExecution(request)) = check(request) else {
        panic!("refused")
    };
    assert_eq!(request.workflow_id_reuse_policy(), Reuse::AllowDuplicate);
    assert_eq!(request.workflow_id_conflict_policy(), Conflict::Fail);
    assert_eq!(request.task_queue.unwrap().kind(), TaskQueueKind::Normal);
    assert_eq!(
        request.retry_policy.unwrap().backoff_coefficient.to_bits(),
        2.0_f64.to_bits()
    );
}

#[test]
#[allow(deprecated, reason = "the old policy is what is tested")]
fn terminate_if_running_becomes_a_conflict_policy() {
    let mut request = start();
    request.set_workflow_id_reuse_policy(Reuse::TerminateIfRunning);
    let Ok(Request::StartWorkflowExecution(request)) = check(request) else {
        panic!("refused")
    };
    assert_eq!(request.workflow_id_reuse_policy(), Reuse::AllowDuplicate);
    assert_eq!(
        request.workflow_id_conflict_policy(),
        Conflict::TerminateExisting
    );
}

#[test]
fn signal_with_start_uses_the_running_workflow_by_default() {
    let request = SignalWithStartWorkflowExecutionRequest {
        namespace: "default".into(),
        workflow_id: "order-1".into(),
        workflow_type: Some(WorkflowType {
            name: "Order".into(),
        }),
        task_queue: Some(TaskQueue {
            name: "orders".into(),
            ..TaskQueue::default()
        }),
        signal_name: "paid".into(),
        ..SignalWithStartWorkflowExecutionRequest::default()
    };
    let Ok(Request::SignalWithStartWorkflowExecution(filled)) = check(request.clone()) else {
        panic!("refused")
    };
    assert_eq!(filled.workflow_id_conflict_policy(), Conflict::UseExisting);
    let fail = SignalWithStartWorkflowExecutionRequest {
        workflow_id_conflict_policy: Conflict::Fail.into(),
        ..request
    };
    assert!(refused(fail).contains("not supported for this operation"));
}

#[test]
fn another_namespace_is_not_found() {
    let request = PollWorkflowTaskQueueRequest {
        namespace: "other".into(),
        ..Default::default()
    };
    assert_eq!(
        check(request),
        Err((Code::NotFound, "Namespace other is not found.".into()))
    );
    assert!(refused(PollWorkflowTaskQueueRequest::default()).contains("Namespace is empty"));
    check(GetSystemInfoRequest {}).unwrap();
}

#[test]
fn a_task_token_may_stand_for_the_namespace() {
    check(RespondWorkflowTaskCompletedRequest::default()).unwrap();
}

#[test]
fn a_run_is_named_by_a_workflow_id_and_a_uuid() {
    let signal = |workflow_id: &str, run_id: &str| SignalWorkflowExecutionRequest {
        namespace: "default".into(),
        workflow_execution: Some(WorkflowExecution {
            workflow_id: workflow_id.into(),
            run_id: run_id.into(),
        }),
        signal_name: "paid".into(),
        ..SignalWorkflowExecutionRequest::default()
    };
    check(signal("order-1", "")).unwrap();
    check(signal("order-1", "f3c1ca10-1b2a-4c60-9b38-6b5e39a4b4cf")).unwrap();
    assert_eq!(refused(signal("", "")), "WorkflowId is not set on request.");
    assert_eq!(refused(signal("order-1", "first")), "Invalid RunId.");
    let no_run = SignalWorkflowExecutionRequest {
        workflow_execution: None,
        ..signal("order-1", "")
    };
    assert_eq!(refused(no_run), "Execution is not set on request.");
}

#[test]
fn a_termination_without_identity_and_reason_is_a_users() {
    let request = TerminateWorkflowExecutionRequest {
        namespace: "default".into(),
        workflow_execution: Some(WorkflowExecution {
            workflow_id: "order-1".into(),
            ..WorkflowExecution::default()
        }),
        ..TerminateWorkflowExecutionRequest::default()
    };
    let Ok(Request::TerminateWorkflowExecution(request)) = check(request) else {
        panic!("refused")
    };
    assert_eq!(request.reason, "terminated by user via frontend");
}

#[test]
fn a_page_of_history_has_a_limit() {
    for asked in [0, -1, 1000] {
        let request = GetWorkflowExecutionHistoryRequest {
            namespace: "default".into(),
            execution: Some(WorkflowExecution {
                workflow_id: "x".into(),
                ..WorkflowExecution::default()
            }),
            maximum_page_size: asked,
            ..GetWorkflowExecutionHistoryRequest::default()
        };
        let Ok(Request::GetWorkflowExecutionHistory(request)) = check(request) else {
            panic!("refused")
        };
        assert_eq!(request.maximum_page_size, 256);
    }
}

#[test]
fn an_update_waits_for_completion_by_default_and_never_for_admission() {
    let Ok(Request::UpdateWorkflowExecution(request)) = check(update_of("order-1")) else {
        panic!("refused")
    };
    let stage = request.wait_policy.unwrap().lifecycle_stage();
    assert_eq!(stage, UpdateWorkflowExecutionLifecycleStage::Completed);
    let admitted = UpdateWorkflowExecutionRequest {
        wait_policy: Some(update::WaitPolicy {
            lifecycle_stage: UpdateWorkflowExecutionLifecycleStage::Admitted.into(),
        }),
        ..update_of("order-1")
    };
    assert_eq!(check(admitted).unwrap_err().0, Code::PermissionDenied);
}

#[test]
fn two_operations_are_a_start_and_an_update_of_one_workflow() {
    let operations = |operations: Vec<operation::Operation>| ExecuteMultiOperationRequest {
        namespace: "default".into(),
        operations: operations
            .into_iter()
            .map(|operation| Operation {
                operation: Some(operation),
            })
            .collect(),
        ..ExecuteMultiOperationRequest::default()
    };
    let start = || operation::Operation::StartWorkflow(start());
    let update = |workflow_id| operation::Operation::UpdateWorkflow(update_of(workflow_id));
    check(operations(vec![start(), update("order-1")])).unwrap();
    assert!(refused(operations(vec![start()])).contains("exactly [Start, Update]"));
    assert!(
        refused(operations(vec![update("order-1"), start()])).contains("exactly [Start, Update]")
    );
    assert!(refused(operations(vec![start(), update("order-2")])).contains("Update-with-Start"));
}

#[test]
fn a_page_of_a_completed_task_is_refused() {
    let page = RespondWorkflowTaskCompletedRequest {
        namespace: "default".into(),
        intermediate_page: true,
        ..RespondWorkflowTaskCompletedRequest::default()
    };
    let (code, _) = check(page).unwrap_err();
    assert_eq!(code, Code::FailedPrecondition);
}
