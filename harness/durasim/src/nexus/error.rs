//! Errors of handlers.

use std::fmt;

use temporalio_common::{
    data_converters::DataConverter,
    error::{ApplicationFailure, OutgoingActivityError, OutgoingError},
};
use temporalio_protos::temporal::api::{
    enums::v1::NexusHandlerErrorRetryBehavior,
    failure::v1::{
        ApplicationFailureInfo, CanceledFailureInfo, Failure, NexusHandlerFailureInfo,
        failure::FailureInfo,
    },
};

use super::handler::CONTEXT;

/// The predefined errors of a Nexus handler; each says whether its caller asks again.
///
/// Source: `nexus-rpc/api: SPEC.md`.
///
/// ```
/// use durasim::prelude::*;
///
/// assert_eq!(NexusHandlerErrorType::Unavailable.name(), "UNAVAILABLE");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NexusHandlerErrorType {
    /// The request makes no sense. Not retried.
    BadRequest,
    /// Nobody knows who asks. Not retried.
    Unauthenticated,
    /// The caller may not ask. Not retried.
    Unauthorized,
    /// There is no such thing. Not retried.
    NotFound,
    /// The handler gave up in the middle. Retried.
    RequestTimeout,
    /// Another operation is in the way. Not retried.
    Conflict,
    /// There is no room for more. Retried.
    ResourceExhausted,
    /// The handler itself is broken. Retried.
    Internal,
    /// The handler cannot do this. Not retried.
    NotImplemented,
    /// The handler is not there now. Retried.
    Unavailable,
    /// A service that the handler depends on was too slow. Retried.
    UpstreamTimeout,
}

impl NexusHandlerErrorType {
    /// The name in the protocol, such as `BAD_REQUEST`.
    pub fn name(self) -> &'static str {
        match self {
            Self::BadRequest => "BAD_REQUEST",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Unauthorized => "UNAUTHORIZED",
            Self::NotFound => "NOT_FOUND",
            Self::RequestTimeout => "REQUEST_TIMEOUT",
            Self::Conflict => "CONFLICT",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::Internal => "INTERNAL",
            Self::NotImplemented => "NOT_IMPLEMENTED",
            Self::Unavailable => "UNAVAILABLE",
            Self::UpstreamTimeout => "UPSTREAM_TIMEOUT",
        }
    }
}

/// An answer of a handler in place of a result.
///
/// Either the *operation* ended without success, which is its last word: [`failed`](Self::failed),
/// [`canceled`](Self::canceled), [`application`](Self::application). Or the *handler* could not do
/// what it was asked for, which its caller may try again: [`handler`](Self::handler). Any other
/// error, by `?`, is an internal error of the handler, and retried.
///
/// ```
/// use durasim::prelude::*;
///
/// let last_word = NexusError::failed("not that much");
/// let asked_again = NexusError::handler(NexusHandlerErrorType::Unavailable, "closed for lunch");
/// # let _ = (last_word, asked_again);
/// ```
#[derive(Debug)]
pub struct NexusError(Kind);

#[derive(Debug)]
enum Kind {
    Failed(String),
    Application(Box<ApplicationFailure>),
    Canceled(String),
    Handler {
        error_type: NexusHandlerErrorType,
        message: String,
        retry: NexusHandlerErrorRetryBehavior,
    },
}

/// An error, as it is sent.
pub(crate) enum SentError {
    /// The end of the operation.
    Operation(Box<Failure>),
    /// The handler's.
    Handler(Box<Failure>),
}

impl NexusError {
    /// The operation failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self(Kind::Failed(message.into()))
    }

    /// The operation failed with a failure of the handler's own type, with details.
    pub fn application(failure: ApplicationFailure) -> Self {
        Self(Kind::Application(Box::new(failure)))
    }

    /// The operation was canceled.
    pub fn canceled(message: impl Into<String>) -> Self {
        Self(Kind::Canceled(message.into()))
    }

    /// The handler could not do what it was asked for.
    pub fn handler(error_type: NexusHandlerErrorType, message: impl Into<String>) -> Self {
        let retry = NexusHandlerErrorRetryBehavior::Unspecified;
        Self(Kind::Handler {
            error_type,
            message: message.into(),
            retry,
        })
    }

    /// An error of the handler that is retried, whatever its type. Other errors stay as they are.
    #[must_use]
    pub fn retryable(self) -> Self {
        self.with_retry(NexusHandlerErrorRetryBehavior::Retryable)
    }

    /// An error of the handler that is not retried, whatever its type. Other errors stay as they
    /// are.
    #[must_use]
    pub fn non_retryable(self) -> Self {
        self.with_retry(NexusHandlerErrorRetryBehavior::NonRetryable)
    }

    fn with_retry(self, retry: NexusHandlerErrorRetryBehavior) -> Self {
        match self.0 {
            Kind::Handler {
                error_type,
                message,
                ..
            } => Self(Kind::Handler {
                error_type,
                message,
                retry,
            }),
            other => Self(other),
        }
    }

    /// The failure that is sent.
    pub(crate) fn into_sent(self, converter: &DataConverter) -> SentError {
        let failure = |message, info| {
            Box::new(Failure {
                message,
                failure_info: Some(info),
                ..Failure::default()
            })
        };
        match self.0 {
            // What the server makes of a failed operation of any other handler.
            Kind::Failed(message) => {
                let info = ApplicationFailureInfo {
                    r#type: "OperationError".to_owned(),
                    non_retryable: true,
                    ..ApplicationFailureInfo::default()
                };
                SentError::Operation(failure(message, FailureInfo::ApplicationFailureInfo(info)))
            }
            Kind::Application(application) => {
                let error =
                    OutgoingError::Activity(OutgoingActivityError::Application(application));
                SentError::Operation(Box::new(converter.to_failure(&CONTEXT, error)))
            }
            Kind::Canceled(message) => {
                let info = FailureInfo::CanceledFailureInfo(CanceledFailureInfo::default());
                SentError::Operation(failure(message, info))
            }
            Kind::Handler {
                error_type,
                message,
                retry,
            } => {
                let info = NexusHandlerFailureInfo {
                    r#type: error_type.name().to_owned(),
                    retry_behavior: retry.into(),
                };
                SentError::Handler(failure(message, FailureInfo::NexusHandlerFailureInfo(info)))
            }
        }
    }

    /// Converts the error to the end of an operation. An error of the handler cannot end one, so
    /// the operation fails with its message.
    pub(crate) fn into_ending(self, converter: &DataConverter) -> Box<Failure> {
        let ending = match self.0 {
            Kind::Handler { message, .. } => Self::failed(message),
            other => Self(other),
        };
        match ending.into_sent(converter) {
            SentError::Operation(failure) | SentError::Handler(failure) => failure,
        }
    }
}

impl<E: std::error::Error> From<E> for NexusError {
    fn from(error: E) -> Self {
        Self::handler(NexusHandlerErrorType::Internal, error.to_string())
    }
}

impl fmt::Display for NexusError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Failed(message) => write!(f, "the operation failed: {message}"),
            Kind::Application(failure) => write!(f, "the operation failed: {failure}"),
            Kind::Canceled(message) => write!(f, "the operation was canceled: {message}"),
            Kind::Handler {
                error_type,
                message,
                ..
            } => write!(f, "{}: {message}", error_type.name()),
        }
    }
}
