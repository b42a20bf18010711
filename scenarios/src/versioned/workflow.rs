//! Two versions of one workflow; the second is deployed while runs of the first are under way.

use std::{sync::Arc, time::Duration};

use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// The step that the second version adds.
pub const FRAUD_CHECK: &str = "fraud-check";

/// A shop that fulfils orders, each step once for each order.
pub trait Shop: Send + Sync {
    /// Sets the goods aside.
    fn reserve(&self, order: &str);
    /// Checks the order for fraud.
    fn check(&self, order: &str);
    /// Sends the goods.
    fn ship(&self, order: &str);
}

/// Version 1: reserve, wait for the van, ship.
#[workflow]
#[derive(Default)]
pub struct FulfilmentV1;

#[workflow_methods]
impl FulfilmentV1 {
    /// Fulfils one order.
    #[run(name = "FulfilmentWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, order: String) -> WorkflowResult<()> {
        ctx.execute_activity(Fulfilment::reserve, order.clone(), options())
            .await?;
        ctx.timer(Duration::from_hours(4)).await;
        ctx.execute_activity(Fulfilment::ship, order, options())
            .await?;
        Ok(())
    }
}

/// Version 2: checks for fraud before it ships.
///
/// A run that passed that point with version 1 continues without the check.
#[workflow]
#[derive(Default)]
pub struct FulfilmentV2;

#[workflow_methods]
impl FulfilmentV2 {
    /// Fulfils one order.
    #[run(name = "FulfilmentWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, order: String) -> WorkflowResult<()> {
        ctx.execute_activity(Fulfilment::reserve, order.clone(), options())
            .await?;
        ctx.timer(Duration::from_hours(4)).await;
        if ctx.patched(FRAUD_CHECK) {
            ctx.execute_activity(Fulfilment::check, order.clone(), options())
                .await?;
        }
        ctx.execute_activity(Fulfilment::ship, order, options())
            .await?;
        Ok(())
    }
}

/// Returns options with ten seconds per attempt and unlimited attempts.
pub fn options() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(10))
        .retry_policy(
            RetryPolicy::builder()
                .maximum_interval(Duration::from_secs(30))
                .build(),
        )
        .build()
}

/// The steps of an order.
pub struct Fulfilment {
    shop: Arc<dyn Shop>,
}

impl Fulfilment {
    /// Returns activities of `shop`.
    pub fn new(shop: Arc<dyn Shop>) -> Self {
        Self { shop }
    }
}

#[activities]
impl Fulfilment {
    /// Sets the goods aside.
    #[activity]
    pub async fn reserve(
        self: Arc<Self>,
        _ctx: ActivityContext,
        order: String,
    ) -> Result<(), ActivityError> {
        self.shop.reserve(&order);
        Ok(())
    }

    /// Checks the order for fraud.
    #[activity]
    pub async fn check(
        self: Arc<Self>,
        _ctx: ActivityContext,
        order: String,
    ) -> Result<(), ActivityError> {
        self.shop.check(&order);
        Ok(())
    }

    /// Sends the goods.
    #[activity]
    pub async fn ship(
        self: Arc<Self>,
        _ctx: ActivityContext,
        order: String,
    ) -> Result<(), ActivityError> {
        self.shop.ship(&order);
        Ok(())
    }
}
