//! Requests about a run.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::{
    enums::v1::EventType,
    query::v1::WorkflowQuery,
    update::v1::{Input, Meta, Request, WaitPolicy},
    workflowservice::v1::{
        DescribeWorkflowExecutionRequest, GetWorkflowExecutionHistoryRequest, QueryWorkflowRequest,
        RequestCancelWorkflowExecutionRequest, ResetWorkflowExecutionRequest,
        SignalWorkflowExecutionRequest, TerminateWorkflowExecutionRequest,
        UpdateWorkflowExecutionRequest,
    },
};
use tonic::{Code, IntoRequest};

use super::{
    Counter, assert_refused, assert_status,
    by_hand::{by_hand, complete_task, take_task},
    execution, last, on, seconds, spoil_of,
    stock::Stock,
    too_large, too_long,
};

/// A run id that no run has.
const NOBODYS: &str = "4e1b9b8e-9f6c-4d8f-8f6a-0d3c1f9b3a11";

fn signal() -> SignalWorkflowExecutionRequest {
    SignalWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("one", ""),
        signal_name: "add".to_owned(),
        ..SignalWorkflowExecutionRequest::default()
    }
}

fn query() -> QueryWorkflowRequest {
    QueryWorkflowRequest {
        namespace: "default".to_owned(),
        execution: execution("one", ""),
        query: Some(WorkflowQuery {
            query_type: "items".to_owned(),
            ..WorkflowQuery::default()
        }),
        ..QueryWorkflowRequest::default()
    }
}

fn update() -> UpdateWorkflowExecutionRequest {
    UpdateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
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
    }
}

fn reset() -> ResetWorkflowExecutionRequest {
    ResetWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("one", ""),
        workflow_task_finish_event_id: 4,
        request_id: "request".to_owned(),
        ..ResetWorkflowExecutionRequest::default()
    }
}

fn cancel() -> RequestCancelWorkflowExecutionRequest {
    RequestCancelWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("one", ""),
        ..RequestCancelWorkflowExecutionRequest::default()
    }
}

fn terminate() -> TerminateWorkflowExecutionRequest {
    TerminateWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        workflow_execution: execution("one", ""),
        ..TerminateWorkflowExecutionRequest::default()
    }
}

fn describe() -> DescribeWorkflowExecutionRequest {
    DescribeWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        execution: execution("one", ""),
    }
}

fn history() -> GetWorkflowExecutionHistoryRequest {
    GetWorkflowExecutionHistoryRequest {
        namespace: "default".to_owned(),
        execution: execution("one", ""),
        ..GetWorkflowExecutionHistoryRequest::default()
    }
}

/// Asserts that a request about a run is refused for each invalid name of the run.
macro_rules! assert_execution_refused {
    ($env:expr, $rpc:ident, $good:expr, $field:ident) => {
        assert_refused!(
            $env, $rpc, $good,
            |it| it.namespace.clear() => InvalidArgument "Namespace is empty",
            |it| "elsewhere".clone_into(&mut it.namespace)
                => NotFound "Namespace elsewhere is not found",
            |it| it.$field = None => InvalidArgument "Execution is not set",
            |it| it.$field = execution("", "") => InvalidArgument "WorkflowId is not set",
            |it| it.$field = execution("one", "not a uuid") => InvalidArgument "Invalid RunId",
            |it| it.$field = execution("nobody", "") => NotFound "nobody",
            |it| it.$field = execution("one", NOBODYS) => NotFound NOBODYS,
        )
    };
}

async fn running(env: &TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    env.client()
        .start_workflow(Counter::run, (), on("one"))
        .await?;
    env.sleep(seconds(1)).await;
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_run_is_named_by_its_workflow_id_and_optionally_its_run_id(
    env: TestWorkflowEnvironment,
) -> TestResult {
    running(&env).await?;
    let before = env.history("one");
    assert_execution_refused!(env, signal_workflow_execution, signal(), workflow_execution);
    assert_execution_refused!(env, query_workflow, query(), execution);
    assert_execution_refused!(env, update_workflow_execution, update(), workflow_execution);
    assert_execution_refused!(env, reset_workflow_execution, reset(), workflow_execution);
    assert_execution_refused!(
        env,
        request_cancel_workflow_execution,
        cancel(),
        workflow_execution
    );
    assert_execution_refused!(
        env,
        terminate_workflow_execution,
        terminate(),
        workflow_execution
    );
    assert_execution_refused!(env, describe_workflow_execution, describe(), execution);
    assert_execution_refused!(env, get_workflow_execution_history, history(), execution);
    assert_eq!(env.history("one"), before, "no request has reached the run");
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn an_invalid_request_about_a_run_is_refused_naming_the_field(
    env: TestWorkflowEnvironment,
) -> TestResult {
    running(&env).await?;
    assert_refused!(
        env, signal_workflow_execution, signal(),
        |it| it.signal_name.clear() => InvalidArgument "SignalName is not set",
        |it| it.signal_name = too_long() => InvalidArgument "SignalName length exceeds limit",
        |it| it.request_id = too_long() => InvalidArgument "RequestId length exceeds limit",
        |it| it.input = too_large() => InvalidArgument "Blob data size exceeds limit",
    );
    assert_refused!(
        env, query_workflow, query(),
        |it| it.query = None => InvalidArgument "WorkflowQuery is not set",
        |it| it.query = Some(WorkflowQuery::default()) => InvalidArgument "QueryType is not set",
        |it| it.query.as_mut().unwrap().query_args = too_large()
            => InvalidArgument "Blob data size exceeds limit",
        |it| it.query_reject_condition = 99 => InvalidArgument "QueryRejectCondition: 99",
    );
    assert_refused!(
        env, update_workflow_execution, update(),
        |it| it.request = None => InvalidArgument "Update meta is not set",
        |it| it.request.as_mut().unwrap().meta = None => InvalidArgument "Update meta is not set",
        |it| it.request.as_mut().unwrap().input = None => InvalidArgument "Update input is not set",
        |it| it.request.as_mut().unwrap().input = Some(Input::default())
            => InvalidArgument "Update name is not set",
        |it| {
            let update_id = too_long();
            it.request.as_mut().unwrap().meta = Some(Meta { update_id, ..Meta::default() });
        } => InvalidArgument "UpdateId length exceeds limit",
        |it| it.wait_policy = Some(WaitPolicy { lifecycle_stage: 99 })
            => InvalidArgument "UpdateWorkflowExecutionLifecycleStage: 99",
        |it| NOBODYS.clone_into(&mut it.first_execution_run_id) => NotFound "not found",
    );
    assert_refused!(
        env, reset_workflow_execution, reset(),
        |it| it.request_id.clear() => InvalidArgument "RequestId is not set",
        |it| it.request_id = too_long() => InvalidArgument "RequestId length exceeds limit",
        |it| it.workflow_task_finish_event_id = 0
            => InvalidArgument "Workflow task finish ID must be > 1",
    );
    assert_refused!(
        env, get_workflow_execution_history, history(),
        |it| it.history_event_filter_type = 99 => InvalidArgument "HistoryEventFilterType: 99",
        |it| it.next_page_token = b"not ours".to_vec() => InvalidArgument "Invalid NextPageToken",
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_query_before_a_delayed_first_task_is_a_failed_precondition(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let mut options = on("one");
    options.cron_schedule = Some("0 0 1 1 *".to_owned());
    env.client()
        .start_workflow(Counter::run, (), options)
        .await?;
    let refused = env
        .connection()
        .workflow_service()
        .query_workflow(query().into_request())
        .await;
    assert_status(
        refused.map(drop),
        Code::FailedPrecondition,
        "Workflow task is not scheduled yet.",
    );
    Ok(())
}

#[workflow_test]
async fn an_eleventh_concurrent_update_is_refused(env: TestWorkflowEnvironment) -> TestResult {
    env.client()
        .start_workflow(Stock::run, (), by_hand("one"))
        .await?;
    complete_task(&env, &take_task(&env).await?, Vec::new()).await?;
    for number in 0..10 {
        let stock = env.client().get_workflow_handle::<Stock>("one");
        env.spawn(async move {
            stock
                .execute_update(
                    Stock::add,
                    number.to_string(),
                    WorkflowExecuteUpdateOptions::default(),
                )
                .await
                .is_ok()
        });
    }
    env.sleep(seconds(1)).await;
    let refused = env
        .connection()
        .workflow_service()
        .update_workflow_execution(update().into_request())
        .await;
    assert_status(
        refused.map(drop),
        Code::ResourceExhausted,
        "concurrent in-flight updates",
    );
    Ok(())
}

/// The server fills in the identity and the reason.
#[workflow_test(core_replay = true)]
async fn a_termination_without_a_reason_gets_a_default_one(
    env: TestWorkflowEnvironment,
) -> TestResult {
    running(&env).await?;
    env.connection()
        .workflow_service()
        .terminate_workflow_execution(terminate().into_request())
        .await?;
    let history = env.history("one");
    assert_eq!(last(&history), EventType::WorkflowExecutionTerminated);
    let terminated = events!(history, WorkflowExecutionTerminatedEventAttributes);
    assert_eq!(terminated[0].reason, "terminated by user via frontend");
    assert_eq!(terminated[0].identity, "frontend-service");
    Ok(())
}
