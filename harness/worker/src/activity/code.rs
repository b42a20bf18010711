//! The code of an attempt.

use std::{any::Any, sync::Arc};

use futures::future::BoxFuture;
use temporalio_common::ActivityError;
use temporalio_protos::temporal::api::common::v1::Payload;

use super::context::AttemptContext;

/// The instance that an activity with a receiver is called on.
pub(super) type Instance = Arc<dyn Any + Send + Sync>;

/// A closure that runs activity code on its input. It returns every failure as an error, also that
/// of decoding the input.
pub(super) type Invocation =
    Arc<dyn Fn(Option<Instance>, Vec<Payload>, Arc<AttemptContext>) -> Invoked + Send + Sync>;

/// The future that an [`Invocation`] returns.
pub(super) type Invoked = BoxFuture<'static, Result<Payload, ActivityError>>;

/// The code that an attempt runs: that of an activity, or its mock.
pub(super) struct Code {
    pub(super) is_mock: bool,
    pub(super) instance: Option<Instance>,
    pub(super) invoke: Invocation,
}

impl Code {
    /// Calls the code on its input.
    pub(super) fn invoke(&self, input: Vec<Payload>, context: Arc<AttemptContext>) -> Invoked {
        (self.invoke)(self.instance.clone(), input, context)
    }
}
