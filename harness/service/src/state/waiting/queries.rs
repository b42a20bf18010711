//! The queries that have no answer yet.

use std::collections::BTreeMap;

use crate::{
    api::query::WorkflowQuery,
    base::identifiers::{RequestId, RunKey},
};

/// How long before its deadline a query that no worker took is told so, if none polls
/// (`temporalio/temporal: service/matching/pri_matcher.go`, `returnEmptyTaskTimeBudget`).
const NO_POLLER_BUDGET_MS: u64 = 1_000;

/// A query that has no answer yet.
#[derive(Clone, Debug)]
pub(crate) struct PendingQuery {
    pub(crate) request: RequestId,
    pub(crate) run: RunKey,
    pub(crate) query: WorkflowQuery,
    /// When its caller waits no longer, if ever.
    pub(crate) deadline_ms: Option<u64>,
    /// Where it is, if it does not wait for a workflow task.
    pub(crate) sent: Option<Sent>,
    /// When the next thing about it falls due.
    pub(crate) armed_ms: Option<u64>,
}

/// A query on its way to a worker, or with one.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) queue: String,
    /// How many times it was sent before: a worker that has it from an earlier time answers too
    /// late.
    pub(crate) ordinal: u32,
    /// Until when the sticky worker may take it and answer it.
    pub(crate) sticky_deadline_ms: Option<u64>,
    pub(crate) is_taken: bool,
    /// Whether a lack of workers has been looked for.
    pub(crate) looked_for_poller: bool,
}

impl PendingQuery {
    /// When the next thing about it falls due: the sticky worker is given up, no worker is there,
    /// or its caller goes.
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

    /// The query of a caller that is still there.
    pub(crate) fn of(&self, request: RequestId) -> Option<u64> {
        self.pending
            .iter()
            .find(|(_, pending)| pending.request == request)
            .map(|(query, _)| *query)
    }

    /// The query that a worker got when it was sent for the time of this ordinal, if that was the
    /// last time.
    pub(crate) fn sent(&self, query: u64, ordinal: u32) -> Option<&PendingQuery> {
        self.get(query).filter(|pending| {
            pending
                .sent
                .as_ref()
                .is_some_and(|sent| sent.ordinal == ordinal)
        })
    }
}
