//! A timer that races a signal: if the timer wins, the signal is forgotten, and a paid seat is
//! lost.

use std::time::Duration;

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::{WorkflowGetResultOptions, WorkflowSignalOptions};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{SyncWorkflowContext, WorkflowContext, WorkflowResult, workflows::select};

use crate::{
    scenario::{Flaw, Scenario, workflows},
    support::{accepted, on},
};

/// The time for which a seat is held.
pub const HOLD: Duration = Duration::from_mins(15);

/// Holds a seat until it is paid for, for at most a quarter of an hour.
#[workflow]
#[derive(Default)]
pub struct SeatWorkflow {
    paid: bool,
}

#[workflow_methods]
impl SeatWorkflow {
    /// Returns `true` if the seat was sold.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<bool> {
        // The flaw: both branches may be ready at once, and then `select!` takes the first. The
        // branch of the timer must check whether the money has arrived.
        select! {
            _ = ctx.timer(HOLD) => Ok(false),
            paid = ctx.wait_condition(|state| state.paid) => {
                paid?;
                Ok(true)
            }
        }
    }

    #[signal]
    pub fn pay(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.paid = true;
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/dropped_loser",
    about: "a timer wins a race against a payment that has arrived, and the payment is forgotten",
    flaw: Some(Flaw {
        twin: "approval",
        code: FailureCode::Panic,
        faults: 1,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![SeatWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("seats").workflow::<SeatWorkflow>().start()?;
    let seat = env
        .client()
        .start_workflow(SeatWorkflow::run, (), on("seats", "seat-1"))
        .await?;
    env.sleep(HOLD.saturating_sub(Duration::from_secs(1))).await;
    let paid = accepted(
        seat.signal(SeatWorkflow::pay, (), WorkflowSignalOptions::default())
            .await,
    )?;
    let sold = seat.get_result(WorkflowGetResultOptions::default()).await?;
    assert!(
        sold || !paid,
        "the payment was accepted, and the seat is gone"
    );
    Ok(())
}
