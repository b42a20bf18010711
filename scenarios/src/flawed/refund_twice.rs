//! `saga`, but the compensation pays back each time it is attempted.

use crate::{
    scenario::{Flaw, Scenario, workflows},
    support::on,
};
use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use std::{
    collections::BTreeSet,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};
use std::{sync::Arc, time::Duration};
use temporalio_client::WorkflowGetResultOptions;
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

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/refund_twice",
    about: "a compensation that pays back each time it is attempted",
    flaw: Some(Flaw { twin: "saga", code: FailureCode::Invariant, faults: 1 }),
    world: |env| Box::pin(world(env)),
    workflows: workflows![TripWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let till = env.shared(FakeTill::default());
    env.worker("trips")
        .implementer(Trips { till: till.clone() })
        .activity(Trips::charge)
        .activity(Trips::book)
        .activity(Trips::refund)
        .workflow::<TripWorkflow>()
        .start()?;
    env.invariant("no more is paid back than was paid", move || till.refunds() <= till.charges());

    let trip =
        env.client().start_workflow(TripWorkflow::run, "venice".to_owned(), on("trips", "trip-1")).await?;
    assert!(!trip.get_result(WorkflowGetResultOptions::default()).await?);
    Ok(())
}

/// Charges by trip, refunds as they come.
#[derive(Default)]
struct FakeTill {
    charged: Mutex<BTreeSet<String>>,
    refunds: AtomicU32,
}

impl FakeTill {
    fn charges(&self) -> usize {
        self.charged.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn refunds(&self) -> usize {
        self.refunds.load(Ordering::Relaxed) as usize
    }
}

impl Till for FakeTill {
    fn charge(&self, trip: &str) {
        self.charged.lock().unwrap_or_else(PoisonError::into_inner).insert(trip.to_owned());
    }

    fn refund(&self, _trip: &str) {
        self.refunds.fetch_add(1, Ordering::Relaxed);
    }
}
