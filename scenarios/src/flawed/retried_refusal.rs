//! A declined card that is tried again and again: the type of the error is spelt otherwise in the policy.

use crate::payment::workflow::{Bank, Order};
use std::{sync::Arc, time::Duration};
use temporalio_common::RetryPolicy;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// Charges a card.
#[workflow]
#[derive(Default)]
pub struct StubbornPaymentWorkflow;

#[workflow_methods]
impl StubbornPaymentWorkflow {
    /// The bank's reference, or `declined`.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, order: Order) -> WorkflowResult<String> {
        // The flaw: types match exactly, and the activity's is `CardDeclined`.
        let retries =
            RetryPolicy::builder().maximum_attempts(10).non_retryable_error_types(["cardDeclined"]).build();
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(10))
            .retry_policy(retries)
            .build();
        let charged = ctx.execute_activity(StubbornPayments::charge, order, options).await;
        Ok(charged.unwrap_or_else(|_| "declined".to_owned()))
    }
}

/// Charging.
pub struct StubbornPayments {
    bank: Arc<dyn Bank>,
}

#[activities]
impl StubbornPayments {
    #[activity]
    pub async fn charge(
        self: Arc<Self>,
        _ctx: ActivityContext,
        order: Order,
    ) -> Result<String, ActivityError> {
        self.bank.charge(&order.id, order.amount).map_err(|declined| {
            let failure = ApplicationFailure::builder(declined).type_name("CardDeclined".to_owned()).build();
            ActivityError::application(failure)
        })
    }
}
