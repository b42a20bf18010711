//! An order: a charge, goods held by another workflow, and a child that ships; a cancellation
//! undoes them all.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityCancellationType, ActivityOptions, ApplicationFailure, ChildWorkflowOptions,
    SignalWorkflowOptions, WorkflowCancellationToken, WorkflowContext, WorkflowResult,
    WorkflowTermination,
    activities::{ActivityContext, ActivityError},
};

use super::{shipment::ShipmentWorkflow, warehouse::WarehouseWorkflow};

/// An order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The id of the order; charge, goods and parcel are keyed by it.
    pub id: String,
    /// The id of the workflow that holds the goods.
    pub warehouse: String,
    /// The price in cents.
    pub amount: u64,
}

/// A till that takes and returns money.
pub trait Till: Send + Sync {
    /// Takes money for an order, once.
    ///
    /// # Errors
    ///
    /// If the order was refunded before: the attempt comes too late.
    fn charge(&self, order: &str, amount: u64) -> Result<(), Refunded>;

    /// Refunds an order, once; an order that is not charged yet can never be charged afterwards.
    fn refund(&self, order: &str);
}

/// The order was refunded.
#[derive(Debug, thiserror::Error)]
#[error("refunded")]
pub struct Refunded;

/// Fulfils an order, or undoes the steps taken.
#[workflow]
#[derive(Default)]
pub struct OrderWorkflow;

#[workflow_methods]
impl OrderWorkflow {
    /// Returns when the parcel is delivered; ends as cancelled if the order was cancelled before
    /// that.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, order: Order) -> WorkflowResult<String> {
        match fulfil(ctx, &order).await {
            Ok(parcel) => Ok(parcel),
            Err(error) => {
                undo(ctx, &order).await?;
                // A cancelled order ends as cancelled, whatever the result of the current step.
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
    // A cancelled order cancels its shipment and waits to learn whether that came in time.
    Ok(shipment.result().await?)
}

/// Undoes the order even if the workflow is cancelled: every step has its own token.
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

/// The taking and returning of money.
pub struct Checkout {
    till: Arc<dyn Till>,
}

impl Checkout {
    /// Returns activities of `till`.
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
