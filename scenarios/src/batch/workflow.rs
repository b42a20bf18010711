//! Many pages, one after another; a page that cannot be had does not spoil the others.

use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, WorkflowContext, WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// Where pages come from.
pub trait Library: Send + Sync {
    /// The page called `name`.
    ///
    /// # Errors
    ///
    /// When there is no such page, or when the library is closed just now.
    fn page(&self, name: &str) -> Result<String, LibraryError>;
}

/// Why a page could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// There is none; asking again changes nothing.
    #[error("no page {0}")]
    NotFound(String),
    /// Not just now.
    #[error("the library is closed")]
    Closed,
}

/// What a batch came to: every page asked for is in exactly one of the two.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchReport {
    /// The pages that were read, in the order asked for.
    pub read: Vec<String>,
    /// The names of those that were not, each with the reason.
    pub failed: Vec<(String, String)>,
}

/// Reads pages in turn, keeping what it has in its state.
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

    /// What there is so far.
    #[query]
    pub fn progress(&self, _ctx: &WorkflowContextView) -> BatchReport {
        self.report.clone()
    }
}

/// Reading, which is all that a batch does to the world.
pub struct Pages {
    library: Arc<dyn Library>,
}

impl Pages {
    /// Activities that read from `library`.
    pub fn new(library: Arc<dyn Library>) -> Self {
        Self { library }
    }
}

#[activities]
impl Pages {
    /// The text of one page. A page that does not exist is not asked for again.
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
