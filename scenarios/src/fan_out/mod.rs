//! A report over three regions, one of which has no figures.

pub mod workflow;

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::WorkflowGetResultOptions;

use crate::{
    scenario::{Scenario, workflows},
    support::on,
};
use workflow::{Figures, RegionWorkflow, Regions, Report, ReportWorkflow};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "fan_out",
    about: "one child workflow per region, all at once; one child fails and the report says so",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![ReportWorkflow, RegionWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("reports")
        .implementer(Regions::new(env.shared(FakeFigures)))
        .activity(Regions::sales)
        .workflow::<ReportWorkflow>()
        .workflow::<RegionWorkflow>()
        .start()?;

    let regions = ["north", "east", "south"].map(str::to_owned).into();
    let report = env
        .client()
        .start_workflow(ReportWorkflow::run, regions, on("reports", "report-1"))
        .await?;
    env.observe_result(&report);

    let report = report
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(
        report,
        Report {
            total: 30,
            missing: vec!["east".to_owned()]
        }
    );
    Ok(())
}

/// The sales of the north and the south.
struct FakeFigures;

impl Figures for FakeFigures {
    fn sales(&self, region: &str) -> Option<u64> {
        match region {
            "north" => Some(10),
            "south" => Some(20),
            _ => None,
        }
    }
}
