//! Replies of the service.

use tonic::Status;

use crate::{base::identifiers::RequestId, messages::request::Response};

/// The reply to a request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The id of the request.
    pub id: RequestId,
    /// The response, or the gRPC status that the server would answer with.
    ///
    /// A status may have a [`Reason`](crate::Reason).
    pub result: Result<Response, Status>,
}
