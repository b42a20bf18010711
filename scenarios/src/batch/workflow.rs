//! Many pages, read one after another; a page that cannot be read does not affect the others.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, WorkflowContext, WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// The source of the pages.
pub trait Library: Send + Sync {
    /// Returns the page called `name`.
    ///
    /// # Errors
    ///
    /// If there is no such page, or if the library is closed at the moment.
    fn page(&self, name: &str) -> Result<String, LibraryError>;
}

/// The reason why a page cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// There is no such page; a retry fails too.
    #[error("no page {0}")]
    NotFound(String),
    /// The library is closed; a retry may succeed.
    #[error("the library is closed")]
    Closed,
}

/// The result of a batch; every requested page is in exactly one of the two lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchReport {
    /// The pages that were read, in the order of the request.
    pub read: Vec<String>,
    /// The names of the pages that were not read, each with the reason.
    pub failed: Vec<(String, String)>,
}

/// Reads pages in turn and keeps them in its state.
#[workflow]
#[derive(Default)]
pub struct BatchWorkflow {
    report: BatchReport,
}

#[workflow_methods]
impl BatchWorkflow {
    /// Reads the pages called `names`.
    #[run]
    pub async fn run(
        ctx: &mut WorkflowContext<Self>,
        names: Vec<String>,
    ) -> WorkflowResult<BatchReport> {
        for name in names {
            let page = ctx
                .execute_activity(
                    Pages::read,
                    name.clone(),
                    ActivityOptions::with_start_to_close_timeout(Duration::from_mins(2))
                        .retry_policy(RetryPolicy::builder().maximum_attempts(3).build())
                        .build(),
                )
                .await;
            ctx.state_mut(|state| match page {
                Ok(page) => state.report.read.push(page),
                Err(error) => {
                    let reason = error
                        .cause()
                        .map_or_else(|| error.to_string(), ToString::to_string);
                    state.report.failed.push((name, reason));
                }
            });
        }
        Ok(ctx.state(|state| state.report.clone()))
    }

    /// Returns the report so far.
    #[query]
    pub fn progress(&self, _ctx: &WorkflowContextView) -> BatchReport {
        self.report.clone()
    }
}

/// The reading of pages, the only effect of a batch on the outside.
pub struct Pages {
    library: Arc<dyn Library>,
}

impl Pages {
    /// Returns activities that read from `library`.
    pub fn new(library: Arc<dyn Library>) -> Self {
        Self { library }
    }
}

#[activities]
impl Pages {
    /// Returns the text of one page; a page that does not exist is not retried.
    #[activity]
    pub async fn read(
        self: Arc<Self>,
        _ctx: ActivityContext,
        name: String,
    ) -> Result<String, ActivityError> {
        self.library.page(&name).map_err(|error| match error {
            LibraryError::NotFound(_) => {
                ActivityError::application(ApplicationFailure::non_retryable(error))
            }
            LibraryError::Closed => ActivityError::from(error),
        })
    }
}
