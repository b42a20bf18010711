//! `saga`, but a booking is undone only if it was reported as made: one that took effect and timed
//! out for good stays booked.

use std::time::Duration;

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::{WorkflowGetResultOptions, errors::WorkflowGetResultError};
use temporalio_common::RetryPolicy;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{ActivityOptions, WorkflowContext, WorkflowResult};

use crate::{
    saga::{FakeAgency, workflow::Bookings},
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// Books a hotel and a flight.
#[workflow]
#[derive(Default)]
pub struct LateUndoWorkflow;

#[workflow_methods]
impl LateUndoWorkflow {
    /// Returns the booking codes.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, trip: String) -> WorkflowResult<Vec<String>> {
        let hotel = ctx
            .execute_activity(Bookings::book_hotel, trip.clone(), book_options())
            .await?;
        let flight = ctx
            .execute_activity(Bookings::book_flight, trip.clone(), book_options())
            .await;
        match flight {
            Ok(flight) => Ok(vec![hotel, flight]),
            Err(error) => {
                // The flaw: the flight may be booked, and so may be a hotel whose booking failed.
                // `saga` notes what is to be undone before it tries to book.
                ctx.execute_activity(Bookings::cancel_hotel, trip, undo_options())
                    .await?;
                Err(error.into())
            }
        }
    }
}

fn book_options() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_mins(1))
        .retry_policy(RetryPolicy::builder().maximum_attempts(3).build())
        .build()
}

fn undo_options() -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(Duration::from_mins(1))
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/late_undo",
    about: "a booking that takes effect and is reported as failed is never undone",
    flaw: Some(Flaw {
        twin: "saga",
        code: FailureCode::Panic,
        faults: 1,
    }),
    exhausts_retries: true,
    world: |env| Box::pin(world(env)),
    workflows: workflows![LateUndoWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let agency = env.shared(FakeAgency::default());
    env.worker("trips")
        .implementer(Bookings::new(agency.clone()))
        .activity(Bookings::book_hotel)
        .activity(Bookings::book_flight)
        .activity(Bookings::cancel_hotel)
        .workflow::<LateUndoWorkflow>()
        .start()?;
    let options = on("trips", "trip-to-oslo");
    let trip = env
        .client()
        .start_workflow(LateUndoWorkflow::run, "oslo".to_owned(), options)
        .await?;
    match trip.get_result(WorkflowGetResultOptions::default()).await {
        Ok(codes) => assert_eq!(codes, ["hotel in oslo", "flight in oslo"]),
        Err(WorkflowGetResultError::Failed(_)) => assert_eq!(
            agency.booked("oslo"),
            0,
            "the trip failed, and something is still booked"
        ),
        Err(other) => return Err(other.into()),
    }
    Ok(())
}
