//! The long polls that wait for events of a run.

use crate::{base::identifiers::RequestId, run::token::HistoryToken};

/// A long poll that waits for events of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryPoll {
    pub(crate) id: RequestId,
    pub(crate) token: HistoryToken,
    pub(crate) page_size: usize,
    pub(crate) close_event_only: bool,
    /// True if the answer includes the events of a pending workflow task that are not in history.
    pub(crate) with_pending: bool,
}
