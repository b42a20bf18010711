//! `versioned`, but the second version reorders the steps without `patched`.

use std::time::Duration;

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{WorkflowContext, WorkflowResult};

use crate::{
    scenario::{Flaw, Scenario, workflows},
    support::on,
    versioned::{
        FakeShop,
        workflow::{Fulfilment, FulfilmentV1, options},
    },
};

/// Version 2: checks for fraud before it reserves; version 1 reserves at once.
#[workflow]
#[derive(Default)]
pub struct ReorderedV2;

#[workflow_methods]
impl ReorderedV2 {
    #[run(name = "FulfilmentWorkflow")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, order: String) -> WorkflowResult<()> {
        // The flaw: a run of version 1 has `reserve` at this point; `ctx.patched` would tell them
        // apart.
        ctx.execute_activity(Fulfilment::check, order.clone(), options())
            .await?;
        ctx.execute_activity(Fulfilment::reserve, order.clone(), options())
            .await?;
        ctx.timer(Duration::from_hours(4)).await;
        ctx.execute_activity(Fulfilment::ship, order, options())
            .await?;
        Ok(())
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/reordered_activities",
    about: "a new version changes the order of activities while workflows are running",
    flaw: Some(Flaw {
        twin: "versioned",
        code: FailureCode::Replay,
        faults: 1,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![ReorderedV2],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let shop = env.shared(FakeShop::default());
    let next = shop.clone();
    env.worker("orders")
        .implementer(Fulfilment::new(shop))
        .activity(Fulfilment::reserve)
        .activity(Fulfilment::ship)
        .workflow::<FulfilmentV1>()
        .version("v2", |code| {
            code.implementer(Fulfilment::new(next))
                .activity(Fulfilment::reserve)
                .activity(Fulfilment::check)
                .activity(Fulfilment::ship)
                .workflow::<ReorderedV2>()
        })
        .start()?;

    let client = env.client();
    let order = client
        .start_workflow(
            FulfilmentV1::run,
            "order-1".to_owned(),
            on("orders", "order-1"),
        )
        .await?;
    order
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}
