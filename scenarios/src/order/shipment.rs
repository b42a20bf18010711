//! A parcel: packed for a day, during which it can be stopped, then handed over.

use std::{sync::Arc, time::Duration};

use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, TimerOptions, WorkflowCancellationToken, WorkflowContext, WorkflowResult,
    WorkflowTermination,
    activities::{ActivityContext, ActivityError},
    workflows::select,
};

/// A carrier of parcels.
pub trait Carrier: Send + Sync {
    /// Delivers the parcel of an order, once, and returns its number.
    fn deliver(&self, order: &str) -> String;
}

/// Ships one order.
#[workflow]
#[derive(Default)]
pub struct ShipmentWorkflow;

#[workflow_methods]
impl ShipmentWorkflow {
    /// Returns the parcel's number. A cancellation stops the parcel while it is packed; a later one
    /// comes too late.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, order: String) -> WorkflowResult<String> {
        // The timer has its own token: SDK 1.1 panics if a timer fires in the task that cancels it.
        let packed = TimerOptions::builder(Duration::from_hours(24))
            .cancellation_token(WorkflowCancellationToken::new())
            .build();
        select! {
            _ = ctx.cancelled() => return Err(WorkflowTermination::cancelled()),
            _ = ctx.timer(packed) => {}
        }
        let handing_over = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(30))
            .cancellation_token(WorkflowCancellationToken::new())
            .retry_policy(
                RetryPolicy::builder()
                    .maximum_interval(Duration::from_secs(30))
                    .build(),
            )
            .build();
        let parcel = ctx
            .execute_activity(Parcels::deliver, order, handing_over)
            .await?;
        Ok(parcel)
    }
}

/// The handing over of parcels.
pub struct Parcels {
    carrier: Arc<dyn Carrier>,
}

impl Parcels {
    /// Returns activities of `carrier`.
    pub fn new(carrier: Arc<dyn Carrier>) -> Self {
        Self { carrier }
    }
}

#[activities]
impl Parcels {
    /// Delivers a parcel.
    #[activity]
    pub async fn deliver(
        self: Arc<Self>,
        _ctx: ActivityContext,
        order: String,
    ) -> Result<String, ActivityError> {
        Ok(self.carrier.deliver(&order))
    }
}
