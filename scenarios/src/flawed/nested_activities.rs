//! `fan_out`, but each region is asked by an activity that waits for the region's workflow.

use std::time::Duration;

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder},
    workflows::join_all,
};

use crate::{
    fan_out::workflow::{Figures, RegionWorkflow, Regions},
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// Asks every region at once.
#[workflow]
#[derive(Default)]
pub struct SurveyWorkflow;

#[workflow_methods]
impl SurveyWorkflow {
    /// Returns the sum of the sales of all regions.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, regions: Vec<String>) -> WorkflowResult<u64> {
        let ctx = &*ctx;
        let options = || ActivityOptions::start_to_close_timeout(Duration::from_mins(10));
        let asked = regions
            .into_iter()
            .map(|region| ctx.execute_activity(Survey::ask, region, options()));
        let mut total = 0;
        for sold in join_all(asked).await {
            total += sold?;
        }
        Ok(total)
    }
}

/// The steps of a survey.
pub struct Survey;

#[activities]
impl Survey {
    /// Returns the sales of a region, which its workflow asks for.
    #[activity]
    pub async fn ask(ctx: ActivityContext, region: String) -> Result<u64, ActivityError> {
        let workflow_id = format!("region-{region}");
        let asked = ctx
            .client()
            .start_workflow(RegionWorkflow::run, region, on("surveys", &workflow_id))
            .await?;
        // The flaw: the activity keeps its slot while the region's activity waits for one.
        Ok(asked
            .get_result(WorkflowGetResultOptions::default())
            .await?)
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/nested_activities",
    about: "activities wait for workflows whose activities need their slots",
    flaw: Some(Flaw {
        twin: "fan_out",
        code: FailureCode::Stuck,
        faults: 0,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![SurveyWorkflow, RegionWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let slots = FixedSizeSlotSupplier::new(2);
    let tuner = TunerHolder::builder()
        .workflow_task_slot_supplier(slots)
        .activity_task_slot_supplier(slots)
        .local_activity_task_slot_supplier(slots)
        .nexus_task_slot_supplier(slots)
        .build();
    env.worker("surveys")
        .implementer(Regions::new(env.shared(Tens)))
        .activity(Survey::ask)
        .activity(Regions::sales)
        .workflow::<SurveyWorkflow>()
        .workflow::<RegionWorkflow>()
        .tuner(tuner)
        .start()?;

    let regions: Vec<_> = ["north", "south"].map(str::to_owned).into();
    let survey = env
        .client()
        .start_workflow(SurveyWorkflow::run, regions, on("surveys", "survey-1"))
        .await?;
    assert_eq!(
        survey
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        20
    );
    Ok(())
}

/// Every region has sold ten.
struct Tens;

impl Figures for Tens {
    fn sales(&self, _region: &str) -> Option<u64> {
        Some(10)
    }
}
