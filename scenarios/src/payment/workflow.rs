//! A payment: confirmed by the customer, charged once, receipted once.

use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// What is to be paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Which order; its charge is known to the bank by it.
    pub id: String,
    /// In cents.
    pub amount: u64,
}

/// What charges cards.
pub trait Bank: Send + Sync {
    /// Takes `amount` cents. The bank does it once for each `idempotency_key`, and answers a
    /// repetition with the reference of the first.
    ///
    /// # Errors
    ///
    /// When the card is declined, which is final.
    fn charge(&self, idempotency_key: &str, amount: u64) -> Result<String, Declined>;

    /// Mails the receipt for a charge, once for each reference.
    fn send_receipt(&self, reference: &str);
}

/// The card is not accepted.
#[derive(Debug, thiserror::Error)]
#[error("card declined")]
pub struct Declined;

/// Takes a payment.
#[workflow]
#[derive(Default)]
pub struct PaymentWorkflow {
    confirmed: bool,
}

#[workflow_methods]
impl PaymentWorkflow {
    /// Waits for the confirmation, charges, sends the receipt; the bank's reference.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, order: Order) -> WorkflowResult<String> {
        ctx.wait_condition(|state| state.confirmed).await?;
        let reference = ctx
            .execute_activity(Payments::charge, order, options())
            .await?;
        ctx.execute_activity(Payments::send_receipt, reference.clone(), options())
            .await?;
        Ok(reference)
    }

    /// The customer says yes.
    #[signal]
    pub fn confirm(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.confirmed = true;
    }
}

/// Ten seconds for an attempt, and as many attempts as it takes.
pub fn options() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(10))
        .retry_policy(
            RetryPolicy::builder()
                .maximum_interval(Duration::from_secs(30))
                .build(),
        )
        .build()
}

/// What a payment does to the world.
pub struct Payments {
    bank: Arc<dyn Bank>,
}

impl Payments {
    /// Activities that charge at `bank`.
    pub fn new(bank: Arc<dyn Bank>) -> Self {
        Self { bank }
    }
}

#[activities]
impl Payments {
    /// Charges the order under its own id, so that an attempt too many is no charge too many.
    #[activity]
    pub async fn charge(
        self: Arc<Self>,
        _ctx: ActivityContext,
        order: Order,
    ) -> Result<String, ActivityError> {
        self.bank
            .charge(&order.id, order.amount)
            .map_err(|declined| {
                ActivityError::application(ApplicationFailure::non_retryable(declined))
            })
    }

    /// Sends the receipt.
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
