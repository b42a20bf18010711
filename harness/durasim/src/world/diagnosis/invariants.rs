//! Failures of invariants: what happened just before.

use durasim_engine::START_MS;

use crate::{
    report::{Failure, HistoryExcerpt, WorkflowName},
    words::{call_words, timed},
    world::State,
};

/// The number of attempts of activities that are shown.
const ATTEMPTS_SHOWN: usize = 4;

/// Adds to the failure of an invariant what happened just before: the last events of the run that
/// has the newest one, and the last attempts of activities.
pub(crate) fn invariant_broken(state: &State, mut failure: Failure) -> Failure {
    let calls = state.activity_log.all();
    let last = &calls[calls.len().saturating_sub(ATTEMPTS_SHOWN)..];
    if !last.is_empty() {
        let attempts = timed(last.iter().map(call_words));
        let attempts = attempts.iter().map(|line| format!("\n  {line}"));
        let message = failure.message.get_or_insert_default();
        if !message.is_empty() {
            message.push('\n');
        }
        message.push_str("the last attempts of activities");
        message.extend(attempts);
    }
    let executions = state.service.executions();
    let newest = executions
        .filter_map(|execution| {
            let (_, events) = state
                .service
                .run(&execution.workflow_id, Some(&execution.run_id))?;
            let at = events.last()?.event_time?;
            Some(((at.seconds, at.nanos), execution, events))
        })
        .max_by_key(|(at, ..)| *at);
    let Some((_, execution, events)) = newest else {
        return failure;
    };
    let name = WorkflowName::new(&execution.workflow_type, &execution.workflow_id);
    failure
        .of(name)
        .with_history(HistoryExcerpt::tail(events, START_MS))
}
