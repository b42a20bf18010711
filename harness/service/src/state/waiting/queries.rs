//! The queries that have no answer yet.

use std::collections::BTreeMap;

use crate::{
    api::query::WorkflowQuery,
    base::identifiers::{RequestId, RunKey},
};

/// The time before its deadline at which a query that no worker took is refused, if no worker polls
/// (`temporalio/temporal: service/matching/pri_matcher.go`, `returnEmptyTaskTimeBudget`).
const NO_POLLER_BUDGET_MS: u64 = 1_000;

/// A query that has no answer yet.
#[derive(Clone, Debug)]
pub(crate) struct PendingQuery {
    pub(crate) request: RequestId,
    pub(crate) run: RunKey,
    pub(crate) query: WorkflowQuery,
    /// The deadline of the caller, if it has one.
    pub(crate) deadline_ms: Option<u64>,
    /// The task of the query, unless it waits for a workflow task.
    pub(crate) sent: Option<Sent>,
    /// The due time that is in the run's timers.
    pub(crate) armed_ms: Option<u64>,
}

/// A query that was sent to a worker as a task of its own.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) queue: String,
    /// The number of times that the query was sent before. A worker that has it from an earlier
    /// time answers too late.
    pub(crate) ordinal: u32,
    /// The time until which the sticky worker may take and answer the query.
    pub(crate) sticky_deadline_ms: Option<u64>,
    pub(crate) is_taken: bool,
    /// True if the service has checked that a worker polls.
    pub(crate) looked_for_poller: bool,
}

impl PendingQuery {
    /// Returns the next due time: the sticky worker is given up, the service checks for a worker,
    /// or the caller's deadline passes.
    pub(crate) fn due_ms(&self) -> Option<u64> {
        let sticky_ms = self.sent.as_ref().and_then(|sent| sent.sticky_deadline_ms);
        let untaken = self.sent.as_ref().is_some_and(|sent| {
            !sent.is_taken && !sent.looked_for_poller && sent.sticky_deadline_ms.is_none()
        });
        let no_poller_ms = self
            .deadline_ms
            .filter(|_| untaken)
            .map(|at_ms| at_ms.saturating_sub(NO_POLLER_BUDGET_MS));
        [self.deadline_ms, sticky_ms, no_poller_ms]
            .into_iter()
            .flatten()
            .min()
    }
}

/// The queries that have no answer yet, by ordinal.
#[derive(Debug, Default)]
pub(crate) struct Queries {
    pub(crate) pending: BTreeMap<u64, PendingQuery>,
    pub(crate) last: u64,
}

impl Queries {
    pub(crate) fn get(&self, query: u64) -> Option<&PendingQuery> {
        self.pending.get(&query)
    }

    /// Returns the query of a caller.
    pub(crate) fn of(&self, request: RequestId) -> Option<u64> {
        self.pending
            .iter()
            .find(|(_, pending)| pending.request == request)
            .map(|(query, _)| *query)
    }

    /// Returns `true` if a worker has any query as a task of its own.
    pub(crate) fn any_taken(&self) -> bool {
        let mut sent = self.pending.values().filter_map(|it| it.sent.as_ref());
        sent.any(|sent| sent.is_taken)
    }

    /// Returns the query that was last sent with this ordinal.
    pub(crate) fn sent(&self, query: u64, ordinal: u32) -> Option<&PendingQuery> {
        self.get(query).filter(|pending| {
            pending
                .sent
                .as_ref()
                .is_some_and(|sent| sent.ordinal == ordinal)
        })
    }
}
