//! `saga`, but the compensation refunds the customer at every attempt.

use std::{sync::Arc, time::Duration};

use durasim::{EffectLedger, TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// A till that executes every request, repeated ones included.
pub trait Till: Send + Sync {
    /// Takes the price of a trip, once for each trip.
    fn charge(&self, trip: &str);
    /// Refunds the price of a trip.
    fn refund(&self, trip: &str);
}

/// Charges for a trip, books it, and refunds the price if it cannot be booked.
#[workflow]
#[derive(Default)]
pub struct TripWorkflow;

#[workflow_methods]
impl TripWorkflow {
    /// Returns `true` if the trip was booked.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, trip: String) -> WorkflowResult<bool> {
        ctx.execute_activity(Trips::charge, trip.clone(), options())
            .await?;
        if ctx
            .execute_activity(Trips::book, trip.clone(), options())
            .await
            .is_ok()
        {
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
    pub async fn charge(
        self: Arc<Self>,
        _ctx: ActivityContext,
        trip: String,
    ) -> Result<(), ActivityError> {
        self.till.charge(&trip);
        Ok(())
    }

    #[activity]
    pub async fn book(_ctx: ActivityContext, trip: String) -> Result<(), ActivityError> {
        let sold_out = ApplicationFailure::non_retryable(format!("{trip} is sold out"));
        Err(ActivityError::application(sold_out))
    }

    #[activity]
    pub async fn refund(
        self: Arc<Self>,
        _ctx: ActivityContext,
        trip: String,
    ) -> Result<(), ActivityError> {
        // The flaw: a compensation is an activity like any other, and may run twice.
        self.till.refund(&trip);
        Ok(())
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/refund_twice",
    about: "a compensation refunds the customer at every attempt",
    flaw: Some(Flaw {
        twin: "saga",
        code: FailureCode::EffectsOnce,
        faults: 1,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![TripWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let till = env.shared(FakeTill(env.ledger("till")));
    env.worker("trips")
        .implementer(Trips { till })
        .activity(Trips::charge)
        .activity(Trips::book)
        .activity(Trips::refund)
        .workflow::<TripWorkflow>()
        .start()?;

    let trip = env
        .client()
        .start_workflow(
            TripWorkflow::run,
            "venice".to_owned(),
            on("trips", "trip-1"),
        )
        .await?;
    assert!(!trip.get_result(WorkflowGetResultOptions::default()).await?);
    Ok(())
}

/// An entry of the till, with its trip.
#[derive(Clone, Debug, PartialEq)]
enum Entry {
    Charge(String),
    Refund(String),
}

/// A till that records each trip's charge once, and every refund.
struct FakeTill(EffectLedger<Entry>);

impl Till for FakeTill {
    fn charge(&self, trip: &str) {
        self.0.record(trip, Entry::Charge(trip.to_owned()));
    }

    fn refund(&self, trip: &str) {
        self.0.apply(Entry::Refund(trip.to_owned()));
    }
}
