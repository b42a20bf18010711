//! A declined card that is tried again and again: the retry policy misspells the error type.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    payment::workflow::{Bank, Declined, Order},
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// Charges a card.
#[workflow]
#[derive(Default)]
pub struct StubbornPaymentWorkflow;

#[workflow_methods]
impl StubbornPaymentWorkflow {
    /// Returns the bank's reference, or `declined`.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, order: Order) -> WorkflowResult<String> {
        // The flaw: error types match exactly, and the activity's type is `CardDeclined`.
        let retries = RetryPolicy::builder()
            .maximum_attempts(10)
            .non_retryable_error_types(["cardDeclined"])
            .build();
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(10))
            .retry_policy(retries)
            .build();
        let charged = ctx
            .execute_activity(StubbornPayments::charge, order, options)
            .await;
        Ok(charged.unwrap_or_else(|_| "declined".to_owned()))
    }
}

/// The charging of cards.
pub struct StubbornPayments {
    bank: Arc<dyn Bank>,
}

#[activities]
impl StubbornPayments {
    #[activity]
    pub async fn charge(
        self: Arc<Self>,
        _ctx: ActivityContext,
        order: Order,
    ) -> Result<String, ActivityError> {
        self.bank
            .charge(&order.id, order.amount)
            .map_err(|declined| {
                let failure = ApplicationFailure::builder(declined)
                    .type_name("CardDeclined".to_owned())
                    .build();
                ActivityError::application(failure)
            })
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/retried_refusal",
    about: "a declined card is tried ten times, because the retry policy misspells the error type",
    flaw: Some(Flaw {
        twin: "payment",
        code: FailureCode::Invariant,
        faults: 0,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![StubbornPaymentWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let bank = env.shared(StrictBank::default());
    env.worker("payments")
        .implementer(StubbornPayments { bank: bank.clone() })
        .activity(StubbornPayments::charge)
        .workflow::<StubbornPaymentWorkflow>()
        .start()?;
    env.invariant("the card is not locked", move || {
        match bank.attempts.load(Ordering::Relaxed) {
            0..LOCKED => Ok(()),
            attempts => Err(format!("declined {attempts} times")),
        }
    });

    let order = Order {
        id: "order-1".to_owned(),
        amount: 1200,
    };
    let options = on("payments", "pay-1");
    let payment = env
        .client()
        .start_workflow(StubbornPaymentWorkflow::run, order, options)
        .await?;
    payment
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

/// The number of declined attempts after which the card is locked.
const LOCKED: u32 = 5;

/// A bank that declines the card.
#[derive(Default)]
struct StrictBank {
    attempts: AtomicU32,
}

impl Bank for StrictBank {
    fn charge(&self, _idempotency_key: &str, _amount: u64) -> Result<String, Declined> {
        self.attempts.fetch_add(1, Ordering::Relaxed);
        Err(Declined)
    }

    fn send_receipt(&self, _reference: &str) {}
}
