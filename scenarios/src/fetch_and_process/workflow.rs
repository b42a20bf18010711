//! A page is fetched, then processed: the smallest useful workflow.

use std::{sync::Arc, time::Duration};

use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// The source of the pages.
pub trait Site: Send + Sync {
    /// Returns the page at `url`.
    ///
    /// # Errors
    ///
    /// If the site does not answer; a retry may succeed.
    fn get(&self, url: &str) -> Result<String, SiteUnavailable>;
}

/// The site did not answer.
#[derive(Debug, thiserror::Error)]
#[error("503 from {url}")]
pub struct SiteUnavailable {
    /// The address that was requested.
    pub url: String,
}

/// Fetches a page and processes its text.
#[workflow]
#[derive(Default)]
pub struct FetchAndProcessWorkflow;

#[workflow_methods]
impl FetchAndProcessWorkflow {
    /// Returns the processed text of the page at `url`.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, url: String) -> WorkflowResult<String> {
        let raw = ctx
            .execute_activity(
                Pages::fetch,
                url,
                ActivityOptions::with_start_to_close_timeout(Duration::from_mins(2))
                    .retry_policy(
                        RetryPolicy::builder()
                            .maximum_interval(Duration::from_secs(30))
                            .build(),
                    )
                    .build(),
            )
            .await?;
        let processed = ctx
            .execute_activity(
                Pages::process,
                raw,
                ActivityOptions::start_to_close_timeout(Duration::from_mins(5)),
            )
            .await?;
        Ok(processed)
    }
}

/// The activities, the only code that touches the outside world.
pub struct Pages {
    site: Arc<dyn Site>,
}

impl Pages {
    /// Returns activities that read from `site`.
    pub fn new(site: Arc<dyn Site>) -> Self {
        Self { site }
    }
}

#[activities]
impl Pages {
    /// Returns the text at `url`.
    #[activity]
    pub async fn fetch(
        self: Arc<Self>,
        _ctx: ActivityContext,
        url: String,
    ) -> Result<String, ActivityError> {
        Ok(self.site.get(&url)?)
    }

    /// Returns the text, trimmed and in capitals.
    #[activity]
    pub async fn process(_ctx: ActivityContext, raw: String) -> Result<String, ActivityError> {
        Ok(raw.trim().to_uppercase())
    }
}
