//! The answer of a handler to a request.

use tonic::Status;

use crate::messages::request::Response;

/// The answer of a handler.
pub(crate) enum Answer {
    Now(Response),
    /// The reply comes later.
    Later,
}

impl<T: Into<Response>> From<T> for Answer {
    fn from(response: T) -> Self {
        Self::Now(response.into())
    }
}

pub(crate) type Handled = Result<Answer, Status>;
