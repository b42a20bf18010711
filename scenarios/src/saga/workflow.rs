//! Three bookings or none: they are undone if a later step fails or the trip is cancelled.

use std::{sync::Arc, time::Duration};

use temporalio_common::{ActivityDefinition, RetryPolicy};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityCancellationType, ActivityExecutionError, ActivityOptions, ApplicationFailure,
    WorkflowCancellationToken, WorkflowContext, WorkflowResult, WorkflowTermination,
    activities::{ActivityContext, ActivityError},
};

/// A booking system. The caller chooses a key for each booking, and cancels the booking by its key.
pub trait Agency: Send + Sync {
    /// Books a part of a trip, once for each key.
    ///
    /// # Errors
    ///
    /// If the part is sold out, or was cancelled under this key before.
    fn book(&self, part: &str, key: &str) -> Result<String, Refused>;

    /// Cancels a booking; a second call changes nothing.
    ///
    /// A key that was not booked yet can never be booked afterwards: an attempt that is still under
    /// way comes too late.
    fn cancel(&self, part: &str, key: &str);
}

/// A booking that is refused for good.
#[derive(Debug, thiserror::Error)]
#[error("no {0} to be had")]
pub struct Refused(pub String);

/// Books a hotel, a flight and a car.
#[workflow]
#[derive(Default)]
pub struct SagaWorkflow;

#[workflow_methods]
impl SagaWorkflow {
    /// Returns the three booking codes.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, trip: String) -> WorkflowResult<Vec<String>> {
        let mut undo = Vec::new();
        match book_trip(ctx, &trip, &mut undo).await {
            Ok(codes) => Ok(codes),
            Err(error) => {
                for part in undo.into_iter().rev() {
                    part.undo(ctx, &trip).await?;
                }
                // A cancelled booking may end as a timeout: no attempt follows, and nobody reports
                // a result.
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

/// Notes the compensation, then tries the step: a step that is reported as failed may have taken
/// effect all the same.
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

/// Returns a policy with this maximum of attempts; 0 for no maximum.
fn retries(maximum_attempts: u32) -> RetryPolicy {
    RetryPolicy::builder()
        .maximum_interval(Duration::from_secs(30))
        .maximum_attempts(maximum_attempts)
        .build()
}

/// Returns options that make a cancelled trip wait for the result of the current booking before it
/// undoes anything.
fn book_options() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_mins(1))
        .cancellation_type(ActivityCancellationType::WaitCancellationCompleted)
        .retry_policy(retries(5))
        .build()
}

/// Returns options of a compensation, which is tried until it succeeds, and runs even if the
/// workflow is cancelled: its token is its own.
fn undo_options() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_mins(1))
        .cancellation_token(WorkflowCancellationToken::new())
        .retry_policy(retries(0))
        .build()
}

/// The bookings and their compensations, keyed by the trip.
pub struct Bookings {
    agency: Arc<dyn Agency>,
}

impl Bookings {
    /// Returns activities that book with `agency`.
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

    /// Cancels the hotel.
    #[activity]
    pub async fn cancel_hotel(
        self: Arc<Self>,
        _ctx: ActivityContext,
        trip: String,
    ) -> Result<(), ActivityError> {
        self.agency.cancel("hotel", &trip);
        Ok(())
    }

    /// Cancels the flight.
    #[activity]
    pub async fn cancel_flight(
        self: Arc<Self>,
        _ctx: ActivityContext,
        trip: String,
    ) -> Result<(), ActivityError> {
        self.agency.cancel("flight", &trip);
        Ok(())
    }

    /// Cancels the car.
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
