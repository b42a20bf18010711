//! Results of handlers.

use std::{fmt, future::Future};

use futures::future::LocalBoxFuture;
use temporalio_common::data_converters::{DataConverter, TemporalSerializable};

use super::{
    error::NexusError,
    handler::{Answer, Ended, coded, encode},
};

type Ending = Box<dyn FnOnce(DataConverter) -> LocalBoxFuture<'static, Ended>>;

/// An operation that was started, and completes later.
///
/// Later, that is when the future given to [`completes`](Self::completes) is done, or when the test
/// says so: [`NexusOperation::complete`](super::NexusOperation::complete).
///
/// ```
/// use durasim::prelude::*;
///
/// #[workflow_test]
/// async fn a_receipt_comes_later(env: TestWorkflowEnvironment) {
///     env.nexus_operation("bank", "Accounts", "charge", |call: NexusCall<u64>| async move {
///         let receipt = format!("receipt for {}", call.input);
///         Ok(NexusStarted::new("charge-1").completes(async { Ok(receipt) }))
///     });
/// }
/// ```
pub struct NexusStarted {
    token: String,
    ending: Option<Ending>,
}

impl NexusStarted {
    /// Started, and known by this token from now on. A server takes none that is empty.
    pub fn new(token: impl Into<String>) -> Self {
        Self {
            token: token.into(),
            ending: None,
        }
    }

    /// Ends the operation with a future: it runs on after the handler has answered, in virtual
    /// time, and nothing but the end of the world stops it. If this very operation is started a
    /// second time, the first one goes on in its place.
    #[must_use]
    pub fn completes<T: TemporalSerializable + 'static>(
        self,
        ending: impl Future<Output = Result<T, NexusError>> + 'static,
    ) -> Self {
        let ending: Ending = Box::new(|converter| {
            Box::pin(async move {
                match ending.await {
                    Ok(result) => coded(encode(&converter, &result)?, &converter)
                        .await
                        .map(Ok),
                    Err(error) => Ok(Err(error.into_ending(&converter))),
                }
            })
        });
        Self {
            ending: Some(ending),
            ..self
        }
    }

    fn into_answer(self, converter: &DataConverter) -> Answer {
        let ending = self.ending.map(|ending| ending(converter.clone()));
        Answer::Started {
            token: self.token,
            ending,
        }
    }
}

impl fmt::Debug for NexusStarted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NexusStarted")
            .field("token", &self.token)
            .finish_non_exhaustive()
    }
}

/// A handler's answer, where it is one at times and the other at others.
#[derive(Debug)]
pub enum NexusReply<T> {
    /// The operation is done, with this result.
    Completed(T),
    /// The operation completes later.
    Started(NexusStarted),
}

/// A value that a handler may return: a result, a [`NexusStarted`], or a [`NexusReply`] for either.
pub trait NexusResult: sealed::Sealed {}

impl<T: sealed::Sealed> NexusResult for T {}

/// Keeps [`NexusResult`] to what is here.
pub(crate) mod sealed {
    use super::{Answer, DataConverter, NexusReply, NexusStarted, TemporalSerializable, encode};

    /// An answer, before the codec.
    pub struct Written(pub(crate) Answer);

    pub trait Sealed {
        /// The answer, before the codec.
        ///
        /// # Errors
        ///
        /// Why the result cannot be written.
        fn write(self, converter: &DataConverter) -> Result<Written, String>;
    }

    impl<T: TemporalSerializable + 'static> Sealed for T {
        fn write(self, converter: &DataConverter) -> Result<Written, String> {
            encode(converter, &self).map(|payload| Written(Answer::Completed(payload)))
        }
    }

    impl Sealed for NexusStarted {
        fn write(self, converter: &DataConverter) -> Result<Written, String> {
            Ok(Written(self.into_answer(converter)))
        }
    }

    impl<T: TemporalSerializable + 'static> Sealed for NexusReply<T> {
        fn write(self, converter: &DataConverter) -> Result<Written, String> {
            match self {
                Self::Completed(result) => result.write(converter),
                Self::Started(started) => started.write(converter),
            }
        }
    }
}
