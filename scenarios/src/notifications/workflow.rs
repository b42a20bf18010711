//! Short look-ups as local activities; the lasting effect is a regular activity.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, LocalActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// A notice to a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The id of the notice, under which it is sent once.
    pub id: String,
    /// The customer.
    pub customer: String,
    /// The subject.
    pub subject: String,
}

/// A notice that is ready to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Letter {
    /// The id of the notice.
    pub id: String,
    /// The address.
    pub address: String,
    /// The text.
    pub text: String,
}

/// An office with a register of addresses and a post room.
pub trait Office: Send + Sync {
    /// Returns a customer's address.
    ///
    /// # Errors
    ///
    /// If the register does not answer; a retry may succeed.
    fn address(&self, customer: &str) -> Result<String, RegisterBusy>;

    /// Sends a letter, once for each id.
    fn send(&self, letter: &Letter);
}

/// The register is busy.
#[derive(Debug, thiserror::Error)]
#[error("the register is busy")]
pub struct RegisterBusy;

/// Sends notices to customers.
#[workflow]
#[derive(Default)]
pub struct NotificationWorkflow;

#[workflow_methods]
impl NotificationWorkflow {
    /// Sends the notices one after another and returns their number.
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

/// The writing and sending of letters.
pub struct Letters {
    office: Arc<dyn Office>,
}

impl Letters {
    /// Returns activities of `office`.
    pub fn new(office: Arc<dyn Office>) -> Self {
        Self { office }
    }
}

#[activities]
impl Letters {
    /// Looks up an address.
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
