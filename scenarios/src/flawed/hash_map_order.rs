//! A workflow that walks through a `HashMap`: on replay the order is another.

use std::{collections::HashMap, time::Duration};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// Writes to everybody on a list.
#[workflow]
#[derive(Default)]
pub struct MailingWorkflow;

#[workflow_methods]
impl MailingWorkflow {
    #[run]
    #[allow(clippy::disallowed_types, reason = "the order of a HashMap is the flaw")]
    pub async fn run(ctx: &mut WorkflowContext<Self>, readers: Vec<String>) -> WorkflowResult<usize> {
        // The flaw: a `BTreeMap` or the list itself has an order, this has a new one in every process.
        let greetings: HashMap<String, String> =
            readers.into_iter().map(|reader| (reader.clone(), format!("Dear {reader}"))).collect();
        for greeting in greetings.values() {
            let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
            ctx.execute_activity(Mail::send, greeting.clone(), options).await?;
        }
        Ok(greetings.len())
    }
}

/// Sending mail.
pub struct Mail;

#[activities]
impl Mail {
    #[activity]
    pub async fn send(_ctx: ActivityContext, _letter: String) -> Result<(), ActivityError> {
        Ok(())
    }
}
