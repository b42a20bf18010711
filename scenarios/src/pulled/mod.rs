//! Three orders that were open in production, pulled from there, go on with the next version.

use std::time::Duration;

use durasim::{History, TestResult, TestWorkflowEnvironment};
use temporalio_client::WorkflowGetResultOptions;

use crate::{
    scenario::{Scenario, workflows},
    versioned::{
        FakeShop,
        workflow::{Fulfilment, FulfilmentV2},
    },
};

/// The histories of version 1: as `durasim pull` writes them.
pub(crate) const HISTORIES: [&str; 3] = [
    include_str!("order-70.json"),
    include_str!("order-71.json"),
    include_str!("order-72.json"),
];

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "pulled",
    about: "open runs of an old version, pulled from production, go on with a new step under \
            `patched`",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![FulfilmentV2],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let shop = env.shared(FakeShop::default());
    env.worker("orders")
        .implementer(Fulfilment::new(shop.clone()))
        .activity(Fulfilment::reserve)
        .activity(Fulfilment::check)
        .activity(Fulfilment::ship)
        .workflow::<FulfilmentV2>()
        .start()?;
    let shipped = shop.clone();
    env.observe("what was shipped", move || shipped.of("ship"));

    let client = env.client();
    for history in HISTORIES {
        let history = History::from_json(history)?;
        env.import(&history).await?;
        env.sleep(Duration::from_mins(1)).await;
    }
    for order in ["order-70", "order-71", "order-72"] {
        let handle = client.get_workflow_handle::<FulfilmentV2>(order);
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?;
    }
    // Version 1 had reserved two of the orders, and no history of its runs asks for a check.
    assert_eq!(shop.of("reserve"), ["order-71"]);
    assert_eq!(shop.of("ship"), ["order-70", "order-71", "order-72"]);
    Ok(())
}
