//! A warehouse that holds goods for orders, told by signals from their workflows.

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
    /// The orders for which goods are held when the warehouse closes.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<BTreeSet<String>> {
        ctx.wait_condition(|state| state.closed).await?;
        Ok(ctx.state(|state| state.held.clone()))
    }

    /// Sets goods aside, unless the order was released before: signals may overtake one another.
    #[signal]
    pub fn hold(&mut self, _ctx: &mut SyncWorkflowContext<Self>, order: String) {
        if !self.released.contains(&order) {
            self.held.insert(order);
        }
    }

    /// Puts them back.
    #[signal]
    pub fn release(&mut self, _ctx: &mut SyncWorkflowContext<Self>, order: String) {
        self.held.remove(&order);
        self.released.insert(order);
    }

    /// Ends.
    #[signal]
    pub fn close(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.closed = true;
    }

    /// The orders for which goods are held.
    #[query]
    pub fn held(&self, _ctx: &WorkflowContextView) -> BTreeSet<String> {
        self.held.clone()
    }
}
