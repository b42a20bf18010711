//! Mocks of workflows: as children, and started by a client.

#![allow(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::unused_async,
    reason = "workflows are public and async, even if they do not await, and their macros make \
              constants without docs"
)]

use durasim::{WorkflowCallOutcome, prelude::*};
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_common::UntypedWorkflow;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ApplicationFailure, ChildWorkflowOptions, WorkflowContext, WorkflowResult, WorkflowTermination,
};

/// Ships. The mocks stand for it.
#[workflow]
#[derive(Default)]
pub struct Shipment;

#[workflow_methods]
impl Shipment {
    /// Ships an item.
    #[run]
    pub async fn run(_ctx: &mut WorkflowContext<Self>, item: String) -> WorkflowResult<String> {
        Ok(format!("{item} really shipped"))
    }
}

/// Invoices. A real child beside the mock.
#[workflow]
#[derive(Default)]
pub struct Invoice;

#[workflow_methods]
impl Invoice {
    /// Invoices an item.
    #[run]
    pub async fn run(_ctx: &mut WorkflowContext<Self>, item: String) -> WorkflowResult<String> {
        Ok(format!("{item} really invoiced"))
    }
}

/// Has its children invoice and ship.
#[workflow]
#[derive(Default)]
pub struct Order;

#[workflow_methods]
impl Order {
    /// Orders an item.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, item: String) -> WorkflowResult<String> {
        let child =
            |name: &str| ChildWorkflowOptions::workflow_id(format!("{}/{name}", ctx.workflow_id()));
        let invoice = ctx
            .start_child_workflow(Invoice::run, item.clone(), child("invoice"))
            .await?;
        let invoiced = invoice.result().await?;
        let shipment = ctx
            .start_child_workflow(Shipment::run, item, child("shipment"))
            .await?;
        Ok(format!("{invoiced}, {}", shipment.result().await?))
    }
}

fn start(id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new("orders", id).build()
}

const DAY: Duration = Duration::from_hours(24);

#[workflow_test]
async fn a_mocked_child_is_answered_beside_a_real_one(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("orders")
        .workflow::<Order>()
        .workflow::<Invoice>()
        .mock_workflow(Shipment::run, |call| async move {
            Ok(format!("{} as if shipped", call.input))
        })
        .start()?;
    let order = env
        .client()
        .start_workflow(Order::run, "book".to_owned(), start("order-1"))
        .await?;
    let result = order
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(result, "book really invoiced, book as if shipped");
    insta::assert_snapshot!(env.history("order-1/shipment").outline());
    Ok(())
}

#[workflow_test]
async fn the_calls_of_a_mock_are_recorded(env: TestWorkflowEnvironment) -> TestResult {
    let began = env.now();
    env.worker("orders")
        .workflow::<Order>()
        .workflow::<Invoice>()
        .mock_workflow(Shipment::run, |call| async move {
            tokio::time::sleep(DAY).await;
            Ok(format!("{} as if shipped", call.input))
        })
        .start()?;
    let order = env
        .client()
        .start_workflow(Order::run, "book".to_owned(), start("order-1"))
        .await?;
    order
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    let calls = env.workflow_calls(Shipment::run);
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].workflow_id, "order-1/shipment");
    assert_eq!(calls[0].parent_workflow_id.as_deref(), Some("order-1"));
    assert_eq!(calls[0].input::<String>()?, "book");
    assert_eq!(
        calls[0].output::<String>()?.as_deref(),
        Some("book as if shipped")
    );
    assert_eq!(
        calls[0].finished_ms,
        Some(calls[0].started_ms + 24 * 3600 * 1000)
    );
    assert!(
        env.workflow_calls(Invoice::run).is_empty(),
        "a real workflow is not recorded"
    );
    assert_eq!(env.now().duration_since(began)?, DAY);
    Ok(())
}

#[workflow_test]
async fn a_mock_that_sleeps_takes_virtual_time(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("orders")
        .mock_workflow(Shipment::run, |call| async move {
            tokio::time::sleep(DAY).await;
            Ok(call.workflow_id)
        })
        .start()?;
    let shipment = env
        .client()
        .start_workflow(Shipment::run, "book".to_owned(), start("s-1"))
        .await?;
    assert_eq!(
        shipment
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "s-1"
    );
    insta::assert_snapshot!(env.history(&shipment).outline());
    Ok(())
}

#[workflow_test]
async fn the_error_of_a_mock_fails_its_workflow(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("orders")
        .workflow::<Order>()
        .workflow::<Invoice>()
        .mock_workflow(Shipment::run, |_| async move {
            Err(ApplicationFailure::non_retryable("out of stock").into())
        })
        .start()?;
    let order = env
        .client()
        .start_workflow(Order::run, "book".to_owned(), start("order-1"))
        .await?;
    let error = order
        .get_result(WorkflowGetResultOptions::default())
        .await
        .unwrap_err();
    assert!(
        matches!(error, WorkflowGetResultError::Failed(_)),
        "{error:?}"
    );
    let calls = env.workflow_calls(Shipment::run);
    assert!(matches!(
        &calls[0].outcome,
        WorkflowCallOutcome::Failed(failure) if failure.message == "out of stock"
    ));
    insta::assert_snapshot!(env.history("order-1/shipment").outline());
    Ok(())
}

#[workflow_test]
async fn a_mock_learns_of_a_request_to_cancel(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("orders")
        .mock_workflow(Shipment::run, |call| async move {
            call.cancelled().await;
            Err(WorkflowTermination::cancelled())
        })
        .start()?;
    let shipment = env
        .client()
        .start_workflow(Shipment::run, "book".to_owned(), start("s-1"))
        .await?;
    env.sleep(DAY).await;
    shipment.cancel(WorkflowCancelOptions::default()).await?;
    let error = shipment
        .get_result(WorkflowGetResultOptions::default())
        .await
        .unwrap_err();
    assert!(
        matches!(error, WorkflowGetResultError::Cancelled { .. }),
        "{error:?}"
    );
    assert_eq!(
        env.workflow_calls(Shipment::run)[0].outcome,
        WorkflowCallOutcome::Canceled(None)
    );
    Ok(())
}

#[workflow_test]
async fn a_mock_whose_run_is_terminated_goes_no_further(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("orders")
        .mock_workflow(Shipment::run, |_| async move {
            tokio::time::sleep(DAY).await;
            panic!("the run was terminated before");
        })
        .start()?;
    let shipment = env
        .client()
        .start_workflow(Shipment::run, "book".to_owned(), start("s-1"))
        .await?;
    shipment
        .terminate(WorkflowTerminateOptions::default())
        .await?;
    env.sleep(2 * DAY).await;
    assert_eq!(
        env.workflow_calls(Shipment::run)[0].outcome,
        WorkflowCallOutcome::Abandoned
    );
    Ok(())
}

#[workflow_test]
async fn a_workflow_without_a_marker_is_mocked_by_its_name(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("orders")
        .mock_workflow(UntypedWorkflow::new("Shipment"), |call| async move {
            Ok(call.input)
        })
        .start()?;
    let shipment = env
        .client()
        .start_workflow(Shipment::run, "book".to_owned(), start("s-1"))
        .await?;
    assert_eq!(
        shipment
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "book"
    );
    Ok(())
}

#[workflow_test(seeds = 60, faults = FaultProfile::all())]
async fn a_mock_is_called_once_a_run_even_if_workers_crash(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("orders")
        .workflow::<Order>()
        .workflow::<Invoice>()
        .mock_workflow(Shipment::run, |call| async move {
            tokio::time::sleep(Duration::from_mins(1)).await;
            Ok(format!("{} as if shipped", call.input))
        })
        .start()?;
    let order = env
        .client()
        .start_workflow(Order::run, "book".to_owned(), start("order-1"))
        .await?;
    let result = order
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(result, "book really invoiced, book as if shipped");
    assert_eq!(env.workflow_calls(Shipment::run).len(), 1);
    Ok(())
}

#[workflow_test]
async fn a_workflow_cannot_be_mocked_twice(env: TestWorkflowEnvironment) -> TestResult {
    let error = env
        .worker("orders")
        .mock_workflow(Shipment::run, |call| async move { Ok(call.input) })
        .mock_workflow(Shipment::run, |call| async move { Ok(call.input) })
        .start()
        .unwrap_err();
    let said = "worker for task queue `orders`: workflow `Shipment` is mocked twice";
    assert_eq!(error.to_string(), said);
    Ok(())
}
