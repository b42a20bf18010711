//! An order, as it runs in production, and two new versions of it.

use std::time::Duration;

use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflows::select,
};

pub(crate) struct Shop;

#[activities]
impl Shop {
    #[activity]
    pub(crate) async fn charge(
        ctx: ActivityContext,
        item: String,
    ) -> Result<String, ActivityError> {
        let attempt = ctx.info().attempt;
        Ok(format!("{item} paid in attempt {attempt}"))
    }

    #[activity]
    pub(crate) async fn ship(_ctx: ActivityContext, item: String) -> Result<String, ActivityError> {
        Ok(format!("{item} shipped"))
    }
}

fn minute() -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(Duration::from_mins(1))
}

/// Charges, waits for the warehouse or for a week, and ships.
#[workflow]
#[derive(Default)]
pub(crate) struct Order {
    is_packed: bool,
}

#[workflow_methods]
impl Order {
    #[run(name = "Order")]
    pub(crate) async fn run(
        ctx: &mut WorkflowContext<Self>,
        item: String,
    ) -> WorkflowResult<String> {
        let paid = ctx
            .execute_activity(Shop::charge, item.clone(), minute())
            .await?;
        let mut week = ctx.timer(Duration::from_hours(7 * 24));
        let packed = select! {
            _ = ctx.wait_condition(|order| order.is_packed) => true,
            _ = &mut week => false,
        };
        let shipped = ctx.execute_activity(Shop::ship, item, minute()).await?;
        Ok(format!("{paid}, packed: {packed}, {shipped}"))
    }

    #[signal]
    pub(crate) fn packed(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.is_packed = true;
    }
}

/// Ships before it charges: orders that have been charged cannot go on with it.
#[workflow]
#[derive(Default)]
pub(crate) struct ShipsFirst {
    is_packed: bool,
}

#[workflow_methods]
impl ShipsFirst {
    #[run(name = "Order")]
    pub(crate) async fn run(
        ctx: &mut WorkflowContext<Self>,
        item: String,
    ) -> WorkflowResult<String> {
        let shipped = ctx
            .execute_activity(Shop::ship, item.clone(), minute())
            .await?;
        let paid = ctx.execute_activity(Shop::charge, item, minute()).await?;
        Ok(format!("{shipped}, {paid}"))
    }

    #[signal]
    pub(crate) fn packed(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.is_packed = true;
    }
}

/// Charges twice, but only orders that begin from now on.
#[workflow]
#[derive(Default)]
pub(crate) struct Patched {
    is_packed: bool,
}

#[workflow_methods]
impl Patched {
    #[run(name = "Order")]
    pub(crate) async fn run(
        ctx: &mut WorkflowContext<Self>,
        item: String,
    ) -> WorkflowResult<String> {
        let paid = ctx
            .execute_activity(Shop::charge, item.clone(), minute())
            .await?;
        let mut week = ctx.timer(Duration::from_hours(7 * 24));
        let packed = select! {
            _ = ctx.wait_condition(|order| order.is_packed) => true,
            _ = &mut week => false,
        };
        if ctx.patched("insurance") {
            ctx.execute_activity(Shop::charge, "insurance".to_owned(), minute())
                .await?;
        }
        let shipped = ctx.execute_activity(Shop::ship, item, minute()).await?;
        Ok(format!("{paid}, packed: {packed}, {shipped}, insured"))
    }

    #[signal]
    pub(crate) fn packed(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.is_packed = true;
    }
}

/// Ships first on some machines.
#[workflow]
#[derive(Default)]
pub(crate) struct Tosses;

#[workflow_methods]
impl Tosses {
    #[run(name = "Order")]
    pub(crate) async fn run(
        ctx: &mut WorkflowContext<Self>,
        item: String,
    ) -> WorkflowResult<String> {
        #[expect(clippy::disallowed_methods, reason = "that is its flaw")]
        let seconds = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        if seconds.as_nanos() % 7 < 3 {
            ctx.execute_activity(Shop::ship, item.clone(), minute())
                .await?;
        }
        let paid = ctx
            .execute_activity(Shop::charge, item.clone(), minute())
            .await?;
        ctx.timer(Duration::from_hours(7 * 24)).await;
        let shipped = ctx.execute_activity(Shop::ship, item, minute()).await?;
        Ok(format!("{paid}, packed: false, {shipped}"))
    }
}
