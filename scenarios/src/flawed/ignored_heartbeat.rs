//! `large_file`, but an attempt does not look at how far the last one came: lines are done twice.

use crate::large_file::workflow::options;
use std::{sync::Arc, time::Duration};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// A typist who is paid by the line, each time.
pub trait Typist: Send + Sync {
    /// How many lines the file has.
    fn lines(&self, path: &str) -> u32;

    /// Types a line.
    fn type_line(&self, path: &str, line: u32);
}

/// Transcribes a file.
#[workflow]
#[derive(Default)]
pub struct ForgetfulFileWorkflow;

#[workflow_methods]
impl ForgetfulFileWorkflow {
    /// How many lines were transcribed.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, path: String) -> WorkflowResult<u32> {
        Ok(ctx.execute_activity(ForgetfulFiles::transcribe, path, options()).await?)
    }
}

/// The long-running activity.
pub struct ForgetfulFiles {
    typist: Arc<dyn Typist>,
}

#[activities]
impl ForgetfulFiles {
    #[activity]
    pub async fn transcribe(
        self: Arc<Self>,
        ctx: ActivityContext,
        path: String,
    ) -> Result<u32, ActivityError> {
        let lines = self.typist.lines(&path);
        // The flaw: `ctx.heartbeat_details()` says where to go on.
        for line in 0..lines {
            tokio::time::sleep(Duration::from_secs(10)).await;
            self.typist.type_line(&path, line);
            ctx.record_heartbeat(line + 1).await?;
        }
        Ok(lines)
    }
}
