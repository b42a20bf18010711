//! A workflow with room for one message: a second one that comes with it takes its place.

use std::{sync::Arc, time::Duration};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflows::select,
};

/// What prints.
pub trait Printer: Send + Sync {
    /// Prints a page; printing it again is printing it once.
    fn print(&self, page: &str);
}

/// Prints pages as they come, until none has come for an hour.
#[workflow]
#[derive(Default)]
pub struct PrintWorkflow {
    next: Option<String>,
}

#[workflow_methods]
impl PrintWorkflow {
    /// How many pages were printed.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        let mut printed = 0;
        loop {
            select! {
                page = ctx.wait_condition(|state| state.next.is_some()) => page?,
                _ = ctx.timer(Duration::from_hours(1)) => return Ok(printed),
            }
            if let Some(page) = ctx.state_mut(|state| state.next.take()) {
                let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
                ctx.execute_activity(Pages::print, page, options).await?;
                printed += 1;
            }
        }
    }

    #[signal]
    pub fn print(&mut self, _ctx: &mut SyncWorkflowContext<Self>, page: String) {
        // The flaw: a queue would keep both.
        self.next = Some(page);
    }
}

/// Printing.
pub struct Pages {
    printer: Arc<dyn Printer>,
}

#[activities]
impl Pages {
    #[activity]
    pub async fn print(self: Arc<Self>, _ctx: ActivityContext, page: String) -> Result<(), ActivityError> {
        self.printer.print(&page);
        Ok(())
    }
}
