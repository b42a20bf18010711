//! Pages of a run's history, and the tokens that lead from one to the next.

use std::sync::Arc;

use tonic::Status;

use crate::{api::HistoryEvent, identifiers::RunKey, run::Run};

/// Which events come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HistoryToken {
    pub(crate) run: RunKey,
    /// The first event of the page.
    pub(crate) first_event_id: i64,
    /// The event after the last one that the token leads to.
    pub(crate) end_event_id: i64,
    /// Whether events of the started task that are not in history follow, for the worker that has
    /// the task.
    pub(crate) with_transient: bool,
    /// Whether, at the end, the reader waits for events that are not there yet.
    pub(crate) is_waiting: bool,
}

const LENGTH: usize = 4 + 8 + 8 + 1;

impl HistoryToken {
    /// All events from here on, and those of the started workflow task.
    pub(crate) fn for_workflow_task(run: &Run, first_event_id: i64) -> Self {
        Self {
            run: run.key,
            first_event_id,
            end_event_id: run.history.next_event_id(),
            with_transient: true,
            is_waiting: false,
        }
    }

    /// At most this many events, and the token of the rest.
    pub(crate) fn page(
        self,
        run: &Run,
        size: usize,
        identity: &str,
    ) -> (Vec<Arc<HistoryEvent>>, Option<Self>) {
        let all = run.history.events();
        let index = |event_id: i64| usize::try_from(event_id - 1).unwrap_or(0).min(all.len());
        let (start, end) = (index(self.first_event_id), index(self.end_event_id));
        let page_end = end.min(start.saturating_add(size.max(1)));
        let mut events = all[start.min(page_end)..page_end].to_vec();
        if page_end < end {
            let first_event_id = i64::try_from(page_end).unwrap_or(i64::MAX) + 1;
            return (
                events,
                Some(Self {
                    first_event_id,
                    ..self
                }),
            );
        }
        if self.with_transient {
            events.extend(
                run.transient_workflow_task_events(identity)
                    .into_iter()
                    .map(Arc::new),
            );
        }
        (events, None)
    }

    pub(crate) fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend(self.run.0.to_le_bytes());
        bytes.extend(self.first_event_id.to_le_bytes());
        bytes.extend(self.end_event_id.to_le_bytes());
        bytes.push(u8::from(self.with_transient) | u8::from(self.is_waiting) << 1);
        bytes
    }

    /// # Errors
    ///
    /// INVALID_ARGUMENT, in the server's words, for a token that is not ours.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Status> {
        Self::parse(bytes).ok_or_else(|| Status::invalid_argument("Invalid NextPageToken."))
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != LENGTH {
            return None;
        }
        Some(Self {
            run: RunKey(u32::from_le_bytes(bytes[..4].try_into().ok()?)),
            first_event_id: i64::from_le_bytes(bytes[4..12].try_into().ok()?),
            end_event_id: i64::from_le_bytes(bytes[12..20].try_into().ok()?),
            with_transient: bytes[20] & 1 != 0,
            is_waiting: bytes[20] & 2 != 0,
        })
    }
}
