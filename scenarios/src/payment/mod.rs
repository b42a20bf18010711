//! Two payments: one is confirmed and charged once, the other is declined by the bank.

pub mod workflow;

use durasim::{EffectLedger, TestResult, TestWorkflowEnvironment};
use serde::Serialize;
use temporalio_client::{
    WorkflowGetResultOptions, WorkflowSignalOptions, errors::WorkflowGetResultError,
};

use crate::{
    scenario::{Scenario, workflows},
    support::{on, same},
};
use workflow::{Bank, Declined, Order, PaymentWorkflow, Payments};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "payment",
    about: "a confirmed order is charged once, under an idempotency key that all attempts share",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![PaymentWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let bank = env.shared(FakeBank::new(&env));
    env.worker("payments")
        .implementer(Payments::new(bank.clone()))
        .activity(Payments::charge)
        .activity(Payments::send_receipt)
        .workflow::<PaymentWorkflow>()
        .start()?;
    let books = bank.clone();
    env.observe("the bank's books", move || books.0.snapshot());

    let client = env.client();
    let payment = client
        .start_workflow(PaymentWorkflow::run, order(1200), on("payments", "pay-1"))
        .await?;
    let declined = Order {
        id: "order-2".to_owned(),
        amount: CREDIT + 1,
    };
    let declined = client
        .start_workflow(PaymentWorkflow::run, declined, on("payments", "pay-2"))
        .await?;
    for workflow in [&payment, &declined] {
        let workflow = same(workflow);
        env.observe_result(&workflow);
        env.spawn(async move {
            workflow
                .signal(
                    PaymentWorkflow::confirm,
                    (),
                    WorkflowSignalOptions::default(),
                )
                .await
        });
    }

    let reference = payment
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(reference, "charge order-1");
    let end = declined
        .get_result(WorkflowGetResultOptions::default())
        .await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::Failed(_))),
        "{end:?}"
    );
    assert_eq!(
        bank.0.effects(),
        [Entry::Charge(1200), Entry::Receipt(reference)]
    );
    Ok(())
}

/// Returns the order to pay for.
pub(crate) fn order(amount: u64) -> Order {
    Order {
        id: "order-1".to_owned(),
        amount,
    }
}

/// The largest amount that the bank grants, in cents.
const CREDIT: u64 = 5000;

/// An entry of the bank's books.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) enum Entry {
    /// A charge of this many cents.
    Charge(u64),
    /// A receipt for the charge with this reference.
    Receipt(String),
}

/// A bank that records each key once, in a ledger.
pub(crate) struct FakeBank(EffectLedger<Entry>);

impl FakeBank {
    pub(crate) fn new(env: &TestWorkflowEnvironment) -> Self {
        Self(env.ledger("bank"))
    }
}

impl Bank for FakeBank {
    fn charge(&self, idempotency_key: &str, amount: u64) -> Result<String, Declined> {
        if amount > CREDIT {
            return Err(Declined);
        }
        self.0.record(idempotency_key, Entry::Charge(amount));
        Ok(format!("charge {idempotency_key}"))
    }

    fn send_receipt(&self, reference: &str) {
        self.0.record(
            format!("receipt for {reference}"),
            Entry::Receipt(reference.to_owned()),
        );
    }
}
