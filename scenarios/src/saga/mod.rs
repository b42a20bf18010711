//! Three trips: one succeeds, one needs a car that is sold out, one is cancelled on the way.

pub mod workflow;

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::{
    Client, WorkflowCancelOptions, WorkflowGetResultOptions, WorkflowHandle,
    errors::{WorkflowGetResultError, WorkflowStartError},
};
use temporalio_common::HasWorkflowDefinition;

use crate::{
    scenario::{Scenario, workflows},
    support::on,
};
use workflow::{Agency, Bookings, Refused, SagaWorkflow};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "saga",
    about: "three bookings or none: compensations run on failure and on cancellation",
    flaw: None,
    exhausts_retries: true,
    world: |env| Box::pin(world(env)),
    workflows: workflows![SagaWorkflow],
};

type Trip = WorkflowHandle<Client, <SagaWorkflow as HasWorkflowDefinition>::Run>;

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let agency = env.shared(FakeAgency::default());
    env.worker("trips")
        .implementer(Bookings::new(agency.clone()))
        .activity(Bookings::book_hotel)
        .activity(Bookings::book_flight)
        .activity(Bookings::book_car)
        .activity(Bookings::cancel_hotel)
        .activity(Bookings::cancel_flight)
        .activity(Bookings::cancel_car)
        .workflow::<SagaWorkflow>()
        .start()?;

    let good = start(&env, "rome").await?;
    let sold_out = start(&env, NO_CARS).await?;
    let cancelled = start(&env, "oslo").await?;
    env.observe_result(&good);
    env.observe_result(&sold_out);
    cancelled.cancel(WorkflowCancelOptions::default()).await?;

    match good.get_result(WorkflowGetResultOptions::default()).await {
        Ok(codes) => {
            assert_eq!(codes, ["hotel in rome", "flight in rome", "car in rome"]);
            assert_eq!(agency.booked("rome"), 3);
        }
        // A booking has failed for good. It may have taken effect all the same.
        Err(WorkflowGetResultError::Failed(_)) => assert_eq!(agency.booked("rome"), 0),
        Err(other) => return Err(other.into()),
    }

    let end = sold_out
        .get_result(WorkflowGetResultOptions::default())
        .await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::Failed(_))),
        "{end:?}"
    );
    assert_eq!(agency.booked(NO_CARS), 0, "every booking is cancelled");

    // The cancellation races the bookings: it may come before the first, between two, or too late.
    match cancelled
        .get_result(WorkflowGetResultOptions::default())
        .await
    {
        Ok(_) => assert_eq!(agency.booked("oslo"), 3),
        Err(WorkflowGetResultError::Cancelled { .. } | WorkflowGetResultError::Failed(_)) => {
            assert_eq!(agency.booked("oslo"), 0);
        }
        Err(other) => return Err(other.into()),
    }
    Ok(())
}

async fn start(env: &TestWorkflowEnvironment, trip: &str) -> Result<Trip, WorkflowStartError> {
    let options = on("trips", &format!("trip-to-{trip}"));
    env.client()
        .start_workflow(SagaWorkflow::run, trip.to_owned(), options)
        .await
}

/// The place without cars.
const NO_CARS: &str = "venice";

/// Bookings by part and key; a cancelled key stays, so that it cannot be booked again.
#[derive(Default)]
pub(crate) struct FakeAgency {
    bookings: Mutex<BTreeMap<(String, String), bool>>,
}

impl FakeAgency {
    /// Returns the number of a trip's parts that are booked.
    pub(crate) fn booked(&self, trip: &str) -> usize {
        let bookings = self.bookings.lock().unwrap_or_else(PoisonError::into_inner);
        bookings
            .iter()
            .filter(|((_, key), active)| key == trip && **active)
            .count()
    }
}

impl Agency for FakeAgency {
    fn book(&self, part: &str, key: &str) -> Result<String, Refused> {
        let mut bookings = self.bookings.lock().unwrap_or_else(PoisonError::into_inner);
        let sold_out = part == "car" && key == NO_CARS;
        let active = bookings.get(&(part.to_owned(), key.to_owned())).copied();
        if sold_out || active == Some(false) {
            return Err(Refused(part.to_owned()));
        }
        bookings.insert((part.to_owned(), key.to_owned()), true);
        Ok(format!("{part} in {key}"))
    }

    fn cancel(&self, part: &str, key: &str) {
        let mut bookings = self.bookings.lock().unwrap_or_else(PoisonError::into_inner);
        bookings.insert((part.to_owned(), key.to_owned()), false);
    }
}
