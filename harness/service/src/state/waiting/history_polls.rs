//! The long polls that wait for events of a run.

use crate::{base::identifiers::RequestId, run::token::HistoryToken};

/// A long poll that waits for events of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HistoryPoll {
    pub(crate) id: RequestId,
    pub(crate) token: HistoryToken,
    pub(crate) page_size: usize,
    pub(crate) close_event_only: bool,
    /// Whether events of a pending workflow task that history does not hold are told too.
    pub(crate) with_pending: bool,
}
