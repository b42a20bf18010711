//! Typed reasons for what the service answers and does.
//!
//! The service words its statuses and events as the server does, for people. A program that drives
//! the service recognises a [`Reason`] instead of the words.
//!
//! ```
//! use durasim_service::{Reason, Request, RequestId, Service, ServiceConfig};
//! use temporalio_protos::temporal::api::{
//!     common::v1::WorkflowExecution, query::v1::WorkflowQuery,
//!     workflowservice::v1::QueryWorkflowRequest,
//! };
//!
//! let mut service = Service::new(ServiceConfig::default());
//! let query = QueryWorkflowRequest {
//!     namespace: "default".into(),
//!     execution: Some(WorkflowExecution { workflow_id: "order-1".into(), run_id: "".into() }),
//!     query: Some(WorkflowQuery { query_type: "status".into(), ..WorkflowQuery::default() }),
//!     ..QueryWorkflowRequest::default()
//! };
//! // The deadline of this caller has passed already.
//! service.request_until(1_000, RequestId(1), query.into(), Some(999));
//! let refused = service.take_replies().remove(0).result.unwrap_err();
//! assert_eq!(Reason::of(&refused), Some(Reason::DeadlineExceeded));
//! assert_eq!(Reason::of(&Reason::strip(refused)), None);
//! ```

use std::{error::Error, fmt, sync::Arc};

use tonic::Status;

/// A reason for a status that the service answers with, or for something that it does by itself.
///
/// The reason of a status is the status's source. A status on its way to a caller that stands for a
/// remote client loses it by [`Reason::strip`]: a gRPC connection carries no source, and `Status`
/// prints its source if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// A status: a command closes the run, which has events that its worker has not seen yet. The
    /// next workflow task brings them.
    UnhandledCommand,
    /// A status: commands follow the command that closes the run.
    CommandsAfterClose,
    /// A status: a command schedules a Nexus operation at an endpoint that does not exist.
    UnknownNexusEndpoint,
    /// A status: a command reaches a workflow of a namespace that does not exist.
    UnknownNamespace,
    /// A status: a command unsets a search attribute by an empty payload, which is no value.
    EmptySearchAttribute,
    /// A status: the deadline of a call passed before there was an answer.
    DeadlineExceeded,
    /// A termination: the history of the run exceeded [`Limits::history_events`].
    ///
    /// [`Limits::history_events`]: crate::Limits::history_events
    HistoryTooLong,
    /// A termination: the history of the run exceeded [`Limits::history_bytes`].
    ///
    /// [`Limits::history_bytes`]: crate::Limits::history_bytes
    HistoryTooLarge,
}

impl Reason {
    /// Returns the reason of a status that came from the service, if the status has one.
    pub fn of(status: &Status) -> Option<Self> {
        Error::source(status)?.downcast_ref().copied()
    }

    /// Returns the status as a remote client receives it: without its reason.
    pub fn strip(status: Status) -> Status {
        if Self::of(&status).is_none() {
            return status;
        }
        Status::with_details_and_metadata(
            status.code(),
            status.message(),
            status.details().to_vec().into(),
            status.metadata().clone(),
        )
    }

    /// Returns the status with this reason.
    #[must_use]
    pub fn on(self, mut status: Status) -> Status {
        status.set_source(Arc::new(self));
        status
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::UnhandledCommand => "the run has events that its worker has not seen",
            Self::CommandsAfterClose => "commands follow the one that closes the run",
            Self::UnknownNexusEndpoint => "the Nexus endpoint does not exist",
            Self::UnknownNamespace => "the namespace does not exist",
            Self::EmptySearchAttribute => "the search attribute has an empty payload",
            Self::DeadlineExceeded => "the deadline of the call passed",
            Self::HistoryTooLong => "the history has too many events",
            Self::HistoryTooLarge => "the history has too many bytes",
        })
    }
}

impl Error for Reason {}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn a_status_carries_its_reason_until_it_is_stripped() {
        let status = Status::with_details(Code::InvalidArgument, "words", vec![1].into());
        assert_eq!(Reason::of(&status), None);
        let plain = format!("{status:?}");

        let status = Reason::UnhandledCommand.on(status);
        assert_eq!(Reason::of(&status), Some(Reason::UnhandledCommand));
        assert_eq!(Reason::of(&status.clone()), Some(Reason::UnhandledCommand));

        let status = Reason::strip(status);
        assert_eq!(Reason::of(&status), None);
        assert_eq!(format!("{status:?}"), plain);
    }

    #[test]
    fn the_source_of_another_error_is_no_reason() {
        let mut status = Status::unavailable("the connection broke");
        status.set_source(Arc::new(std::io::Error::other("reset by peer")));
        assert_eq!(Reason::of(&status), None);
        assert!(Error::source(&Reason::strip(status)).is_some());
    }
}
