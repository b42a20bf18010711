//! `versioned`, but the second version changes the order of the steps and does not say so.

use crate::versioned::workflow::{Fulfilment, options};
use std::time::Duration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{WorkflowContext, WorkflowResult};

/// Version 2: checks for fraud before it reserves, where version 1 reserves at once.
#[workflow]
#[derive(Default)]
pub struct ReorderedV2;

#[workflow_methods]
impl ReorderedV2 {
    #[run(name = "FulfilmentWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, order: String) -> WorkflowResult<()> {
        // The flaw: a run of version 1 has `reserve` here; `ctx.patched` would tell the two apart.
        ctx.execute_activity(Fulfilment::check, order.clone(), options()).await?;
        ctx.execute_activity(Fulfilment::reserve, order.clone(), options()).await?;
        ctx.timer(Duration::from_hours(4)).await;
        ctx.execute_activity(Fulfilment::ship, order, options()).await?;
        Ok(())
    }
}
