//! Money from one account to another: never more of it, never less.

use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// One movement of money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Which transfer; its bookings are keyed by it.
    pub id: String,
    /// The account that pays.
    pub from: String,
    /// The account that receives.
    pub to: String,
    /// In cents.
    pub amount: u64,
}

/// How a transfer ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transferred {
    /// The money is where it should be.
    Done,
    /// The receiver could not be paid; the payer has the money back.
    Returned,
}

/// The bank's books.
pub trait Accounts: Send + Sync {
    /// Takes money out of an account, once for each key.
    ///
    /// # Errors
    ///
    /// When the account does not exist or holds too little.
    fn withdraw(&self, key: &str, account: &str, amount: u64) -> Result<(), BookingRefused>;

    /// Puts money into an account, once for each key.
    ///
    /// # Errors
    ///
    /// When the account is closed.
    fn deposit(&self, key: &str, account: &str, amount: u64) -> Result<(), BookingRefused>;
}

/// The bank does not do this, now or later.
#[derive(Debug, thiserror::Error)]
#[error("{account}: {reason}")]
pub struct BookingRefused {
    /// Which account.
    pub account: String,
    /// Why not.
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
        // Deposits are retried without end, so the only failure that comes here is a refusal.
        ctx.execute_activity(Ledger::put_back, transfer, options())
            .await?;
        Ok(Transferred::Returned)
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

/// The bookings of a transfer, each with a key of its own.
pub struct Ledger {
    accounts: Arc<dyn Accounts>,
}

impl Ledger {
    /// Activities over `accounts`.
    pub fn new(accounts: Arc<dyn Accounts>) -> Self {
        Self { accounts }
    }
}

fn refused(refusal: BookingRefused) -> ActivityError {
    ActivityError::application(ApplicationFailure::non_retryable(refusal))
}

#[activities]
impl Ledger {
    /// Takes the money from the payer.
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

    /// Gives it to the receiver.
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

    /// Gives it back to the payer.
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
