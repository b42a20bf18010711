//! Three bookings or none: what was booked is undone when a later step fails or the trip is
//! cancelled.

use std::{sync::Arc, time::Duration};
use temporalio_common::{ActivityDefinition, RetryPolicy};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityCancellationType, ActivityExecutionError, ActivityOptions, ApplicationFailure,
    WorkflowCancellationToken, WorkflowContext, WorkflowResult, WorkflowTermination,
    activities::{ActivityContext, ActivityError},
};

/// The booking systems. Each booking has a key of the caller's choice, by which it is undone.
pub trait Agency: Send + Sync {
    /// Books a part of a trip. Booking under a key twice is one booking.
    ///
    /// # Errors
    ///
    /// When the part is sold out, or was cancelled under this key before.
    fn book(&self, part: &str, key: &str) -> Result<String, Refused>;

    /// Cancels a booking. A key that was not booked yet can never be booked after this: an attempt
    /// that is still on its way comes too late. Cancelling twice is cancelling once.
    fn cancel(&self, part: &str, key: &str);
}

/// A booking that cannot be had, now or later.
#[derive(Debug, thiserror::Error)]
#[error("no {0} to be had")]
pub struct Refused(pub String);

/// Books hotel, flight and car.
#[workflow]
#[derive(Default)]
pub struct SagaWorkflow;

#[workflow_methods]
impl SagaWorkflow {
    /// The three booking codes.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, trip: String) -> WorkflowResult<Vec<String>> {
        let mut undo = Vec::new();
        match book_trip(ctx, &trip, &mut undo).await {
            Ok(codes) => Ok(codes),
            Err(error) => {
                for part in undo.into_iter().rev() {
                    part.undo(ctx, &trip).await?;
                }
                // A booking that was cancelled may end as a timeout: no attempt follows, and nobody
                // reports.
                if ctx.cancellation_token().is_cancelled() {
                    return Err(WorkflowTermination::cancelled());
                }
                Err(error.into())
            }
        }
    }
}

/// A part of a trip that may have been booked.
#[derive(Clone, Copy)]
enum Part {
    Hotel,
    Flight,
    Car,
}

impl Part {
    async fn undo(
        self,
        ctx: &WorkflowContext<SagaWorkflow>,
        trip: &str,
    ) -> Result<(), ActivityExecutionError> {
        match self {
            Self::Hotel => {
                ctx.execute_activity(Bookings::cancel_hotel, trip, undo_options())
                    .await
            }
            Self::Flight => {
                ctx.execute_activity(Bookings::cancel_flight, trip, undo_options())
                    .await
            }
            Self::Car => {
                ctx.execute_activity(Bookings::cancel_car, trip, undo_options())
                    .await
            }
        }
    }
}

async fn book_trip(
    ctx: &WorkflowContext<SagaWorkflow>,
    trip: &str,
    undo: &mut Vec<Part>,
) -> Result<Vec<String>, ActivityExecutionError> {
    Ok(vec![
        book(ctx, Part::Hotel, Bookings::book_hotel, trip, undo).await?,
        book(ctx, Part::Flight, Bookings::book_flight, trip, undo).await?,
        book(ctx, Part::Car, Bookings::book_car, trip, undo).await?,
    ])
}

/// The compensation is noted before the step is tried: a step that is reported as failed may have
/// taken effect all the same.
async fn book<Step>(
    ctx: &WorkflowContext<SagaWorkflow>,
    part: Part,
    step: Step,
    trip: &str,
    undo: &mut Vec<Part>,
) -> Result<String, ActivityExecutionError>
where
    Step: ActivityDefinition<Input = String, Output = String>,
{
    undo.push(part);
    ctx.execute_activity(step, trip, book_options()).await
}

fn retries() -> RetryPolicy {
    RetryPolicy::builder()
        .maximum_interval(Duration::from_secs(30))
        .build()
}

/// A cancelled trip waits for the booking under way to say how it ended before anything is undone.
fn book_options() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_mins(1))
        .cancellation_type(ActivityCancellationType::WaitCancellationCompleted)
        .retry_policy(retries())
        .build()
}

/// A compensation must run although the workflow is cancelled: its token is its own.
fn undo_options() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_mins(1))
        .cancellation_token(WorkflowCancellationToken::new())
        .retry_policy(retries())
        .build()
}

/// The bookings and their compensations, keyed by the trip.
pub struct Bookings {
    agency: Arc<dyn Agency>,
}

impl Bookings {
    /// Activities that book with `agency`.
    pub fn new(agency: Arc<dyn Agency>) -> Self {
        Self { agency }
    }

    fn book(&self, part: &str, trip: &str) -> Result<String, ActivityError> {
        self.agency.book(part, trip).map_err(|refused| {
            ActivityError::application(ApplicationFailure::non_retryable(refused))
        })
    }
}

#[activities]
impl Bookings {
    /// Books a hotel.
    #[activity]
    pub async fn book_hotel(
        self: Arc<Self>,
        _ctx: ActivityContext,
        trip: String,
    ) -> Result<String, ActivityError> {
        self.book("hotel", &trip)
    }

    /// Books a flight.
    #[activity]
    pub async fn book_flight(
        self: Arc<Self>,
        _ctx: ActivityContext,
        trip: String,
    ) -> Result<String, ActivityError> {
        self.book("flight", &trip)
    }

    /// Books a car.
    #[activity]
    pub async fn book_car(
        self: Arc<Self>,
        _ctx: ActivityContext,
        trip: String,
    ) -> Result<String, ActivityError> {
        self.book("car", &trip)
    }

    /// Gives the hotel back.
    #[activity]
    pub async fn cancel_hotel(
        self: Arc<Self>,
        _ctx: ActivityContext,
        trip: String,
    ) -> Result<(), ActivityError> {
        self.agency.cancel("hotel", &trip);
        Ok(())
    }

    /// Gives the flight back.
    #[activity]
    pub async fn cancel_flight(
        self: Arc<Self>,
        _ctx: ActivityContext,
        trip: String,
    ) -> Result<(), ActivityError> {
        self.agency.cancel("flight", &trip);
        Ok(())
    }

    /// Gives the car back.
    #[activity]
    pub async fn cancel_car(
        self: Arc<Self>,
        _ctx: ActivityContext,
        trip: String,
    ) -> Result<(), ActivityError> {
        self.agency.cancel("car", &trip);
        Ok(())
    }
}
