//! Comparison of durasim with real Core: the activations that both derive from a history.

use std::fmt::{Debug, Write};

use durasim::History;
use durasim_worker::{ReplayMode, ReplayOptions, WorkflowDefinitions, replay};
use scenarios::scenario::Scenario;
use temporalio_protos::{
    coresdk::workflow_activation::WorkflowActivation,
    temporal::api::history::v1::{HistoryEvent, history_event::Attributes},
};

use crate::core_replay;

/// Returns real Core's objection to the first of these histories that it rejects; empty if it
/// accepts all.
///
/// # Panics
///
/// If the scenario's workflows do not register, or Core's replayer fails.
pub fn rejected_by_core(scenario: &Scenario, histories: &[History]) -> Vec<String> {
    let mut rejected = Vec::new();
    for history in histories {
        let core = core_replay::replay(&scenario.workflows, history, task_queue(history));
        if core.activations.is_empty() {
            rejected.push(format!(
                "{}: {}: Core made nothing of it",
                scenario.name,
                history.workflow_id()
            ));
        }
        if let Some(reason) = core.rejected {
            rejected.push(format!(
                "{}: {}: {reason}\n{}",
                scenario.name,
                history.workflow_id(),
                history.outline()
            ));
        }
    }
    rejected
}

/// Returns the differences between the activations that durasim and real Core derive from these
/// histories; empty if there are none.
///
/// Whole activations are compared: jobs and their order, timestamps, flags, sizes. Nothing is
/// normalized. Two things cannot be compared: Core's last activation, which only evicts the run,
/// and the activation after a history that ends with an unanswered workflow task, which the two
/// replayers see at different moments.
///
/// # Panics
///
/// If the scenario's workflows do not register, or Core's replayer fails.
pub fn activation_differences(scenario: &Scenario, histories: &[History]) -> Vec<String> {
    activation_differences_by(ReplayMode::Strict, scenario, histories)
}

/// Returns the same differences, with commands compared by `compare`.
///
/// A history that durasim rejects because it compares more than Core does has activations all the
/// same.
///
/// # Panics
///
/// If the scenario's workflows do not register, or Core's replayer fails.
pub fn activation_differences_by(
    mode: ReplayMode,
    scenario: &Scenario,
    histories: &[History],
) -> Vec<String> {
    let mut definitions = WorkflowDefinitions::new();
    (scenario.workflows.definitions)(&mut definitions).expect("workflow types of their own");
    let mut differences = Vec::new();
    for history in histories {
        let core = core_replay::replay(&scenario.workflows, history, task_queue(history));
        let name = format!("{}: {}", scenario.name, history.workflow_id());
        let options = ReplayOptions {
            namespace: core_replay::NAMESPACE.to_owned(),
            task_queue: task_queue(history).to_owned(),
            workflow_id: history.workflow_id().to_owned(),
            run_id: Some(history.run_id().to_owned()),
            build_id: replayer_build_id(&core.activations),
            mode,
            ..ReplayOptions::default()
        };
        let ours = match replay(&definitions, &options, history.events()) {
            Ok(log) => log.activations,
            Err(error) => {
                differences.push(format!(
                    "{name}: durasim rejects it: {error}\n{}",
                    history.outline()
                ));
                continue;
            }
        };
        if let Some(difference) = first_difference(&ours, &core.activations) {
            differences.push(format!("{name}: {difference}\n{}", history.outline()));
        }
    }
    differences
}

/// Returns the differences between the histories of two worlds, the second of which had the
/// official worker; empty if there are none.
///
/// Whole histories are compared, ids, times and attributes included. One thing is normalized: the
/// order of the Core flags that a workflow task used first. Core keeps them in a hash set and
/// reports them in any order.
pub fn history_differences(simulated: &[History], official: &[History]) -> Vec<String> {
    let mut differences = Vec::new();
    if simulated.len() != official.len() {
        differences.push(format!("{} runs, not {}", simulated.len(), official.len()));
    }
    for (simulated, official) in simulated.iter().zip(official) {
        let (ours, theirs) = (sorted_flags(simulated), sorted_flags(official));
        if (simulated.workflow_id(), simulated.run_id(), &ours)
            != (official.workflow_id(), official.run_id(), &theirs)
        {
            differences.push(format!(
                "{}: {}",
                simulated.workflow_id(),
                side_by_side(&ours, &theirs)
            ));
        }
    }
    differences
}

fn sorted_flags(history: &History) -> Vec<HistoryEvent> {
    let mut events = history.events().to_vec();
    for event in &mut events {
        if let Some(Attributes::WorkflowTaskCompletedEventAttributes(completed)) =
            &mut event.attributes
            && let Some(metadata) = &mut completed.sdk_metadata
        {
            metadata.core_used_flags.sort_unstable();
        }
    }
    events
}

/// Returns the build id that the SDK's replayer derives from the test's own binary; workflow code
/// sees it in a task that was never completed.
fn replayer_build_id(activations: &[WorkflowActivation]) -> String {
    let unanswered = activations
        .last()
        .filter(|activation| !activation.is_replaying);
    unanswered
        .and_then(|activation| activation.deployment_version_for_current_task.as_ref())
        .map_or_else(String::new, |version| version.build_id.clone())
}

/// Returns the task queue of a run's start.
fn task_queue(history: &History) -> &str {
    match history
        .events()
        .first()
        .and_then(|event| event.attributes.as_ref())
    {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => {
            started.task_queue.as_ref().map_or("", |queue| &queue.name)
        }
        _ => "",
    }
}

fn first_difference(ours: &[WorkflowActivation], core: &[WorkflowActivation]) -> Option<String> {
    for (index, (ours, core)) in ours.iter().zip(core).enumerate() {
        if ours != core {
            return Some(format!(
                "activation {index} differs\n{}",
                side_by_side(ours, core)
            ));
        }
    }
    let (more, whose) = match ours.len().cmp(&core.len()) {
        std::cmp::Ordering::Equal => return None,
        std::cmp::Ordering::Less => (&core[ours.len()..], "real Core"),
        std::cmp::Ordering::Greater => (&ours[core.len()..], "durasim"),
    };
    Some(format!("{whose} has {} more:\n{more:#?}", more.len()))
}

/// Returns the lines that differ, durasim's before Core's.
pub(crate) fn side_by_side(ours: &impl Debug, core: &impl Debug) -> String {
    let (ours, core) = (format!("{ours:#?}"), format!("{core:#?}"));
    let mut text = String::new();
    for line in similar::TextDiff::from_lines(&ours, &core)
        .unified_diff()
        .context_radius(4)
        .iter_hunks()
    {
        let _ = write!(text, "{line}");
    }
    format!("(- durasim, + real Core)\n{text}")
}
