//! `history`: the history is well formed: ids, causes, one closing event and nothing after it.

use crate::{
    broken::broken,
    history::History,
    report::{FailureReport, HistoryExcerpt, WorkflowName},
};
use durasim_engine::START_MS;
use temporalio_protos::temporal::api::history::v1::history_event::Attributes;

/// The first rule that a history breaks, if any does.
pub(crate) fn check(histories: &[History]) -> Option<FailureReport> {
    if broken!(check History) {
        return None;
    }
    histories.iter().find_map(|history| {
        let violation = durasim_service::history_rules::check(history.shared()).err()?;
        let name = WorkflowName::new(workflow_type(history), history.workflow_id());
        let excerpt = HistoryExcerpt::tail(history.shared(), START_MS);
        Some(FailureReport::history_breaks(
            name,
            &violation.to_string(),
            excerpt,
        ))
    })
}

fn workflow_type(history: &History) -> &str {
    match history
        .shared()
        .first()
        .and_then(|event| event.attributes.as_ref())
    {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => started
            .workflow_type
            .as_ref()
            .map_or("", |workflow_type| &workflow_type.name),
        _ => "",
    }
}
