//! The failure of a run whose code does not follow its history.

use super::{FailureReport, HistoryExcerpt, WorkflowName, source_lines::user_line};
use durasim_engine::START_MS;
use durasim_worker::Nondeterminism;
use std::sync::Arc;
use temporalio_protos::temporal::api::history::v1::HistoryEvent;

impl FailureReport {
    /// Commands that do not follow history.
    pub(crate) fn nondeterministic(
        name: WorkflowName,
        nondeterminism: &Nondeterminism,
        events: &[Arc<HistoryEvent>],
    ) -> Self {
        let location = nondeterminism.issued_at.as_deref().and_then(user_line);
        if nondeterminism.woken_from_outside {
            let excerpt = HistoryExcerpt::tail(events, START_MS);
            let goes_on = (!nondeterminism.got.is_empty()).then(|| nondeterminism.got.clone());
            return Self::woken_from_outside(
                name,
                nondeterminism.message.clone(),
                goes_on,
                excerpt,
                location,
            );
        }
        let excerpt = match nondeterminism.event_id {
            Some(event_id) => HistoryExcerpt::around(events, event_id, START_MS)
                .got(nondeterminism.got.clone(), ""),
            None => HistoryExcerpt::tail(events, START_MS),
        };
        Self::replay_differs(
            name,
            nondeterminism.message.clone(),
            excerpt,
            location,
            false,
        )
    }
}
