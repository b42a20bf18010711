//! A test's handle to an operation that it handles.

use std::{fmt, future::Future, rc::Rc};

use futures::future::LocalBoxFuture;
use temporalio_common::data_converters::{DataConverter, TemporalSerializable};
use temporalio_protos::temporal::api::{common::v1::Payload, failure::v1::Failure};
use tonic::Status;

use super::{
    NexusCallRecord, NexusCancelCall, NexusCancelRecord, NexusError,
    handler::{Ended, Handler, coded, encode},
    record::NexusCalls,
};

/// Why the end of a started operation reached nobody.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NexusCompletionError {
    /// No operation was started under this token.
    #[error("no operation {operation} was started as `{token}`")]
    Unknown {
        /// `service/operation`, and its endpoint.
        operation: String,
        /// The token.
        token: String,
    },
    /// The result cannot be written.
    #[error("the result cannot be written: {0}")]
    Unwritable(String),
    /// Nobody waits for it any more: the operation has ended otherwise, or the workflow has closed.
    #[error("the service does not take the end of the operation: {}", .0.message())]
    Refused(Status),
}

/// An operation that the test handles: see [`nexus_operation`].
///
/// A light handle, to be cloned into actors and activities.
///
/// [`nexus_operation`]: crate::TestWorkflowEnvironment::nexus_operation
#[derive(Clone)]
pub struct NexusOperation {
    pub(crate) endpoint: Rc<str>,
    pub(crate) service: Rc<str>,
    pub(crate) operation: Rc<str>,
    pub(crate) host: Rc<dyn NexusHost>,
}

/// The world in which operations are handled.
pub(crate) trait NexusHost {
    /// Changes the handler of an operation, or reads it.
    fn with_handler(&self, operation: &NexusOperation, change: &mut dyn FnMut(&mut Handler));

    /// Returns the log of everything that handlers were asked.
    fn calls(&self) -> NexusCalls;

    /// Tells the service how a started operation ended; `None` if none was started under this
    /// token.
    fn end(
        &self,
        operation: &NexusOperation,
        token: &str,
        ended: Result<Payload, Box<Failure>>,
    ) -> Option<LocalBoxFuture<'static, Result<(), Status>>>;
}

impl fmt::Debug for NexusOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NexusOperation")
            .field("endpoint", &self.endpoint)
            .field("service", &self.service)
            .field("operation", &self.operation)
            .finish_non_exhaustive()
    }
}

impl NexusOperation {
    /// Handles requests to cancel with a closure. Without one, the handler accepts the request, the
    /// call's [`cancelled`](super::NexusCall::cancelled) resolves, and the rest is up to the code
    /// that completes the operation. An error refuses the request, or has it sent again.
    ///
    /// # Panics
    ///
    /// If the world of the operation has ended.
    #[track_caller]
    #[expect(
        clippy::return_self_not_must_use,
        reason = "the handler is changed, whoever keeps the handle"
    )]
    pub fn on_cancel<F, R>(self, handler: F) -> Self
    where
        F: Fn(NexusCancelCall) -> R + 'static,
        R: Future<Output = Result<(), NexusError>> + 'static,
    {
        self.change(|it| it.on_cancel = Some(Rc::new(move |call| Box::pin(handler(call)))));
        self
    }

    /// Sets the converter that reads inputs and writes results; usually that of the workflow's
    /// worker.
    ///
    /// # Panics
    ///
    /// If the world of the operation has ended.
    #[track_caller]
    #[expect(
        clippy::return_self_not_must_use,
        reason = "the handler is changed, whoever keeps the handle"
    )]
    pub fn data_converter(self, converter: DataConverter) -> Self {
        self.change(|it| it.converter = converter);
        self
    }

    #[track_caller]
    fn change(&self, change: impl FnOnce(&mut Handler)) {
        let mut change = Some(change);
        self.host.with_handler(self, &mut |handler| {
            if let Some(change) = change.take() {
                change(handler);
            }
        });
    }

    /// Every request to start the operation that reached the handler, in the order in which they
    /// did.
    pub fn calls(&self) -> Vec<NexusCallRecord> {
        self.host
            .calls()
            .starts(&self.endpoint, &self.service, &self.operation)
    }

    /// Every request to cancel the operation that reached the handler, in the order in which they
    /// did.
    pub fn cancel_calls(&self) -> Vec<NexusCancelRecord> {
        self.host
            .calls()
            .cancels(&self.endpoint, &self.service, &self.operation)
    }

    /// Completes the operation that was started under this token.
    ///
    /// # Errors
    ///
    /// If there is none, if the result cannot be written, or if nobody waits for it any more.
    pub async fn complete<T: TemporalSerializable + 'static>(
        &self,
        token: &str,
        result: T,
    ) -> Result<(), NexusCompletionError> {
        let converter = self.converter();
        let payload = encode(&converter, &result).map_err(NexusCompletionError::Unwritable)?;
        let payload = coded(payload, &converter)
            .await
            .map_err(NexusCompletionError::Unwritable)?;
        self.end(token, Ok(Ok(payload))).await
    }

    /// Ends the operation that was started under this token without success:
    /// [`NexusError::failed`], [`NexusError::canceled`] or [`NexusError::application`].
    ///
    /// # Errors
    ///
    /// If there is none, or if nobody waits for it any more.
    pub async fn fail(&self, token: &str, error: NexusError) -> Result<(), NexusCompletionError> {
        self.end(token, Ok(Err(error.into_ending(&self.converter()))))
            .await
    }

    fn converter(&self) -> DataConverter {
        let mut converter = DataConverter::default();
        self.host.with_handler(self, &mut |handler| {
            converter = handler.converter.clone();
        });
        converter
    }

    pub(crate) async fn end(&self, token: &str, ended: Ended) -> Result<(), NexusCompletionError> {
        let ended = ended.map_err(NexusCompletionError::Unwritable)?;
        let Some(call) = self.host.end(self, token, ended) else {
            let operation = format!(
                "{}/{} of endpoint {}",
                self.service, self.operation, self.endpoint
            );
            return Err(NexusCompletionError::Unknown {
                operation,
                token: token.to_owned(),
            });
        };
        call.await.map_err(NexusCompletionError::Refused)
    }
}
