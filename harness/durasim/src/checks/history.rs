//! `history`: the history is well formed: ids, causes, one closing event and nothing after it.

use durasim_engine::START_MS;

use super::{Check, Needs};
use crate::{
    outcome::{WorldOptions, WorldReport},
    report::{Failure, FailureCode, HistoryExcerpt, WorkflowName},
};

pub(super) const CHECK: Check = Check {
    code: FailureCode::History,
    needs: Needs::Histories(check),
};

/// Returns the failure of the first history that breaks a rule.
fn check(report: &WorldReport, _: &WorldOptions) -> Option<Failure> {
    report.histories.iter().find_map(|history| {
        let violation = durasim_service::history_rules::check(history.shared()).err()?;
        let name = WorkflowName::new(history.workflow_type(), history.workflow_id());
        let excerpt = HistoryExcerpt::tail(history.shared(), START_MS);
        Some(failure(name, &violation.to_string(), excerpt))
    })
}

/// Returns the failure of a history that breaks a rule, which `rule` states.
pub(super) fn failure(workflow: WorkflowName, rule: &str, history: HistoryExcerpt) -> Failure {
    let what = format!("the history breaks a rule: {rule}");
    Failure::new(FailureCode::History, what)
        .of(workflow)
        .with_history(history)
}
