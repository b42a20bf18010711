//! A workflow that reads a file: by the time of the replay the file says something else.

use std::{fs, path::PathBuf, sync::Arc, time::Duration};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// Quotes a price at the rate of the day, then publishes the rate of the next.
#[workflow]
pub struct QuoteWorkflow {
    rate_file: PathBuf,
}

impl QuoteWorkflow {
    /// A worker is configured with the file's place.
    pub fn new(rate_file: PathBuf) -> Self {
        Self { rate_file }
    }
}

#[workflow_methods(factory_only)]
impl QuoteWorkflow {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, customer: String) -> WorkflowResult<String> {
        // The flaw: reading is what activities are for, whose result replay remembers.
        let rate = fs::read_to_string(ctx.state(|state| state.rate_file.clone())).unwrap_or_default();
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
        let quote = format!("{customer}: {}", rate.trim());
        let sent = ctx.execute_activity(Rates::send_quote, quote, options.clone()).await?;
        ctx.execute_activity(Rates::publish, "1.25", options).await?;
        Ok(sent)
    }
}

/// Quotes and rates.
pub struct Rates {
    rate_file: PathBuf,
}

#[activities]
impl Rates {
    #[activity]
    pub async fn send_quote(_ctx: ActivityContext, quote: String) -> Result<String, ActivityError> {
        Ok(quote)
    }

    #[activity]
    pub async fn publish(self: Arc<Self>, _ctx: ActivityContext, rate: String) -> Result<(), ActivityError> {
        Ok(fs::write(&self.rate_file, rate)?)
    }
}
