//! A cart that closes at the checkout: an article that is signalled after it is lost, and nobody is told.

use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{SyncWorkflowContext, WorkflowContext, WorkflowResult};

/// Collects articles until the checkout.
#[workflow]
#[derive(Default)]
pub struct CartWorkflow {
    articles: Vec<String>,
    checked_out: bool,
}

#[workflow_methods]
impl CartWorkflow {
    /// What was bought.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        // The flaw: signals keep no order among their senders. The checkout should say how many articles
        // it is for, or articles should be updates, whose sender hears that they came too late.
        ctx.wait_condition(|state| state.checked_out).await?;
        Ok(ctx.state(|state| state.articles.clone()))
    }

    #[signal]
    pub fn add(&mut self, _ctx: &mut SyncWorkflowContext<Self>, article: String) {
        self.articles.push(article);
    }

    #[signal]
    pub fn check_out(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.checked_out = true;
    }
}
