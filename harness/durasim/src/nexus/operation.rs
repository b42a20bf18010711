//! What a test holds of an operation that it handles.

use super::{
    NexusCallRecord, NexusCancelCall, NexusCancelRecord, NexusError,
    handler::{Ended, Handler, coded, encode},
};
use crate::world::World;
use std::{future::Future, rc::Rc};
use temporalio_common::data_converters::{DataConverter, TemporalSerializable};
use tonic::Status;

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
#[derive(Clone, Debug)]
pub struct NexusOperation {
    pub(crate) endpoint: Rc<str>,
    pub(crate) service: Rc<str>,
    pub(crate) operation: Rc<str>,
}

impl NexusOperation {
    /// What the handler does about a request to cancel. Without, it takes the request, the call's
    /// [`cancelled`](super::NexusCall::cancelled) resolves, and the rest is up to whoever completes
    /// the operation. An error refuses the request, or has it sent again.
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

    /// How inputs are read and results written, if not as by default: the converter of the
    /// workflow's worker, mostly.
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
        if let Some(handler) = World::current().state().nexus.handler_mut(self) {
            change(handler);
        }
    }

    /// Every request to start the operation that reached the handler, in the order in which they
    /// did.
    pub fn calls(&self) -> Vec<NexusCallRecord> {
        World::current()
            .state()
            .nexus
            .calls
            .starts(&self.endpoint, &self.service, &self.operation)
    }

    /// Every request to cancel the operation that reached the handler, in the order in which they
    /// did.
    pub fn cancel_calls(&self) -> Vec<NexusCancelRecord> {
        World::current()
            .state()
            .nexus
            .calls
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
        let world = World::current();
        let mut state = world.state();
        state
            .nexus
            .handler_mut(self)
            .map(|handler| handler.converter.clone())
            .unwrap_or_default()
    }

    pub(crate) async fn end(&self, token: &str, ended: Ended) -> Result<(), NexusCompletionError> {
        let ended = ended.map_err(NexusCompletionError::Unwritable)?;
        let call = World::current()
            .state()
            .end_nexus_operation(self, token, ended);
        let Some(call) = call else {
            let operation = format!(
                "{}/{} of endpoint {}",
                self.service, self.operation, self.endpoint
            );
            return Err(NexusCompletionError::Unknown {
                operation,
                token: token.to_owned(),
            });
        };
        call.await.map(drop).map_err(NexusCompletionError::Refused)
    }
}
