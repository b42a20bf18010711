//! A page is fetched and processed, from a site that rejects the first request.

pub mod workflow;

use std::sync::atomic::{AtomicU32, Ordering};

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::WorkflowGetResultOptions;

use crate::{
    scenario::{Scenario, workflows},
    support::on,
};
use workflow::{FetchAndProcessWorkflow, Pages, Site, SiteUnavailable};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "fetch_and_process",
    about: "two activities in turn; the site is down at first, and the activity is retried",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![FetchAndProcessWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let site = env.shared(FlakySite::default());
    env.worker("pages")
        .implementer(Pages::new(site.clone()))
        .activity(Pages::fetch)
        .activity(Pages::process)
        .workflow::<FetchAndProcessWorkflow>()
        .start()?;

    let handle = env
        .client()
        .start_workflow(
            FetchAndProcessWorkflow::run,
            "https://example.com/greeting".to_owned(),
            on("pages", "fetch-1"),
        )
        .await?;
    env.observe_result(&handle);
    let processed = handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;

    assert_eq!(processed, "HELLO FROM HTTPS://EXAMPLE.COM/GREETING");
    assert!(
        site.requests.load(Ordering::Relaxed) >= 2,
        "the first request fails"
    );
    Ok(())
}

/// A site that is down for the first request.
#[derive(Default)]
struct FlakySite {
    requests: AtomicU32,
}

impl Site for FlakySite {
    fn get(&self, url: &str) -> Result<String, SiteUnavailable> {
        match self.requests.fetch_add(1, Ordering::Relaxed) {
            0 => Err(SiteUnavailable {
                url: url.to_owned(),
            }),
            _ => Ok(format!("  hello from {url}\n")),
        }
    }
}
