//! One report from many regions: one child workflow per region, some of which fail.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, ChildWorkflowOptions, WorkflowContext, WorkflowResult,
    WorkflowTermination,
    activities::{ActivityContext, ActivityError},
    workflows::join_all,
};

/// The source of the figures.
pub trait Figures: Send + Sync {
    /// Returns the sales of a region, if it has reported.
    fn sales(&self, region: &str) -> Option<u64>;
}

/// The sales of all regions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The sum over the regions that have reported.
    pub total: u64,
    /// The regions that have not reported, in the order of the request.
    pub missing: Vec<String>,
}

/// Asks every region at once.
#[workflow]
#[derive(Default)]
pub struct ReportWorkflow;

#[workflow_methods]
impl ReportWorkflow {
    /// Returns the report over `regions`; a region that fails is listed as missing.
    #[run]
    pub async fn run(
        ctx: &mut WorkflowContext<Self>,
        regions: Vec<String>,
    ) -> WorkflowResult<Report> {
        let ctx = &*ctx;
        let sales = join_all(regions.iter().map(|region| region_sales(ctx, region))).await;

        let mut report = Report::default();
        for (region, sold) in regions.into_iter().zip(sales) {
            match sold {
                Ok(sold) => report.total += sold,
                Err(_) => report.missing.push(region),
            }
        }
        Ok(report)
    }
}

async fn region_sales(
    ctx: &WorkflowContext<ReportWorkflow>,
    region: &str,
) -> Result<u64, WorkflowTermination> {
    let child = format!("{}/{region}", ctx.workflow_id());
    let started = ctx
        .start_child_workflow(
            RegionWorkflow::run,
            region,
            ChildWorkflowOptions::workflow_id(child),
        )
        .await?;
    Ok(started.result().await?)
}

/// Asks one region.
#[workflow]
#[derive(Default)]
pub struct RegionWorkflow;

#[workflow_methods]
impl RegionWorkflow {
    /// Returns the sales of the region.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, region: String) -> WorkflowResult<u64> {
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(30))
            .retry_policy(
                RetryPolicy::builder()
                    .maximum_interval(Duration::from_secs(30))
                    .build(),
            )
            .build();
        let sold = ctx
            .execute_activity(Regions::sales, region, options)
            .await?;
        Ok(sold)
    }
}

/// The requests for figures.
pub struct Regions {
    figures: Arc<dyn Figures>,
}

impl Regions {
    /// Returns activities that read `figures`.
    pub fn new(figures: Arc<dyn Figures>) -> Self {
        Self { figures }
    }
}

#[activities]
impl Regions {
    /// Returns the sales of a region. A region that has not reported is not retried.
    #[activity]
    pub async fn sales(
        self: Arc<Self>,
        _ctx: ActivityContext,
        region: String,
    ) -> Result<u64, ActivityError> {
        self.figures.sales(&region).ok_or_else(|| {
            let reason = format!("{region} has not reported");
            ActivityError::application(ApplicationFailure::non_retryable(reason))
        })
    }
}
