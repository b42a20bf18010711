//! Replies of the service.

use tonic::Status;

use crate::{base::identifiers::RequestId, messages::request::Response};

/// An answer to a request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The request that it answers.
    pub id: RequestId,
    /// The response, or the gRPC status that the server would answer with.
    pub result: Result<Response, Status>,
}
