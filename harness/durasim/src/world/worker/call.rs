//! The requests of worker processes.

use durasim_worker::HistoryFetch;

use super::polls::PollKind;

/// A request that a worker process has sent.
#[derive(Debug)]
pub(crate) enum WorkerCall {
    Poll(PollKind),
    CompleteWorkflowTask {
        run_id: String,
    },
    FetchHistory {
        fetch: HistoryFetch,
    },
    Heartbeat {
        token: Vec<u8>,
    },
    /// A request whose answer the worker does not act on.
    Report,
}
