//! Updates: validated, accepted, completed; and their fate if their workflow ends.

mod closing;
mod cuts;
mod handlers;
mod starts;

use std::time::Duration;

use temporalio_common::ActivityError;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, LocalActivityOptions, SyncWorkflowContext,
    WorkflowContext, WorkflowContextView, WorkflowResult, activities::ActivityContext,
};

/// Clerks who count items.
struct Clerks;

#[activities]
impl Clerks {
    #[activity]
    async fn count(_ctx: ActivityContext, items: u32) -> Result<u32, ActivityError> {
        Ok(items)
    }
}

type Refusal = Box<dyn std::error::Error + Send + Sync>;

/// Holds items until it closes; returns how many are left.
#[workflow]
#[derive(Default)]
struct Shelf {
    items: u32,
    closed: bool,
    calls: Vec<String>,
}

#[workflow_methods]
impl Shelf {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        ctx.wait_condition(|state| state.closed).await?;
        // Handlers that are still running may finish.
        ctx.wait_condition(|_| ctx.all_handlers_finished()).await?;
        Ok(ctx.state(|state| state.items))
    }

    #[signal]
    fn close(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.closed = true;
    }

    #[query]
    fn calls(&self, _ctx: &WorkflowContextView) -> Vec<String> {
        self.calls.clone()
    }

    #[update_validator(add)]
    fn validate_add(&self, _ctx: &WorkflowContextView, items: &u32) -> Result<(), Refusal> {
        match items {
            0 => Err("nothing to add".into()),
            13 => panic!("unlucky"),
            _ => Ok(()),
        }
    }

    /// Adds at once.
    #[update]
    fn add(&mut self, _ctx: &mut SyncWorkflowContext<Self>, items: u32) -> u32 {
        self.calls.push(format!("add {items}"));
        self.items += items;
        self.items
    }

    /// Takes items as soon as there are enough.
    #[update]
    async fn take(ctx: &mut WorkflowContext<Self>, items: u32) -> Result<u32, Refusal> {
        ctx.state_mut(|state| state.calls.push(format!("take {items}")));
        ctx.wait_condition(|state| state.items >= items).await?;
        Ok(ctx.state_mut(|state| {
            state.items -= items;
            state.items
        }))
    }

    /// Adds items counted by an activity and a local activity, after a minute's rest.
    #[update]
    async fn count(ctx: &mut WorkflowContext<Self>, items: u32) -> Result<u32, Refusal> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        let counted = ctx.execute_activity(Clerks::count, items, options).await?;
        let again = ctx
            .execute_local_activity(Clerks::count, items, LocalActivityOptions::default())
            .await?;
        ctx.timer(Duration::from_mins(1)).await;
        Ok(ctx.state_mut(|state| {
            state.items += counted.max(again);
            state.items
        }))
    }

    /// Is accepted, then fails.
    #[update]
    fn spoil(&mut self, _ctx: &mut SyncWorkflowContext<Self>, why: String) -> Result<u32, Refusal> {
        Err(ApplicationFailure::builder(anyhow::anyhow!(why))
            .type_name("Spoilt".to_owned())
            .build()
            .into())
    }
}
