//! The answer of a handler.

use tonic::Status;

use crate::messages::request::Response;

/// How a handler answers.
pub(crate) enum Answer {
    Now(Response),
    /// The reply comes when there is something to reply.
    Later,
}

impl<T: Into<Response>> From<T> for Answer {
    fn from(response: T) -> Self {
        Self::Now(response.into())
    }
}

pub(crate) type Handled = Result<Answer, Status>;
