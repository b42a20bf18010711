//! Ten packets of tea, four customers who want three each, and a delivery of five.

pub mod workflow;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::{
    WorkflowExecuteUpdateOptions, WorkflowGetResultOptions, WorkflowSignalOptions,
    errors::WorkflowUpdateError,
};

use crate::{
    scenario::{Scenario, workflows},
    support::{on, same},
};
use workflow::{InventoryWorkflow, Lot, Supplier, Supplies};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "inventory",
    about: "customers reserve by update at the same time; validators reject what is out of stock",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![InventoryWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let supplier = env.shared(FakeSupplier::default());
    env.worker("inventory")
        .implementer(Supplies::new(supplier.clone()))
        .activity(Supplies::order)
        .workflow::<InventoryWorkflow>()
        .start()?;

    let stock = BTreeMap::from([("tea".to_owned(), 10)]);
    let inventory = env
        .client()
        .start_workflow(
            InventoryWorkflow::run,
            stock,
            on("inventory", "inventory-1"),
        )
        .await?;

    let customers: Vec<_> = (1..=4)
        .map(|customer| {
            let inventory = same(&inventory);
            env.spawn(async move {
                let lot = tea(&format!("reservation-{customer}"), 3);
                let options = WorkflowExecuteUpdateOptions::default();
                granted(
                    inventory
                        .execute_update(InventoryWorkflow::reserve, lot, options)
                        .await,
                )
            })
        })
        .collect();
    let delivered = {
        let inventory = same(&inventory);
        env.spawn(async move {
            let options = WorkflowExecuteUpdateOptions::default();
            inventory
                .execute_update(InventoryWorkflow::restock, tea("delivery-1", 5), options)
                .await
        })
    };

    let mut reserved = 0;
    for customer in customers {
        reserved += if customer.await? { 3 } else { 0 };
    }
    delivered.await?;
    let nothing = WorkflowExecuteUpdateOptions::default();
    let nothing = inventory
        .execute_update(InventoryWorkflow::reserve, tea("nothing", 0), nothing)
        .await;
    assert!(!granted(nothing)?, "a lot of none is rejected");
    inventory
        .signal(
            InventoryWorkflow::close,
            (),
            WorkflowSignalOptions::default(),
        )
        .await?;

    let left = inventory
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(
        left,
        BTreeMap::from([("tea".to_owned(), 10 + 5 - reserved)])
    );
    assert!(
        reserved >= 9,
        "at least three customers are served, not {}",
        reserved / 3
    );
    assert_eq!(supplier.lots(), ["delivery-1"]);
    Ok(())
}

fn tea(id: &str, count: u32) -> Lot {
    Lot {
        id: id.to_owned(),
        article: "tea".to_owned(),
        count,
    }
}

/// Returns `true` if an update was granted, `false` if the workflow rejected it.
fn granted(update: Result<u32, WorkflowUpdateError>) -> Result<bool, WorkflowUpdateError> {
    match update {
        Ok(_) => Ok(true),
        Err(WorkflowUpdateError::Failed(_)) => Ok(false),
        Err(other) => Err(other),
    }
}

/// The ids of the lots that were ordered.
#[derive(Default)]
struct FakeSupplier {
    lots: Mutex<BTreeSet<String>>,
}

impl FakeSupplier {
    fn lots(&self) -> Vec<String> {
        self.lots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}

impl Supplier for FakeSupplier {
    fn order(&self, lot: &Lot) {
        self.lots
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(lot.id.clone());
    }
}
