//! Three orders, and a second version of the code that may be deployed at any moment.

pub mod workflow;

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::WorkflowGetResultOptions;

use crate::{
    scenario::{Scenario, workflows},
    support::on,
};
use workflow::{Fulfilment, FulfilmentV1, FulfilmentV2, Shop};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "versioned",
    about: "a new step under `patched` is deployed while runs of the old version are under way",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![FulfilmentV2],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let shop = env.shared(FakeShop::default());
    let next = shop.clone();
    env.worker("orders")
        .implementer(Fulfilment::new(shop.clone()))
        .activity(Fulfilment::reserve)
        .activity(Fulfilment::ship)
        .workflow::<FulfilmentV1>()
        .version("v2", |code| {
            code.implementer(Fulfilment::new(next))
                .activity(Fulfilment::reserve)
                .activity(Fulfilment::check)
                .activity(Fulfilment::ship)
                .workflow::<FulfilmentV2>()
        })
        .start()?;
    let shipped = shop.clone();
    env.observe("what was shipped", move || shipped.of("ship"));

    let client = env.client();
    for order in ["order-1", "order-2", "order-3"] {
        client
            .start_workflow(FulfilmentV1::run, order.to_owned(), on("orders", order))
            .await?;
        env.sleep(Duration::from_hours(1)).await;
    }
    for order in ["order-1", "order-2", "order-3"] {
        let handle = client.get_workflow_handle::<FulfilmentV1>(order);
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?;
    }
    assert_eq!(shop.of("reserve").len(), 3);
    assert_eq!(shop.of("ship").len(), 3);
    Ok(())
}

/// The orders for which each step was done.
#[derive(Default)]
pub(crate) struct FakeShop {
    done: Mutex<BTreeSet<(String, String)>>,
}

impl FakeShop {
    /// Returns the orders for which a step was done.
    pub(crate) fn of(&self, step: &str) -> Vec<String> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.iter()
            .filter(|(name, _)| name == step)
            .map(|(_, order)| order.clone())
            .collect()
    }

    fn note(&self, step: &str, order: &str) {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        done.insert((step.to_owned(), order.to_owned()));
    }
}

impl Shop for FakeShop {
    fn reserve(&self, order: &str) {
        self.note("reserve", order);
    }

    fn check(&self, order: &str) {
        self.note("check", order);
    }

    fn ship(&self, order: &str) {
        self.note("ship", order);
    }
}
