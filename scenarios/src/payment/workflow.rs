//! A payment: confirmed by the customer, charged once, with one receipt.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// An order to pay for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The id of the order, which is the idempotency key of its charge.
    pub id: String,
    /// The price in cents.
    pub amount: u64,
}

/// A bank that charges cards.
pub trait Bank: Send + Sync {
    /// Charges `amount` cents, once for each `idempotency_key`. A repeated call returns the
    /// reference of the first.
    ///
    /// # Errors
    ///
    /// If the card is declined, which is final.
    fn charge(&self, idempotency_key: &str, amount: u64) -> Result<String, Declined>;

    /// Sends the receipt for a charge, once for each reference.
    fn send_receipt(&self, reference: &str);
}

/// The card was declined.
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
    /// Waits for the confirmation, charges the card, sends the receipt, and returns the bank's
    /// reference.
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

    /// Confirms the payment.
    #[signal]
    pub fn confirm(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.confirmed = true;
    }
}

/// Returns options with ten seconds per attempt and unlimited attempts.
pub fn options() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(10))
        .retry_policy(
            RetryPolicy::builder()
                .maximum_interval(Duration::from_secs(30))
                .build(),
        )
        .build()
}

/// The activities of a payment.
pub struct Payments {
    bank: Arc<dyn Bank>,
}

impl Payments {
    /// Returns activities that charge at `bank`.
    pub fn new(bank: Arc<dyn Bank>) -> Self {
        Self { bank }
    }
}

#[activities]
impl Payments {
    /// Charges the order under its own id, so that an extra attempt is no extra charge.
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
