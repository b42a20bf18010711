//! A contract that renews itself every thirty days until the customer ends it.

use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflows::select,
};

/// How long one payment lasts.
pub const PERIOD: Duration = Duration::from_hours(30 * 24);

/// A contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// Whose.
    pub customer: String,
    /// In cents a period, until the customer changes it.
    pub price: u64,
    /// After how many periods it ends by itself.
    pub periods: u32,
}

/// One payment for one period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// Known to the bank by this: customer and period.
    pub key: String,
    /// In cents.
    pub amount: u64,
}

/// How a contract ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// How many periods were paid for.
    pub paid: u32,
    /// Whether the customer ended it.
    pub by_customer: bool,
}

/// What takes the money.
pub trait Bank: Send + Sync {
    /// Collects an invoice, once for each key.
    fn collect(&self, key: &str, amount: u64);
}

/// Charges at the start of each period, and listens in between.
#[workflow]
#[derive(Default)]
pub struct RenewalWorkflow {
    new_price: Option<u64>,
    ended: bool,
    paid: u32,
}

#[workflow_methods]
impl RenewalWorkflow {
    /// Runs until the contract ends.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, contract: Contract) -> WorkflowResult<Ended> {
        let mut price = contract.price;
        // Asked before every charge: a notice that came with the end of the period still counts.
        while !ctx.state(|state| state.ended) && ctx.state(|state| state.paid) < contract.periods {
            price = ctx
                .state_mut(|state| state.new_price.take())
                .unwrap_or(price);
            let period = ctx.state(|state| state.paid) + 1;
            let invoice = Invoice {
                key: format!("{}/{period}", contract.customer),
                amount: price,
            };
            ctx.execute_activity(Billing::collect, invoice, options())
                .await?;
            ctx.state_mut(|state| state.paid = period);

            // A new price is for the next period: only the end of the contract ends the wait.
            select! {
                ended = ctx.wait_condition(|state| state.ended) => ended?,
                _ = ctx.timer(PERIOD) => {}
            }
        }
        Ok(ctx.state(|state| Ended {
            paid: state.paid,
            by_customer: state.ended,
        }))
    }

    /// Another price from the next period on. The last one said counts.
    #[signal]
    pub fn reprice(&mut self, _ctx: &mut SyncWorkflowContext<Self>, price: u64) {
        self.new_price = Some(price);
    }

    /// The customer gives notice.
    #[signal]
    pub fn end(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.ended = true;
    }

    /// How many periods are paid for.
    #[query]
    pub fn paid(&self, _ctx: &WorkflowContextView) -> u32 {
        self.paid
    }
}

fn options() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(30))
        .retry_policy(
            RetryPolicy::builder()
                .maximum_interval(Duration::from_mins(1))
                .build(),
        )
        .build()
}

/// Taking money.
pub struct Billing {
    bank: Arc<dyn Bank>,
}

impl Billing {
    /// Activities that collect through `bank`.
    pub fn new(bank: Arc<dyn Bank>) -> Self {
        Self { bank }
    }
}

#[activities]
impl Billing {
    /// Collects one invoice.
    #[activity]
    pub async fn collect(
        self: Arc<Self>,
        _ctx: ActivityContext,
        invoice: Invoice,
    ) -> Result<(), ActivityError> {
        self.bank.collect(&invoice.key, invoice.amount);
        Ok(())
    }
}
