//! An order: a charge, goods held by another workflow, a child that ships; all undone when it is
//! cancelled.

use super::{shipment::ShipmentWorkflow, warehouse::WarehouseWorkflow};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityCancellationType, ActivityOptions, ApplicationFailure, ChildWorkflowOptions,
    SignalWorkflowOptions, WorkflowCancellationToken, WorkflowContext, WorkflowResult,
    WorkflowTermination,
    activities::{ActivityContext, ActivityError},
};

/// What is ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Which order; charge, goods and parcel are known by it.
    pub id: String,
    /// The workflow that holds the goods.
    pub warehouse: String,
    /// In cents.
    pub amount: u64,
}

/// Money in, money back.
pub trait Till: Send + Sync {
    /// Takes money for an order, once.
    ///
    /// # Errors
    ///
    /// When the order was refunded before: an attempt that is still on its way comes too late.
    fn charge(&self, order: &str, amount: u64) -> Result<(), Refunded>;

    /// Gives it back, once, or sees to it that it is never taken.
    fn refund(&self, order: &str);
}

/// The order is off.
#[derive(Debug, thiserror::Error)]
#[error("refunded")]
pub struct Refunded;

/// Fulfils an order, or undoes what was done for it.
#[workflow]
#[derive(Default)]
pub struct OrderWorkflow;

#[workflow_methods]
impl OrderWorkflow {
    /// Ends when the parcel is delivered; cancelled if the order was cancelled before that.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, order: Order) -> WorkflowResult<String> {
        match fulfil(ctx, &order).await {
            Ok(parcel) => Ok(parcel),
            Err(error) => {
                undo(ctx, &order).await?;
                // Whatever the step under way came to: a cancelled order ends as cancelled.
                if ctx.cancellation_token().is_cancelled() {
                    return Err(WorkflowTermination::cancelled());
                }
                Err(error)
            }
        }
    }
}

async fn fulfil(
    ctx: &WorkflowContext<OrderWorkflow>,
    order: &Order,
) -> Result<String, WorkflowTermination> {
    ctx.execute_activity(Checkout::charge, order.clone(), charging())
        .await?;
    ctx.external_workflow(&order.warehouse, None)
        .signal(
            WarehouseWorkflow::hold,
            order.id.clone(),
            SignalWorkflowOptions::default(),
        )
        .await?;
    let shipment = ctx
        .start_child_workflow(
            ShipmentWorkflow::run,
            order.id.clone(),
            ChildWorkflowOptions::workflow_id(format!("{}/shipment", ctx.workflow_id())),
        )
        .await?;
    // A cancelled order cancels its shipment and waits to hear whether that came in time.
    Ok(shipment.result().await?)
}

/// Runs although the workflow is cancelled: every step has a token of its own.
async fn undo(
    ctx: &WorkflowContext<OrderWorkflow>,
    order: &Order,
) -> Result<(), WorkflowTermination> {
    let own = SignalWorkflowOptions::builder()
        .cancellation_token(WorkflowCancellationToken::new())
        .build();
    ctx.external_workflow(&order.warehouse, None)
        .signal(WarehouseWorkflow::release, order.id.clone(), own)
        .await?;
    ctx.execute_activity(Checkout::refund, order.id.clone(), refunding())
        .await?;
    Ok(())
}

fn retries() -> RetryPolicy {
    RetryPolicy::builder()
        .maximum_interval(Duration::from_secs(30))
        .build()
}

fn charging() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(30))
        .cancellation_type(ActivityCancellationType::WaitCancellationCompleted)
        .retry_policy(retries())
        .build()
}

fn refunding() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(30))
        .cancellation_token(WorkflowCancellationToken::new())
        .retry_policy(retries())
        .build()
}

/// Taking and returning money.
pub struct Checkout {
    till: Arc<dyn Till>,
}

impl Checkout {
    /// Activities of `till`.
    pub fn new(till: Arc<dyn Till>) -> Self {
        Self { till }
    }
}

#[activities]
impl Checkout {
    /// Charges an order.
    #[activity]
    pub async fn charge(
        self: Arc<Self>,
        _ctx: ActivityContext,
        order: Order,
    ) -> Result<(), ActivityError> {
        self.till
            .charge(&order.id, order.amount)
            .map_err(|refunded| {
                ActivityError::application(ApplicationFailure::non_retryable(refunded))
            })
    }

    /// Refunds an order.
    #[activity]
    pub async fn refund(
        self: Arc<Self>,
        _ctx: ActivityContext,
        order: String,
    ) -> Result<(), ActivityError> {
        self.till.refund(&order);
        Ok(())
    }
}
