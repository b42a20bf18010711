//! A contract that renews itself every thirty days until the customer ends it.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflows::select,
};

/// The length of one period.
pub const PERIOD: Duration = Duration::from_hours(30 * 24);

/// A contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// The customer.
    pub customer: String,
    /// The price of a period in cents, until the customer changes it.
    pub price: u64,
    /// The number of periods after which the contract ends by itself.
    pub periods: u32,
}

/// A payment for one period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// The customer and the period; the idempotency key of the payment.
    pub key: String,
    /// The amount in cents.
    pub amount: u64,
}

/// The end of a contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The number of periods that were paid for.
    pub paid: u32,
    /// True if the customer ended the contract.
    pub by_customer: bool,
}

/// A bank that collects money.
pub trait Bank: Send + Sync {
    /// Collects an invoice, once for each key.
    fn collect(&self, key: &str, amount: u64);
}

/// Charges at the start of each period and waits for signals in between.
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
        // Checked before every charge: a notice that arrives at the end of a period still counts.
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

            // A new price applies to the next period, so only the end of the contract ends the
            // wait.
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

    /// Changes the price from the next period on. The last change counts.
    #[signal]
    pub fn reprice(&mut self, _ctx: &mut SyncWorkflowContext<Self>, price: u64) {
        self.new_price = Some(price);
    }

    /// Ends the contract.
    #[signal]
    pub fn end(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.ended = true;
    }

    /// Returns the number of periods that are paid for.
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

/// The collecting of money.
pub struct Billing {
    bank: Arc<dyn Bank>,
}

impl Billing {
    /// Returns activities that collect through `bank`.
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
