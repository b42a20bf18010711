//! A courier who reports each step of a delivery to the workflow that sent it.

use std::time::Duration;

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ChildWorkflowOptions, SignalWorkflowOptions, SyncWorkflowContext,
    WorkflowContext, WorkflowResult, WorkflowTermination,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    scenario::{Scenario, workflows},
    support::on,
};

/// Sends a courier, and keeps what the courier reports.
#[workflow]
#[derive(Default)]
pub struct DeliveryWorkflow {
    reports: Vec<String>,
}

#[workflow_methods]
impl DeliveryWorkflow {
    /// Returns the reports, in the order in which they came.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        let courier = ctx
            .start_child_workflow(
                CourierWorkflow::run,
                ctx.workflow_id().to_owned(),
                ChildWorkflowOptions::workflow_id(format!("{}/courier", ctx.workflow_id())),
            )
            .await?;
        courier.result().await?;
        Ok(ctx.state(|state| state.reports.clone()))
    }

    /// Takes a report.
    #[signal]
    pub fn report(&mut self, _ctx: &mut SyncWorkflowContext<Self>, report: String) {
        self.reports.push(report);
    }
}

/// Delivers a parcel, and reports each step.
#[workflow]
#[derive(Default)]
pub struct CourierWorkflow;

#[workflow_methods]
impl CourierWorkflow {
    /// Ends when everything is reported.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, delivery: String) -> WorkflowResult<()> {
        for step in ["collected", "delivered"] {
            let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(30))
                .retry_policy(
                    RetryPolicy::builder()
                        .maximum_interval(Duration::from_secs(30))
                        .build(),
                )
                .build();
            ctx.execute_activity(Route::reach, step.to_owned(), options)
                .await?;
            // Awaited, so that the reports arrive in this order, and before the end.
            report(ctx, &delivery, step).await?;
        }
        Ok(())
    }
}

async fn report(
    ctx: &WorkflowContext<CourierWorkflow>,
    delivery: &str,
    step: &str,
) -> Result<(), WorkflowTermination> {
    let signal = ctx.external_workflow(delivery, None).signal(
        DeliveryWorkflow::report,
        step.to_owned(),
        SignalWorkflowOptions::default(),
    );
    Ok(signal.await?)
}

/// The way of a courier.
pub struct Route;

#[activities]
impl Route {
    /// Reaches the next place.
    #[activity]
    pub async fn reach(_ctx: ActivityContext, step: String) -> Result<String, ActivityError> {
        Ok(step)
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "delivery",
    about: "a child signals its parent after each step, and awaits each signal",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![DeliveryWorkflow, CourierWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("deliveries")
        .activity(Route::reach)
        .workflow::<DeliveryWorkflow>()
        .workflow::<CourierWorkflow>()
        .start()?;
    let delivery = env
        .client()
        .start_workflow(DeliveryWorkflow::run, (), on("deliveries", "delivery-1"))
        .await?;
    env.observe_result(&delivery);
    let reports = delivery
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(reports, ["collected", "delivered"]);
    Ok(())
}
