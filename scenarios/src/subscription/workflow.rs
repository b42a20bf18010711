//! A subscription that lives for years: it continues as new, and no signal is lost on the way.

use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext,
    WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflows::select,
};

/// How long a month is.
pub const MONTH: Duration = Duration::from_hours(30 * 24);

/// Months in one run, before the history is cut.
pub const MONTHS_A_RUN: u32 = 3;

/// All that one run hands to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Whose.
    pub customer: String,
    /// How many people use it.
    pub seats: u32,
    /// Months paid for.
    pub month: u32,
    /// Months after which it ends by itself.
    pub months: u32,
}

/// One monthly bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// Known to the bank by this: customer and month.
    pub key: String,
    /// How many seats are paid for.
    pub seats: u32,
}

/// What takes the money.
pub trait Bank: Send + Sync {
    /// Collects a bill, once for each key.
    fn collect(&self, key: &str, seats: u32);
}

/// What customers ask for in between.
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
    /// Takes over where the last run stopped.
    #[init]
    pub fn new(_ctx: &WorkflowContextView, subscription: Subscription) -> Self {
        Self {
            subscription,
            inbox: Vec::new(),
            cancelled: false,
        }
    }

    /// The subscription as it was when it ended.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Subscription> {
        for month_of_run in 0.. {
            ctx.state_mut(Self::drain);
            if ctx.state(Self::is_over) {
                break;
            }
            if month_of_run == MONTHS_A_RUN {
                // Nothing is awaited between draining and this: no wish can slip in between. One
                // that comes while this task is under way makes the service refuse it and send
                // another.
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

    /// More people will use it.
    #[signal]
    pub fn add_seats(&mut self, _ctx: &mut SyncWorkflowContext<Self>, seats: u32) {
        self.inbox.push(Wish::AddSeats(seats));
    }

    /// Ends with the month that is paid for.
    #[signal]
    pub fn cancel(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.inbox.push(Wish::Cancel);
    }

    /// Seats, those included that are wished for and not yet billed.
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
