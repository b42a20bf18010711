//! `saga`, but the compensation pays back each time it is attempted.

use std::{sync::Arc, time::Duration};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// A till that pays what it is told to pay.
pub trait Till: Send + Sync {
    /// Takes the price of a trip, once for each trip.
    fn charge(&self, trip: &str);
    /// Pays the price of a trip back.
    fn refund(&self, trip: &str);
}

/// Charges for a trip, books it, and pays back if it cannot be booked.
#[workflow]
#[derive(Default)]
pub struct TripWorkflow;

#[workflow_methods]
impl TripWorkflow {
    /// Whether the trip was booked.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, trip: String) -> WorkflowResult<bool> {
        ctx.execute_activity(Trips::charge, trip.clone(), options()).await?;
        if ctx.execute_activity(Trips::book, trip.clone(), options()).await.is_ok() {
            return Ok(true);
        }
        ctx.execute_activity(Trips::refund, trip, options()).await?;
        Ok(false)
    }
}

fn options() -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(Duration::from_secs(10))
}

/// The steps of a trip.
pub struct Trips {
    till: Arc<dyn Till>,
}

#[activities]
impl Trips {
    #[activity]
    pub async fn charge(self: Arc<Self>, _ctx: ActivityContext, trip: String) -> Result<(), ActivityError> {
        self.till.charge(&trip);
        Ok(())
    }

    #[activity]
    pub async fn book(_ctx: ActivityContext, trip: String) -> Result<(), ActivityError> {
        let sold_out = ApplicationFailure::non_retryable(format!("{trip} is sold out"));
        Err(ActivityError::application(sold_out))
    }

    #[activity]
    pub async fn refund(self: Arc<Self>, _ctx: ActivityContext, trip: String) -> Result<(), ActivityError> {
        // The flaw: a compensation is an activity like any other, and may run twice.
        self.till.refund(&trip);
        Ok(())
    }
}
