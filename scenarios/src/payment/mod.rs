//! Two payments: one is confirmed and charged once, the other is declined by the bank.

pub mod workflow;

use crate::{
    scenario::{Scenario, workflows},
    support::{on, same},
};
use durasim::{TestResult, TestWorkflowEnvironment};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};
use temporalio_client::{WorkflowGetResultOptions, WorkflowSignalOptions, errors::WorkflowGetResultError};
use workflow::{Bank, Declined, Order, PaymentWorkflow, Payments};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "payment",
    about: "a confirmed order is charged once, by an idempotency key that all attempts share",
    flaw: None,
    world: |env| Box::pin(world(env)),
    workflows: workflows![PaymentWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let bank = env.shared(FakeBank::default());
    env.worker("payments")
        .implementer(Payments::new(bank.clone()))
        .activity(Payments::charge)
        .activity(Payments::send_receipt)
        .workflow::<PaymentWorkflow>()
        .start()?;
    let books = bank.clone();
    env.observe("the bank's books", move || books.books());

    let client = env.client();
    let payment = client.start_workflow(PaymentWorkflow::run, order(1200), on("payments", "pay-1")).await?;
    let declined = Order { id: "order-2".to_owned(), amount: CREDIT + 1 };
    let declined = client.start_workflow(PaymentWorkflow::run, declined, on("payments", "pay-2")).await?;
    for workflow in [&payment, &declined] {
        let workflow = same(workflow);
        env.observe_result(&workflow);
        env.spawn(async move {
            workflow.signal(PaymentWorkflow::confirm, (), WorkflowSignalOptions::default()).await
        });
    }

    let reference = payment.get_result(WorkflowGetResultOptions::default()).await?;
    assert_eq!(reference, "charge order-1");
    let end = declined.get_result(WorkflowGetResultOptions::default()).await;
    assert!(matches!(end, Err(WorkflowGetResultError::Failed(_))), "{end:?}");
    assert_eq!(bank.taken(), 1200);
    Ok(())
}

/// The order that is paid for.
pub(crate) fn order(amount: u64) -> Order {
    Order { id: "order-1".to_owned(), amount }
}

/// How much the bank lends.
const CREDIT: u64 = 5000;

/// A bank that charges once for each key.
#[derive(Default)]
pub(crate) struct FakeBank {
    charges: Mutex<BTreeMap<String, u64>>,
    receipts: Mutex<BTreeSet<String>>,
}

impl FakeBank {
    /// All charges by key, and all receipts.
    pub(crate) fn books(&self) -> (BTreeMap<String, u64>, BTreeSet<String>) {
        let charges = self.charges.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let receipts = self.receipts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (charges, receipts)
    }

    /// How much was taken in all.
    pub(crate) fn taken(&self) -> u64 {
        self.charges.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

impl Bank for FakeBank {
    fn charge(&self, idempotency_key: &str, amount: u64) -> Result<String, Declined> {
        if amount > CREDIT {
            return Err(Declined);
        }
        let mut charges = self.charges.lock().unwrap_or_else(PoisonError::into_inner);
        charges.entry(idempotency_key.to_owned()).or_insert(amount);
        Ok(format!("charge {idempotency_key}"))
    }

    fn send_receipt(&self, reference: &str) {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner).insert(reference.to_owned());
    }
}
