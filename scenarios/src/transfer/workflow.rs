//! Money from one account to another; the total never changes.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// One movement of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// The id of the transfer; its bookings are keyed by it.
    pub id: String,
    /// The account that pays.
    pub from: String,
    /// The account that receives.
    pub to: String,
    /// The amount in cents.
    pub amount: u64,
}

/// The end of a transfer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transferred {
    /// The receiver has the money.
    Done,
    /// The receiver could not be paid; the payer has the money back.
    Returned,
}

/// A bank's accounts.
pub trait Accounts: Send + Sync {
    /// Takes money out of an account, once for each key.
    ///
    /// # Errors
    ///
    /// If the account does not exist or holds too little.
    fn withdraw(&self, key: &str, account: &str, amount: u64) -> Result<(), BookingRefused>;

    /// Puts money into an account, once for each key.
    ///
    /// # Errors
    ///
    /// If the account is closed.
    fn deposit(&self, key: &str, account: &str, amount: u64) -> Result<(), BookingRefused>;
}

/// The bank refuses a booking for good.
#[derive(Debug, thiserror::Error)]
#[error("{account}: {reason}")]
pub struct BookingRefused {
    /// The account.
    pub account: String,
    /// The reason.
    pub reason: String,
}

/// Moves money.
#[workflow]
#[derive(Default)]
pub struct TransferWorkflow;

#[workflow_methods]
impl TransferWorkflow {
    /// Withdraws, deposits, and puts the money back if the deposit is refused.
    #[run]
    pub async fn run(
        ctx: &mut WorkflowContext<Self>,
        transfer: Transfer,
    ) -> WorkflowResult<Transferred> {
        ctx.execute_activity(Ledger::withdraw, transfer.clone(), options())
            .await?;
        if ctx
            .execute_activity(Ledger::deposit, transfer.clone(), options())
            .await
            .is_ok()
        {
            return Ok(Transferred::Done);
        }
        // Deposits are retried without end, so every failure here is a refusal.
        ctx.execute_activity(Ledger::put_back, transfer, options())
            .await?;
        Ok(Transferred::Returned)
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

/// The bookings of a transfer, each with its own key.
pub struct Ledger {
    accounts: Arc<dyn Accounts>,
}

impl Ledger {
    /// Returns activities that work on `accounts`.
    pub fn new(accounts: Arc<dyn Accounts>) -> Self {
        Self { accounts }
    }
}

fn refused(refusal: BookingRefused) -> ActivityError {
    ActivityError::application(ApplicationFailure::non_retryable(refusal))
}

#[activities]
impl Ledger {
    /// Withdraws the money from the payer.
    #[activity]
    pub async fn withdraw(
        self: Arc<Self>,
        _ctx: ActivityContext,
        transfer: Transfer,
    ) -> Result<(), ActivityError> {
        let key = format!("{}/withdraw", transfer.id);
        self.accounts
            .withdraw(&key, &transfer.from, transfer.amount)
            .map_err(refused)
    }

    /// Deposits the money with the receiver.
    #[activity]
    pub async fn deposit(
        self: Arc<Self>,
        _ctx: ActivityContext,
        transfer: Transfer,
    ) -> Result<(), ActivityError> {
        let key = format!("{}/deposit", transfer.id);
        self.accounts
            .deposit(&key, &transfer.to, transfer.amount)
            .map_err(refused)
    }

    /// Returns the money to the payer.
    #[activity]
    pub async fn put_back(
        self: Arc<Self>,
        _ctx: ActivityContext,
        transfer: Transfer,
    ) -> Result<(), ActivityError> {
        let key = format!("{}/put_back", transfer.id);
        self.accounts
            .deposit(&key, &transfer.from, transfer.amount)
            .map_err(refused)
    }
}
