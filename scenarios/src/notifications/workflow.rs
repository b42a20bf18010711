//! Short look-ups as local activities, the one lasting effect as an activity of its own.

use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, LocalActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// What is told to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Which notice; it is sent once under this id.
    pub id: String,
    /// To whom.
    pub customer: String,
    /// About what.
    pub subject: String,
}

/// A notice ready to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The notice's id.
    pub id: String,
    /// Where to.
    pub address: String,
    /// What it says.
    pub text: String,
}

/// Who is where, and what takes letters there.
pub trait Office: Send + Sync {
    /// A customer's address.
    ///
    /// # Errors
    ///
    /// When the register does not answer; asking again may help.
    fn address(&self, customer: &str) -> Result<String, RegisterBusy>;

    /// Sends a letter, once for each id.
    fn send(&self, letter: &Letter);
}

/// The register has no time.
#[derive(Debug, thiserror::Error)]
#[error("the register is busy")]
pub struct RegisterBusy;

/// Tells customers things.
#[workflow]
#[derive(Default)]
pub struct NotificationWorkflow;

#[workflow_methods]
impl NotificationWorkflow {
    /// Sends the notices, one after another; how many there were.
    #[run]
    pub async fn run(
        ctx: &mut WorkflowContext<Self>,
        notices: Vec<Notice>,
    ) -> WorkflowResult<usize> {
        let count = notices.len();
        for notice in notices {
            let address = ctx
                .execute_local_activity(Letters::address, notice.customer.clone(), look_up())
                .await?;
            let text = ctx
                .execute_local_activity(Letters::render, notice.subject, look_up())
                .await?;
            ctx.execute_activity(
                Letters::send,
                Letter {
                    id: notice.id,
                    address,
                    text,
                },
                sending(),
            )
            .await?;
        }
        Ok(count)
    }
}

fn look_up() -> LocalActivityOptions {
    let retries = RetryPolicy::builder()
        .initial_interval(Duration::from_millis(100))
        .maximum_interval(Duration::from_secs(2))
        .build();
    LocalActivityOptions::builder()
        .start_to_close_timeout(Duration::from_secs(2))
        .retry_policy(retries)
        .build()
}

fn sending() -> ActivityOptions {
    ActivityOptions::with_start_to_close_timeout(Duration::from_secs(30))
        .retry_policy(
            RetryPolicy::builder()
                .maximum_interval(Duration::from_secs(30))
                .build(),
        )
        .build()
}

/// Writing and sending.
pub struct Letters {
    office: Arc<dyn Office>,
}

impl Letters {
    /// Activities of `office`.
    pub fn new(office: Arc<dyn Office>) -> Self {
        Self { office }
    }
}

#[activities]
impl Letters {
    /// Looks an address up.
    #[activity]
    pub async fn address(
        self: Arc<Self>,
        _ctx: ActivityContext,
        customer: String,
    ) -> Result<String, ActivityError> {
        Ok(self.office.address(&customer)?)
    }

    /// Writes the text.
    #[activity]
    pub async fn render(_ctx: ActivityContext, subject: String) -> Result<String, ActivityError> {
        Ok(format!("This is about {subject}."))
    }

    /// Sends a letter.
    #[activity]
    pub async fn send(
        self: Arc<Self>,
        _ctx: ActivityContext,
        letter: Letter,
    ) -> Result<(), ActivityError> {
        self.office.send(&letter);
        Ok(())
    }
}
