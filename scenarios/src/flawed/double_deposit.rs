//! `transfer`, but the deposit has no key: done twice, it makes money.

use crate::transfer::workflow::{Transfer, Transferred, options};
use std::sync::Arc;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// Books that do as they are told, each time they are told.
pub trait Books: Send + Sync {
    /// Takes from an account, once for each key.
    fn take(&self, key: &str, account: &str, cents: u64);

    /// Adds to an account.
    fn add(&self, account: &str, cents: u64);
}

/// Moves money.
#[workflow]
#[derive(Default)]
pub struct KeylessTransferWorkflow;

#[workflow_methods]
impl KeylessTransferWorkflow {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, transfer: Transfer) -> WorkflowResult<Transferred> {
        ctx.execute_activity(KeylessLedger::withdraw, transfer.clone(), options()).await?;
        ctx.execute_activity(KeylessLedger::deposit, transfer, options()).await?;
        Ok(Transferred::Done)
    }
}

/// The booking.
pub struct KeylessLedger {
    books: Arc<dyn Books>,
}

#[activities]
impl KeylessLedger {
    #[activity]
    pub async fn withdraw(
        self: Arc<Self>,
        _ctx: ActivityContext,
        transfer: Transfer,
    ) -> Result<(), ActivityError> {
        self.books.take(&transfer.id, &transfer.from, transfer.amount);
        Ok(())
    }

    #[activity]
    pub async fn deposit(
        self: Arc<Self>,
        _ctx: ActivityContext,
        transfer: Transfer,
    ) -> Result<(), ActivityError> {
        // The flaw: nothing tells this deposit from the same one, asked for again.
        self.books.add(&transfer.to, transfer.amount);
        Ok(())
    }
}
