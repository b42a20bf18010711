//! A contract of six periods: its price changes in the first, the customer ends it in the third.

pub mod workflow;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::{WorkflowGetResultOptions, WorkflowQueryOptions, WorkflowSignalOptions};

use crate::{
    scenario::{Scenario, workflows},
    support::{accepted, days, on, same},
};
use workflow::{Bank, Billing, Contract, RenewalWorkflow};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "renewal",
    about: "a charge every thirty days until the customer gives notice, at any moment",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![RenewalWorkflow],
};

const PERIODS: u32 = 6;

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let bank = env.shared(FakeBank::default());
    env.worker("contracts")
        .implementer(Billing::new(bank.clone()))
        .activity(Billing::collect)
        .workflow::<RenewalWorkflow>()
        .start()?;

    let contract = Contract {
        customer: "ann".to_owned(),
        price: 10,
        periods: PERIODS,
    };
    let contract = env
        .client()
        .start_workflow(
            RenewalWorkflow::run,
            contract,
            on("contracts", "contract-1"),
        )
        .await?;
    let customer = same(&contract);
    let sleeper = env.clone();
    env.spawn(async move {
        sleeper.sleep(days(10)).await;
        accepted(
            customer
                .signal(
                    RenewalWorkflow::reprice,
                    12,
                    WorkflowSignalOptions::default(),
                )
                .await,
        )?;
        // Just before the second period ends: the notice races the charge for the third.
        sleeper
            .sleep(days(50).saturating_sub(Duration::from_millis(1)))
            .await;
        accepted(
            customer
                .signal(RenewalWorkflow::end, (), WorkflowSignalOptions::default())
                .await,
        )
    });

    let ended = contract
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    let bills = bank.bills();
    let keys: Vec<_> = (1..=ended.paid)
        .map(|period| format!("ann/{period}"))
        .collect();
    assert_eq!(
        bills.keys().cloned().collect::<Vec<_>>(),
        keys,
        "each period is paid for once"
    );
    assert!(ended.by_customer || ended.paid == PERIODS, "{ended:?}");
    assert!(
        bills.values().is_sorted(),
        "the new price applies from then on: {bills:?}"
    );
    assert!(
        bills.values().all(|price| [10, 12].contains(price)),
        "{bills:?}"
    );
    let paid = contract
        .query(RenewalWorkflow::paid, (), WorkflowQueryOptions::default())
        .await?;
    assert_eq!(paid, ended.paid);
    Ok(())
}

/// The invoices that were collected, by key.
#[derive(Default)]
struct FakeBank {
    bills: Mutex<BTreeMap<String, u64>>,
}

impl FakeBank {
    fn bills(&self) -> BTreeMap<String, u64> {
        self.bills
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Bank for FakeBank {
    fn collect(&self, key: &str, amount: u64) {
        let mut bills = self.bills.lock().unwrap_or_else(PoisonError::into_inner);
        bills.entry(key.to_owned()).or_insert(amount);
    }
}
