//! A file too long for one attempt: the activity heartbeats its progress and resumes from it.

use std::{sync::Arc, time::Duration};

use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// The archive that holds files and transcripts.
pub trait Archive: Send + Sync {
    /// Returns the number of lines of the file.
    fn lines(&self, path: &str) -> u32;

    /// Stores the transcript of one line. The line's number is its key: storing a line again
    /// replaces it.
    fn store(&self, path: &str, line: u32);
}

/// Transcribes a file.
#[workflow]
#[derive(Default)]
pub struct LargeFileWorkflow;

#[workflow_methods]
impl LargeFileWorkflow {
    /// Returns the number of lines of the file at `path` that were transcribed.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, path: String) -> WorkflowResult<u32> {
        let lines = ctx
            .execute_activity(Files::transcribe, path, options())
            .await?;
        Ok(lines)
    }
}

/// Returns options with an hour for the whole file and half a minute to notice a dead worker.
pub fn options() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_hours(1))
        .heartbeat_timeout(Duration::from_secs(30))
        .retry_policy(
            RetryPolicy::builder()
                .maximum_interval(Duration::from_secs(10))
                .build(),
        )
        .build()
}

/// The long-running activity.
pub struct Files {
    archive: Arc<dyn Archive>,
}

impl Files {
    /// Returns activities that work on `archive`.
    pub fn new(archive: Arc<dyn Archive>) -> Self {
        Self { archive }
    }
}

#[activities]
impl Files {
    /// Transcribes line by line, at ten seconds each, and reports its progress after every line.
    ///
    /// A retry skips the lines that the last attempt reported. It repeats lines that were stored
    /// but not reported, which is why lines are stored by number.
    #[activity]
    pub async fn transcribe(
        self: Arc<Self>,
        ctx: ActivityContext,
        path: String,
    ) -> Result<u32, ActivityError> {
        let done: u32 = ctx.heartbeat_details().deserialize()?.unwrap_or(0);
        let lines = self.archive.lines(&path);
        for line in done..lines {
            if ctx.is_cancelled() {
                return Err(ActivityError::cancelled());
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
            self.archive.store(&path, line);
            ctx.record_heartbeat(line + 1).await?;
        }
        Ok(lines)
    }
}
