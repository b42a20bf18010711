//! The activities that all rows share, and the calls by which a test starts a workflow.

#![allow(
    unreachable_pub,
    reason = "workflows and activities as their users ship them"
)]

use durasim::prelude::*;
use temporalio_common::RetryPolicy;
use temporalio_macros::activities;
use temporalio_sdk::{
    ActivityOptions,
    activities::{ActivityContext, ActivityError},
};

pub(crate) const HOUR: Duration = Duration::from_hours(1);

/// Small jobs.
pub struct Work;

#[activities]
impl Work {
    /// Returns what it gets.
    #[activity]
    pub async fn note(_ctx: ActivityContext, note: String) -> Result<String, ActivityError> {
        Ok(note)
    }

    /// Returns what it gets, too.
    #[activity]
    pub async fn post(_ctx: ActivityContext, note: String) -> Result<String, ActivityError> {
        Ok(note)
    }

    /// Fails.
    #[activity]
    pub async fn fail(_ctx: ActivityContext) -> Result<(), ActivityError> {
        Err(ActivityError::from(std::io::Error::other("out of paper")))
    }

    /// Takes a minute.
    #[activity]
    pub async fn slow(_ctx: ActivityContext) -> Result<(), ActivityError> {
        tokio::time::sleep(Duration::from_mins(1)).await;
        Ok(())
    }
}

/// Options with half a minute for each attempt.
pub(crate) fn briefly() -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(Duration::from_secs(30))
}

/// Options with half a minute for each of so many attempts.
pub(crate) fn at_most(attempts: u32) -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(30))
        .retry_policy(RetryPolicy::builder().maximum_attempts(attempts).build())
        .build()
}

/// Options of a workflow `w-1` on the task queue `shop`.
pub(crate) fn on_shop() -> WorkflowStartOptions {
    WorkflowStartOptions::new("shop", "w-1").build()
}

/// Starts a workflow as `w-1` on the task queue `shop`.
macro_rules! start {
    ($env:expr, $run:expr, $input:expr) => {
        $env.client()
            .start_workflow($run, $input, $crate::shop::on_shop())
            .await?
    };
}

/// Waits for the result of a workflow.
macro_rules! result {
    ($handle:expr) => {
        $handle
            .get_result(durasim::prelude::WorkflowGetResultOptions::default())
            .await?
    };
}

pub(crate) use {result, start};
