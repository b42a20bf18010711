//! `saga`, but the compensations share the workflow's cancellation: when it is cancelled, so are they.

use crate::saga::workflow::Bookings;
use std::time::Duration;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ActivityCancellationType, ActivityExecutionError, ActivityOptions, WorkflowContext, WorkflowResult,
};

/// Books hotel and flight.
#[workflow]
#[derive(Default)]
pub struct CarelessSagaWorkflow;

#[workflow_methods]
impl CarelessSagaWorkflow {
    /// The booking codes.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, trip: String) -> WorkflowResult<Vec<String>> {
        match book(ctx, &trip).await {
            Ok(codes) => Ok(codes),
            Err(error) => {
                // The flaw: once the workflow is cancelled, these are cancelled before they start. Each
                // needs a `WorkflowCancellationToken` of its own.
                ctx.execute_activity(Bookings::cancel_flight, trip.clone(), options()).await?;
                ctx.execute_activity(Bookings::cancel_hotel, trip, options()).await?;
                Err(error.into())
            }
        }
    }
}

async fn book(
    ctx: &WorkflowContext<CarelessSagaWorkflow>,
    trip: &str,
) -> Result<Vec<String>, ActivityExecutionError> {
    Ok(vec![
        ctx.execute_activity(Bookings::book_hotel, trip, options()).await?,
        ctx.execute_activity(Bookings::book_flight, trip, options()).await?,
    ])
}

fn options() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_mins(1))
        .cancellation_type(ActivityCancellationType::WaitCancellationCompleted)
        .build()
}
