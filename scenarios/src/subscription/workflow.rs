//! A subscription that lives for years: it continues as new and loses no signal.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext,
    WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflows::select,
};

/// The length of a month.
pub const MONTH: Duration = Duration::from_hours(30 * 24);

/// The number of months in one run, which bounds its history.
pub const MONTHS_A_RUN: u32 = 3;

/// The state that one run passes to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The customer.
    pub customer: String,
    /// The number of people who use the subscription.
    pub seats: u32,
    /// The number of months paid for.
    pub month: u32,
    /// The number of months after which the subscription ends by itself.
    pub months: u32,
}

/// One monthly bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// The customer and the month; the idempotency key of the bill.
    pub key: String,
    /// The number of seats to pay for.
    pub seats: u32,
}

/// A bank that collects money.
pub trait Bank: Send + Sync {
    /// Collects a bill, once for each key.
    fn collect(&self, key: &str, seats: u32);
}

/// A customer's wish between two bills.
#[derive(Clone, Copy, Debug)]
enum Wish {
    AddSeats(u32),
    Cancel,
}

/// Bills once a month.
#[workflow]
pub struct SubscriptionWorkflow {
    subscription: Subscription,
    inbox: Vec<Wish>,
    cancelled: bool,
}

#[workflow_methods]
impl SubscriptionWorkflow {
    /// Takes over the state of the last run.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, subscription: Subscription) -> Self {
        Self {
            subscription,
            inbox: Vec::new(),
            cancelled: false,
        }
    }

    /// Returns the subscription at its end.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Subscription> {
        for month_of_run in 0.. {
            ctx.state_mut(Self::drain);
            if ctx.state(Self::is_over) {
                break;
            }
            if month_of_run == MONTHS_A_RUN {
                // Nothing is awaited between draining and this line, so no wish can come in
                // between. A wish that arrives during this task makes the service refuse the
                // completion and send another task.
                let next = ctx.state(|state| state.subscription.clone());
                ctx.continue_as_new(next, ContinueAsNewOptions::default())?;
            }

            let bill = ctx.state_mut(|state| {
                state.subscription.month += 1;
                let Subscription {
                    customer,
                    month,
                    seats,
                    ..
                } = &state.subscription;
                Bill {
                    key: format!("{customer}/{month}"),
                    seats: *seats,
                }
            });
            ctx.execute_activity(Billing::collect, bill, options())
                .await?;

            select! {
                cancelled = ctx.wait_condition(Self::wants_to_cancel) => cancelled?,
                _ = ctx.timer(MONTH) => {}
            }
        }
        Ok(ctx.state(|state| state.subscription.clone()))
    }

    /// Adds seats.
    #[signal]
    pub fn add_seats(&mut self, _ctx: &mut SyncWorkflowContext<Self>, seats: u32) {
        self.inbox.push(Wish::AddSeats(seats));
    }

    /// Ends the subscription with the month that is paid for.
    #[signal]
    pub fn cancel(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.inbox.push(Wish::Cancel);
    }

    /// Returns the number of seats, requested seats that are not yet billed included.
    #[query]
    pub fn seats(&self, _ctx: &WorkflowContextView) -> u32 {
        let wished = self.inbox.iter().map(|wish| match wish {
            Wish::AddSeats(seats) => *seats,
            Wish::Cancel => 0,
        });
        self.subscription.seats + wished.sum::<u32>()
    }
}

impl SubscriptionWorkflow {
    fn drain(&mut self) {
        for wish in self.inbox.drain(..) {
            match wish {
                Wish::AddSeats(seats) => self.subscription.seats += seats,
                Wish::Cancel => self.cancelled = true,
            }
        }
    }

    fn wants_to_cancel(&self) -> bool {
        self.inbox.iter().any(|wish| matches!(wish, Wish::Cancel))
    }

    fn is_over(&self) -> bool {
        self.cancelled || self.subscription.month >= self.subscription.months
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
    /// Collects one bill.
    #[activity]
    pub async fn collect(
        self: Arc<Self>,
        _ctx: ActivityContext,
        bill: Bill,
    ) -> Result<(), ActivityError> {
        self.bank.collect(&bill.key, bill.seats);
        Ok(())
    }
}
