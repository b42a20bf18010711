//! A cart that closes at the checkout: an article signalled afterwards is lost without a word.

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::{WorkflowGetResultOptions, WorkflowSignalOptions};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{SyncWorkflowContext, WorkflowContext, WorkflowResult};

use crate::{
    scenario::{Flaw, Scenario, workflows},
    support::{on, same},
};

/// Collects articles until the checkout.
#[workflow]
#[derive(Default)]
pub struct CartWorkflow {
    articles: Vec<String>,
    checked_out: bool,
}

#[workflow_methods]
impl CartWorkflow {
    /// Returns the articles that were bought.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        // The flaw: signals of different senders arrive in any order. The checkout should give the
        // number of articles, or articles should be updates, whose sender learns that they came too
        // late.
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

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/lost_signal",
    about: "an article signalled after the checkout is lost, and its sender ignores the error",
    flaw: Some(Flaw {
        twin: "subscription",
        code: FailureCode::Panic,
        faults: 1,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![CartWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("carts").workflow::<CartWorkflow>().start()?;
    let cart = env
        .client()
        .start_workflow(CartWorkflow::run, (), on("carts", "cart-1"))
        .await?;

    // Two browser tabs: one adds an article, the other checks out a second later.
    let tab = same(&cart);
    env.spawn(async move {
        // The second half of the flaw: the ignored result says that the cart is closed.
        let _ = tab
            .signal(
                CartWorkflow::add,
                "tea".to_owned(),
                WorkflowSignalOptions::default(),
            )
            .await;
    });
    env.sleep(std::time::Duration::from_secs(1)).await;
    cart.signal(
        CartWorkflow::check_out,
        (),
        WorkflowSignalOptions::default(),
    )
    .await?;

    assert_eq!(
        cart.get_result(WorkflowGetResultOptions::default()).await?,
        ["tea"]
    );
    Ok(())
}
