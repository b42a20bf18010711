//! A warehouse that holds goods for orders; workflows of orders signal it.

use std::collections::BTreeSet;

use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult};

/// Holds goods until it closes.
#[workflow]
#[derive(Default)]
pub struct WarehouseWorkflow {
    held: BTreeSet<String>,
    released: BTreeSet<String>,
    closed: bool,
}

#[workflow_methods]
impl WarehouseWorkflow {
    /// Returns the orders with goods on hold when the warehouse closes.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<BTreeSet<String>> {
        ctx.wait_condition(|state| state.closed).await?;
        Ok(ctx.state(|state| state.held.clone()))
    }

    /// Sets goods aside, unless the order was released before: a release may overtake the hold.
    #[signal]
    pub fn hold(&mut self, _ctx: &mut SyncWorkflowContext<Self>, order: String) {
        if !self.released.contains(&order) {
            self.held.insert(order);
        }
    }

    /// Puts the goods back.
    #[signal]
    pub fn release(&mut self, _ctx: &mut SyncWorkflowContext<Self>, order: String) {
        self.held.remove(&order);
        self.released.insert(order);
    }

    /// Closes the warehouse.
    #[signal]
    pub fn close(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.closed = true;
    }

    /// Returns the orders with goods on hold.
    #[query]
    pub fn held(&self, _ctx: &WorkflowContextView) -> BTreeSet<String> {
        self.held.clone()
    }
}
