//! The arguments of a handler's closures.

use std::collections::BTreeMap;

use tokio_util::sync::CancellationToken;

/// One request to start an operation.
///
/// ```
/// use durasim::prelude::*;
///
/// #[workflow_test]
/// async fn a_bank_that_answers(env: TestWorkflowEnvironment) {
///     env.nexus_operation("bank", "Accounts", "charge", |call: NexusCall<u64>| async move {
///         Ok(format!("receipt for {}", call.input))
///     });
/// }
/// ```
#[non_exhaustive]
pub struct NexusCall<Input> {
    /// The input of the operation.
    pub input: Input,
    /// The endpoint that the caller named.
    pub endpoint: String,
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// The request id, the same for every request to start this one operation: with it a handler is
    /// idempotent.
    pub request_id: String,
    /// Counts the requests that reached the handler for this one operation, from 1.
    pub attempt: u32,
    /// The header, keys in lower case: the caller's own fields, and the timeouts.
    pub headers: BTreeMap<String, String>,
    pub(crate) cancel: CancellationToken,
}

impl<Input> NexusCall<Input> {
    /// The header field of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(&name.to_lowercase()).map(String::as_str)
    }

    /// Returns `true` if the caller asked to cancel the operation. A caller asks only once the
    /// operation has started.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Resolves once the caller asks to cancel the operation. What comes of that is for the handler
    /// to say.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }
}

/// One request to cancel an operation that has started.
#[non_exhaustive]
pub struct NexusCancelCall {
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// The token that the handler gave the operation.
    pub token: String,
    /// Counts the requests to cancel this one operation, from 1.
    pub attempt: u32,
    /// The header, keys in lower case.
    pub headers: BTreeMap<String, String>,
}
