//! `payment`, but each attempt charges under its own key: an extra attempt is an extra charge.

use std::sync::Arc;

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::{WorkflowGetResultOptions, WorkflowSignalOptions};
use temporalio_macros::activities;
use temporalio_sdk::{
    ApplicationFailure,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    payment::{
        FakeBank, order,
        workflow::{Bank, Order, PaymentWorkflow},
    },
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// The activities of `payment`, under the same names.
pub struct Payments {
    bank: Arc<dyn Bank>,
}

#[activities]
impl Payments {
    #[activity]
    pub async fn charge(
        self: Arc<Self>,
        ctx: ActivityContext,
        order: Order,
    ) -> Result<String, ActivityError> {
        // The flaw: the key must not depend on the attempt.
        let idempotency_key = format!("{}-{}", order.id, ctx.info().attempt);
        self.bank
            .charge(&idempotency_key, order.amount)
            .map_err(|declined| {
                ActivityError::application(ApplicationFailure::non_retryable(declined))
            })
    }

    #[activity]
    pub async fn send_receipt(
        self: Arc<Self>,
        _ctx: ActivityContext,
        reference: String,
    ) -> Result<(), ActivityError> {
        self.bank.send_receipt(&reference);
        Ok(())
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/charge_without_key",
    about: "the idempotency key differs between attempts, so the customer is charged twice",
    flaw: Some(Flaw {
        twin: "payment",
        code: FailureCode::EffectsOnce,
        faults: 1,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![PaymentWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let bank = env.shared(FakeBank::new(&env));
    env.worker("payments")
        .implementer(Payments { bank })
        .activity(Payments::charge)
        .activity(Payments::send_receipt)
        .workflow::<PaymentWorkflow>()
        .start()?;

    let client = env.client();
    let payment = client
        .start_workflow(PaymentWorkflow::run, order(1200), on("payments", "pay-1"))
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
    Ok(())
}
