//! Operators act on the activities of a running workflow, through the raw client.

use std::sync::Arc;

use durasim::prelude::*;
use futures::{FutureExt, future::LocalBoxFuture};
use pretty_assertions::assert_eq;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_protos::temporal::api::{
    common::v1::WorkflowExecution,
    enums::v1::{BatchOperationState, PendingActivityState},
    workflow::v1::PendingActivityInfo,
    workflowservice::v1::{
        DescribeBatchOperationRequest, PauseActivityRequest, StartBatchOperationRequest,
        UnpauseActivityRequest, pause_activity_request::Activity as ToPause,
        start_batch_operation_request::Operation, unpause_activity_request::Activity as ToUnpause,
    },
};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use super::on;

/// A press that prints a page a second, and stops when it is asked to.
struct Press;

#[activities]
impl Press {
    #[activity]
    async fn print(
        self: Arc<Self>,
        ctx: ActivityContext,
        pages: u32,
    ) -> Result<u32, ActivityError> {
        let attempt = ctx.info().attempt;
        for page in 0..pages {
            ctx.record_heartbeat(page).await?;
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
                () = ctx.cancelled() => {
                    return Err(anyhow::anyhow!("stopped on page {page}").into());
                }
            }
        }
        Ok(attempt)
    }
}

/// Prints a book, and returns the attempt that it took.
#[workflow]
#[derive(Default)]
struct Book;

#[workflow_methods]
impl Book {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_mins(5))
            .heartbeat_timeout(Duration::from_secs(10))
            .build();
        Ok(ctx.execute_activity(Press::print, 60_u32, options).await?)
    }
}

fn book() -> WorkflowExecution {
    WorkflowExecution {
        workflow_id: "book".to_owned(),
        run_id: String::new(),
    }
}

fn start_press(env: &TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<Book>()
        .implementer(Press)
        .activity(Press::print)
        .start()?;
    Ok(())
}

async fn pending(env: &TestWorkflowEnvironment) -> TestResult<PendingActivityInfo> {
    let handle = env.client().get_workflow_handle::<Book>("book");
    let description = handle.describe(Default::default()).await?;
    Ok(description.raw().pending_activities[0].clone())
}

async fn pause(env: &TestWorkflowEnvironment) -> TestResult {
    let request = PauseActivityRequest {
        namespace: "default".to_owned(),
        execution: Some(book()),
        activity: Some(ToPause::Type("Press::print".to_owned())),
        reason: "no paper".to_owned(),
        ..Default::default()
    };
    let mut service = env.connection().workflow_service();
    service.pause_activity(tonic::Request::new(request)).await?;
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_paused_activity_stops_at_its_heartbeat_and_goes_on_when_unpaused(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_press(&env)?;
    let handle = env
        .client()
        .start_workflow(Book::run, (), on("book"))
        .await?;
    env.sleep(Duration::from_secs(15)).await;
    pause(&env).await?;
    env.sleep(Duration::from_hours(24)).await;
    let info = pending(&env).await?;
    assert_eq!(info.state(), PendingActivityState::Paused);
    assert_eq!(info.attempt, 2);

    let request = UnpauseActivityRequest {
        namespace: "default".to_owned(),
        execution: Some(book()),
        activity: Some(ToUnpause::UnpauseAll(true)),
        ..Default::default()
    };
    let mut service = env.connection().workflow_service();
    service
        .unpause_activity(tonic::Request::new(request))
        .await?;
    assert_eq!(handle.get_result(Default::default()).await?, 2);
    Ok(())
}

#[workflow_test]
async fn a_batch_operation_terminates_what_a_query_finds(
    env: TestWorkflowEnvironment,
) -> TestResult {
    start_press(&env)?;
    let mut handles = Vec::new();
    for id in ["book-1", "book-2"] {
        let book = env.client().start_workflow(Book::run, (), on(id)).await?;
        handles.push(book);
    }
    let request = StartBatchOperationRequest {
        namespace: "default".to_owned(),
        job_id: "closing time".to_owned(),
        reason: "no paper".to_owned(),
        visibility_query: "WorkflowType = 'Book'".to_owned(),
        operation: Some(Operation::TerminationOperation(Default::default())),
        ..Default::default()
    };
    let mut service = env.connection().workflow_service();
    service
        .start_batch_operation(tonic::Request::new(request))
        .await?;
    for handle in handles {
        let ended = handle.get_result(Default::default()).await;
        assert!(ended.unwrap_err().to_string().contains("terminated"));
    }
    let describe = DescribeBatchOperationRequest {
        namespace: "default".to_owned(),
        job_id: "closing time".to_owned(),
    };
    let job = service
        .describe_batch_operation(tonic::Request::new(describe))
        .await?
        .into_inner();
    assert_eq!(job.state(), BatchOperationState::Completed);
    assert_eq!(job.complete_operation_count, 2);
    Ok(())
}

#[test]
fn a_world_that_waits_for_a_paused_activity_is_told_to_unpause_it() {
    use durasim::advanced::{WorldOptions, run_world};
    let body = |env: TestWorkflowEnvironment| {
        async move {
            start_press(&env)?;
            let handle = env
                .client()
                .start_workflow(Book::run, (), on("book"))
                .await?;
            env.sleep(Duration::from_secs(1)).await;
            pause(&env).await?;
            handle.get_result(Default::default()).await?;
            Ok(())
        }
        .boxed_local() as LocalBoxFuture<'static, TestResult>
    };
    let report = run_world(&body, &WorldOptions::default());
    let failure = report.failure.expect("a world that is stuck").to_string();
    assert!(
        failure.contains("unpause Press::print with `UnpauseActivity`"),
        "{failure}"
    );
}
