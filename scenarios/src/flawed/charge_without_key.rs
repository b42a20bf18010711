//! `payment`, but each attempt charges under a key of its own: an attempt too many is a charge too many.

use crate::payment::workflow::{Bank, Order};
use std::sync::Arc;
use temporalio_macros::activities;
use temporalio_sdk::{
    ApplicationFailure,
    activities::{ActivityContext, ActivityError},
};

/// The activities of `payment`, under the same names.
pub struct Payments {
    bank: Arc<dyn Bank>,
}

#[activities]
impl Payments {
    #[activity]
    pub async fn charge(
        self: Arc<Self>,
        ctx: ActivityContext,
        order: Order,
    ) -> Result<String, ActivityError> {
        // The flaw: the key must not depend on the attempt.
        let idempotency_key = format!("{}-{}", order.id, ctx.info().attempt);
        self.bank
            .charge(&idempotency_key, order.amount)
            .map_err(|declined| ActivityError::application(ApplicationFailure::non_retryable(declined)))
    }

    #[activity]
    pub async fn send_receipt(
        self: Arc<Self>,
        _ctx: ActivityContext,
        reference: String,
    ) -> Result<(), ActivityError> {
        self.bank.send_receipt(&reference);
        Ok(())
    }
}
