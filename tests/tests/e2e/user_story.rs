//! A user's tests, as the documentation shows them.

use std::{collections::BTreeMap, sync::Mutex};

use durasim::prelude::*;
use scenarios::{
    approval::workflow::{ApprovalWorkflow, Items},
    payment::workflow::{Bank, Declined, Order, PaymentWorkflow, Payments},
};

#[workflow_test]
async fn approval_expires_after_a_day(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("approvals")
        .workflow::<ApprovalWorkflow>()
        .mock_activity(Items::process, |call| async move {
            Ok(format!("done {}", call.input))
        })
        .start()?;

    let approval = env
        .client()
        .start_workflow(
            ApprovalWorkflow::run,
            "item-1".into(),
            WorkflowStartOptions::new("approvals", "approval-1").build(),
        )
        .await?;
    env.sleep(Duration::from_hours(25)).await;
    assert_eq!(
        approval
            .query(
                ApprovalWorkflow::status,
                (),
                WorkflowQueryOptions::default()
            )
            .await?,
        "expired"
    );
    assert!(env.calls(Items::process).is_empty());
    Ok(())
}

#[workflow_test]
async fn an_approved_item_is_processed_by_the_mock(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("approvals")
        .workflow::<ApprovalWorkflow>()
        .mock_activity(Items::process, |call| async move {
            Ok(format!("done {}", call.input))
        })
        .start()?;
    let options = WorkflowStartOptions::new("approvals", "approval-1").build();
    let approval = env
        .client()
        .start_workflow(ApprovalWorkflow::run, "item-1".into(), options)
        .await?;
    approval
        .signal(
            ApprovalWorkflow::approve,
            (),
            WorkflowSignalOptions::default(),
        )
        .await?;
    assert_eq!(
        approval
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "done item-1"
    );

    let calls = env.calls(Items::process);
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].attempt, 1);
    assert_eq!(calls[0].input::<String>()?, "item-1");
    Ok(())
}

/// A bank that charges once for each key.
#[derive(Default)]
struct FakeBank(Mutex<BTreeMap<String, u64>>);

impl FakeBank {
    fn balances(&self) -> BTreeMap<String, u64> {
        self.0.lock().unwrap().clone()
    }
}

impl Bank for FakeBank {
    fn charge(&self, idempotency_key: &str, amount: u64) -> Result<String, Declined> {
        self.0
            .lock()
            .unwrap()
            .entry(idempotency_key.to_owned())
            .or_insert(amount);
        Ok(format!("charge {idempotency_key}"))
    }

    fn send_receipt(&self, _reference: &str) {}
}

async fn payment(env: TestWorkflowEnvironment) -> TestResult {
    let bank = env.shared(FakeBank::default());
    env.worker("payments")
        .implementer(Payments::new(bank.clone()))
        .activity(Payments::charge)
        .activity(Payments::send_receipt)
        .workflow::<PaymentWorkflow>()
        .start()?;
    let order = Order {
        id: "order-1".into(),
        amount: 1200,
    };
    let options = WorkflowStartOptions::new("payments", "payment-1").build();
    let payment = env
        .client()
        .start_workflow(PaymentWorkflow::run, order, options)
        .await?;
    env.spawn(async move {
        payment
            .signal(
                PaymentWorkflow::confirm,
                (),
                WorkflowSignalOptions::default(),
            )
            .await
    });
    env.observe("bank", move || bank.balances());
    Ok(())
}

#[workflow_test(seeds = 24, faults = FaultProfile::all())]
async fn payment_charges_once_in_24_worlds(env: TestWorkflowEnvironment) -> TestResult {
    payment(env).await
}

#[workflow_test(explore = Exhaustive::faults(1))]
async fn payment_charges_once_under_any_single_fault(env: TestWorkflowEnvironment) -> TestResult {
    payment(env).await
}

#[workflow_test(proptest)]
async fn any_amount_is_charged_once(env: TestWorkflowEnvironment, amount: u64) -> TestResult {
    let bank = env.shared(FakeBank::default());
    env.worker("payments")
        .implementer(Payments::new(bank.clone()))
        .activity(Payments::charge)
        .activity(Payments::send_receipt)
        .workflow::<PaymentWorkflow>()
        .start()?;
    let order = Order {
        id: "order-1".into(),
        amount,
    };
    let options = WorkflowStartOptions::new("payments", "payment-1").build();
    let payment = env
        .client()
        .start_workflow(PaymentWorkflow::run, order, options)
        .await?;
    payment
        .signal(
            PaymentWorkflow::confirm,
            (),
            WorkflowSignalOptions::default(),
        )
        .await?;
    payment
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(
        bank.balances(),
        BTreeMap::from([("order-1".to_owned(), amount)])
    );
    Ok(())
}
