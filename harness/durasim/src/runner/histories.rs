//! The histories that a report shows: the ends of those that its failure is about.

use std::collections::BTreeSet;

use durasim_engine::START_MS;

use crate::{
    history::History,
    report::{Failure, HistoryExcerpt, ShownHistory, WorkflowName},
    variables::Variable,
};

/// The number of events that are shown of each.
const EVENTS: usize = 8;

/// The number of workflows that are shown.
const WORKFLOWS: usize = 3;

/// Adds to a failure the ends of the histories of the workflows that it names. If it names none,
/// these are the workflows in which something happened last.
pub(super) fn shown(failure: Failure, histories: &[History]) -> Failure {
    let is_whole = Variable::History.is_on();
    let (events, workflows) = if is_whole {
        (usize::MAX, usize::MAX)
    } else {
        (EVENTS, WORKFLOWS)
    };
    let named = named_by(&failure);
    let last_runs: Vec<&History> = if named.is_empty() {
        active_last(histories)
    } else {
        // The piece of a history that a failure brings along need not be shown twice.
        let own = failure.workflow.as_ref().filter(|_| {
            let brings = failure.history.as_ref();
            brings.is_some_and(|history| !is_whole && history.after == 0)
        });
        let others = named.iter().filter(|name| Some(*name) != own);
        others
            .filter_map(|name| last_run(histories, &name.workflow_id))
            .collect()
    };
    let shown = last_runs.into_iter().take(workflows);
    let shown = shown.map(|history| ShownHistory {
        workflow: WorkflowName::new(history.workflow_type(), history.workflow_id()),
        events: HistoryExcerpt::last(history.shared(), events, START_MS),
    });
    Failure {
        histories: shown.collect(),
        ..failure
    }
}

/// Returns the workflows that a failure names, each once.
fn named_by(failure: &Failure) -> Vec<WorkflowName> {
    let open = failure.diagnosis.iter().flat_map(|it| &it.workflows);
    let all = failure.workflow.iter().chain(open.map(|open| &open.name));
    let mut known = BTreeSet::new();
    all.filter(|name| known.insert(*name)).cloned().collect()
}

/// Returns the last run of a workflow.
fn last_run<'a>(histories: &'a [History], workflow_id: &str) -> Option<&'a History> {
    let mut latest_first = histories.iter().rev();
    latest_first.find(|history| history.workflow_id() == workflow_id)
}

/// Returns the last run of each workflow, that with the newest event first.
fn active_last(histories: &[History]) -> Vec<&History> {
    let is_last = |history: &&History| {
        last_run(histories, history.workflow_id())
            .is_some_and(|last| last.run_id() == history.run_id())
    };
    let mut last: Vec<_> = histories.iter().filter(is_last).collect();
    let newest = |history: &History| {
        let at = history.shared().last()?.event_time?;
        Some((at.seconds, at.nanos))
    };
    last.sort_by_key(|history| std::cmp::Reverse(newest(history)));
    last
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pretty_assertions::assert_eq;

    use super::*;
    use crate::{
        outline::tests::payment,
        report::{Diagnosis, OpenWorkflow},
    };

    /// Returns a run with this many of the events of a payment.
    fn run(workflow_id: &str, run_id: &str, events: usize) -> History {
        let events = payment().into_iter().take(events).map(Arc::new);
        History::new(workflow_id.to_owned(), run_id.to_owned(), events.collect())
    }

    /// Returns the workflows that a report shows, each with the number of its events.
    fn shows(failure: Failure, histories: &[History]) -> Vec<(String, usize)> {
        let shown = shown(failure, histories).histories.into_iter();
        shown
            .map(|it| (it.workflow.workflow_id, it.events.lines.len()))
            .collect()
    }

    fn expected(shown: &[(&str, usize)]) -> Vec<(String, usize)> {
        let owned = shown.iter().map(|(id, events)| ((*id).to_owned(), *events));
        owned.collect()
    }

    #[test]
    fn a_failure_that_names_workflows_shows_the_end_of_the_last_run_of_each() {
        let histories = [run("a", "1", 2), run("b", "1", 3), run("a", "2", 100)];
        let named = WorkflowName::new("PaymentWorkflow", "a");
        let diagnosis = Diagnosis {
            workflows: vec![OpenWorkflow {
                name: named.clone(),
                awaits: Vec::new(),
            }],
            ..Diagnosis::default()
        };
        let failure = Failure::panicked("no", None).of(named);
        let failure = failure.with_diagnosis(diagnosis);
        assert_eq!(shows(failure, &histories), expected(&[("a", EVENTS)]));
    }

    #[test]
    fn a_failure_that_names_none_shows_those_in_which_something_happened_last() {
        let histories = ["a", "b", "c", "d"].map(|id| run(id, "1", if id == "c" { 9 } else { 1 }));
        assert_eq!(
            shows(Failure::panicked("no", None), &histories),
            expected(&[("c", EVENTS), ("a", 1), ("b", 1)])
        );
    }

    #[test]
    fn a_piece_of_history_that_the_failure_brings_is_not_shown_twice() {
        let histories = [run("a", "1", 9)];
        let failure = Failure::panicked("no", None)
            .of(WorkflowName::new("PaymentWorkflow", "a"))
            .with_history(HistoryExcerpt::tail(histories[0].shared(), START_MS));
        assert_eq!(shows(failure, &histories), expected(&[]));
    }
}
