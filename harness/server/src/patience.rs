//! The time after which a wait ends, by RPC.
//!
//! Sources: `temporalio/temporal: service/matching/matching_engine.go` (polls for tasks, and
//! queries that no worker polls for), `service/history/api/get_workflow_util.go` (events),
//! `service/history/api/updateworkflow/api.go` and `pollupdate/api.go` (updates).

use std::time::Duration;

use durasim_service::{Rpc, time::grpc_timeout};
use http::HeaderMap;

/// The time for which a poll for a task waits (`matching.longPollExpirationInterval`).
const TASK_POLL: Duration = Duration::from_mins(1);
/// The time for which a caller waits for events or for an update
/// (`history.longPollExpirationInterval`).
const LONG_POLL: Duration = Duration::from_secs(20);
/// The time before a poller's deadline at which it gets its empty answer
/// (`returnEmptyTaskTimeBudget`).
const TASK_BUDGET: Duration = Duration::from_secs(1);
/// The time before a caller's deadline at which it gets an empty page of events
/// (`DefaultLongPollBuffer`).
const EVENTS_BUDGET: Duration = Duration::from_secs(2);

/// The times at which a wait ends, from its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Patience {
    /// The time after which the service answers with what there is.
    pub(crate) expires: Option<Duration>,
    /// The time after which the caller has gone.
    pub(crate) deadline: Option<Duration>,
}

impl Patience {
    /// Returns the patience with a request of this RPC whose caller waits this long.
    pub(crate) fn with(rpc: Rpc, timeout: Option<Duration>) -> Self {
        let before_deadline = |budget| timeout.map(|timeout| timeout.saturating_sub(budget));
        let expires = match rpc {
            Rpc::PollWorkflowTaskQueue | Rpc::PollActivityTaskQueue | Rpc::PollNexusTaskQueue => {
                Some(before_deadline(TASK_BUDGET).map_or(TASK_POLL, |it| it.min(TASK_POLL)))
            }
            Rpc::GetWorkflowExecutionHistory
            | Rpc::PollActivityExecution
            | Rpc::DescribeActivityExecution
            | Rpc::PollNexusOperationExecution
            | Rpc::DescribeNexusOperationExecution => {
                Some(before_deadline(EVENTS_BUDGET).map_or(LONG_POLL, |it| it.min(LONG_POLL)))
            }
            Rpc::UpdateWorkflowExecution
            | Rpc::PollWorkflowExecutionUpdate
            | Rpc::ExecuteMultiOperation => Some(LONG_POLL),
            Rpc::QueryWorkflow => before_deadline(TASK_BUDGET),
            _ => None,
        };
        Self {
            expires,
            deadline: timeout,
        }
    }
}

/// Returns the time that the caller waits, from the header `grpc-timeout`.
pub(crate) fn timeout(headers: &HeaderMap) -> Option<Duration> {
    grpc_timeout(headers.get("grpc-timeout")?.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn a_timeout_is_read_as_grpc_writes_it() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", value.parse().ok()?);
            timeout(&headers)
        };
        assert_eq!(read("30000000u"), Some(Duration::from_secs(30)));
        assert_eq!(read("70S"), Some(Duration::from_secs(70)));
        assert_eq!(read("2M"), Some(Duration::from_mins(2)));
        assert_eq!(read("99999999H"), Some(Duration::from_hours(99_999_999)));
        for garbage in ["", "S", "1", "1x", "-1S", "999999999S"] {
            assert_eq!(read(garbage), None, "{garbage}");
        }
        assert_eq!(timeout(&HeaderMap::new()), None);
    }

    #[test]
    fn a_poll_ends_a_second_before_its_caller_gives_up() {
        let patience = Patience::with(Rpc::PollActivityTaskQueue, Some(Duration::from_secs(30)));
        assert_eq!(patience.expires, Some(Duration::from_secs(29)));
        let patience = Patience::with(Rpc::PollActivityTaskQueue, Some(Duration::from_secs(70)));
        assert_eq!(patience.expires, Some(Duration::from_mins(1)));
    }

    #[test]
    fn a_request_that_does_not_wait_has_only_its_deadline() {
        let patience = Patience::with(Rpc::StartWorkflowExecution, Some(Duration::from_secs(10)));
        assert_eq!(patience.expires, None);
        assert_eq!(patience.deadline, Some(Duration::from_secs(10)));
    }
}
