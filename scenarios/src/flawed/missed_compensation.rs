//! `saga`, but cancelling the workflow cancels its compensations too.

use std::time::Duration;

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::{
    WorkflowCancelOptions, WorkflowGetResultOptions, errors::WorkflowGetResultError,
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ActivityCancellationType, ActivityExecutionError, ActivityOptions, WorkflowContext,
    WorkflowResult,
};

use crate::{
    saga::{FakeAgency, workflow::Bookings},
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// Books a hotel and a flight.
#[workflow]
#[derive(Default)]
pub struct CarelessSagaWorkflow;

#[workflow_methods]
impl CarelessSagaWorkflow {
    /// Returns the booking codes.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, trip: String) -> WorkflowResult<Vec<String>> {
        match book(ctx, &trip).await {
            Ok(codes) => Ok(codes),
            Err(error) => {
                // The flaw: once the workflow is cancelled, these activities are cancelled before
                // they start. Each needs its own `WorkflowCancellationToken`.
                ctx.execute_activity(Bookings::cancel_flight, trip.clone(), options())
                    .await?;
                ctx.execute_activity(Bookings::cancel_hotel, trip, options())
                    .await?;
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
        ctx.execute_activity(Bookings::book_hotel, trip, options())
            .await?,
        ctx.execute_activity(Bookings::book_flight, trip, options())
            .await?,
    ])
}

fn options() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_mins(1))
        .cancellation_type(ActivityCancellationType::WaitCancellationCompleted)
        .build()
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/missed_compensation",
    about: "compensations are cancelled together with the workflow that needs them",
    flaw: Some(Flaw {
        twin: "saga",
        code: FailureCode::Panic,
        faults: 1,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![CarelessSagaWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let agency = env.shared(FakeAgency::default());
    env.worker("trips")
        .implementer(Bookings::new(agency.clone()))
        .activity(Bookings::book_hotel)
        .activity(Bookings::book_flight)
        .activity(Bookings::cancel_hotel)
        .activity(Bookings::cancel_flight)
        .workflow::<CarelessSagaWorkflow>()
        .start()?;
    let client = env.client();
    let trip = client
        .start_workflow(
            CarelessSagaWorkflow::run,
            "oslo".to_owned(),
            on("trips", "trip-1"),
        )
        .await?;

    // Enough time for two bookings, unless one of them meets a fault.
    env.sleep(Duration::from_millis(900)).await;
    trip.cancel(WorkflowCancelOptions::default()).await?;
    match trip.get_result(WorkflowGetResultOptions::default()).await {
        Ok(_) => assert_eq!(agency.booked("oslo"), 2),
        Err(WorkflowGetResultError::Cancelled { .. } | WorkflowGetResultError::Failed(_)) => {
            assert_eq!(
                agency.booked("oslo"),
                0,
                "the trip is off, and something is still booked"
            );
        }
        Err(other) => return Err(other.into()),
    }
    Ok(())
}
