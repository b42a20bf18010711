//! Failures that the test itself ends with: an error, a wait without end, a limit.

use durasim_engine::{START_MS, Stalled};
use durasim_service::Reason;

use super::{diagnose, is_test, name_of_task, registration};
use crate::{
    error::TestError,
    faults::Missed,
    limits::LimitExceeded,
    report::{Diagnosis, Failure, OpenWorkflow, SourceLine, WorkflowName},
    world::State,
};

/// Returns the failure of a test that returned an error: perhaps that of a run which outgrew the
/// service's own limits, or of a call that no worker was there to answer.
pub(crate) fn returned_error(state: &State, error: &TestError) -> Failure {
    let location = error.location().map(SourceLine::from);
    if let Some((workflow, reason)) = outgrown(state) {
        return Failure::outgrown(workflow, &reason, error.to_string(), location);
    }
    let failure = Failure::returned_error(error.to_string(), location);
    if state.last_refusal != Some(Reason::DeadlineExceeded) {
        return failure;
    }
    let diagnosis = Diagnosis {
        waiting: Vec::new(),
        ..diagnose(state)
    };
    if diagnosis.workflows.iter().any(OpenWorkflow::lacks_a_worker) {
        failure.with_diagnosis(diagnosis)
    } else {
        failure
    }
}

/// Returns the latest run that the service terminated for the size of its history, with the words
/// of the service.
fn outgrown(state: &State) -> Option<(WorkflowName, String)> {
    let executions = state.service.executions();
    executions.iter().rev().find_map(|execution| {
        let terminated = execution.terminated.as_ref()?;
        let is_outgrown = matches!(
            terminated.reason?,
            Reason::HistoryTooLong | Reason::HistoryTooLarge
        );
        let name = WorkflowName::new(&execution.workflow_type, &execution.workflow_id);
        let words = terminated.message.trim_end_matches('.').to_owned();
        is_outgrown.then_some((name, words))
    })
}

/// The number of points that a message lists.
const MAX_POINTS: usize = 12;

/// Returns the failure of a test whose fault, placed by hand, did not happen.
pub(crate) fn missed_fault(missed: &Missed<'_>) -> Failure {
    let fault = missed.fault;
    let message = format!(
        "the fault placed by hand did not happen: {fault}; \
         the world had no such point, or ended before it\n\
         {} happens {}\n{}",
        fault.kind(),
        fault.places(),
        points_in_words(missed)
    );
    Failure::setup(message)
}

/// Returns the points at which the fault could have been placed.
fn points_in_words(missed: &Missed<'_>) -> String {
    let kind = missed.fault.kind();
    if missed.points.is_empty() {
        return format!("this world had no point of {kind} at all");
    }
    let listed = missed.points.iter().take(MAX_POINTS);
    let listed = listed.map(|(point, count)| match count {
        1 => format!("  {point}"),
        count => format!("  {point} ({count} occasions)"),
    });
    let mut lines = vec![format!("the points of {kind} in this world were")];
    lines.extend(listed);
    let more = missed.points.len().saturating_sub(MAX_POINTS);
    if more > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}

/// Returns the failure of a world in which nothing can happen any more: for want of a registered
/// type, or for another reason.
pub(crate) fn stuck(state: &State) -> Failure {
    let diagnosis = diagnose(state);
    let unregistered = diagnosis
        .workflows
        .iter()
        .find_map(|open| registration::wanted_by(state, open));
    unregistered.unwrap_or_else(|| Failure::stuck(state.now_ms - START_MS, diagnosis))
}

/// Returns the failure of a world in which a task is polled again and again, and nothing else
/// happens.
pub(crate) fn spinning(state: &State, exceeded: &LimitExceeded, task: &str) -> Failure {
    let who = name_of_task(task);
    let message = format!("{who} is polling in a loop for something that can no longer happen");
    let mut failure = limit(state, exceeded).with_message(message);
    if let Some(diagnosis) = &mut failure.diagnosis {
        diagnosis.waiting.retain(|waiting| !is_test(waiting));
    }
    failure
}

/// Returns the failure of a world that was given up, because code kept its thread.
pub(crate) fn stalled(stalled: &Stalled) -> Failure {
    Failure::stalled(&name_of_task(&stalled.code), stalled)
}

/// Returns the failure of a world in which a task, most likely the test, sleeps beyond the last
/// moment of the world.
pub(crate) fn oversleeps(state: &State, exceeded: &LimitExceeded) -> Failure {
    let mut failure = limit(state, exceeded);
    let mut waiting = failure.diagnosis.iter_mut().flat_map(|it| &mut it.waiting);
    if let Some(test) = waiting.find(|waiting| is_test(waiting)) {
        "a timer that is due after the last moment of its world".clone_into(&mut test.what);
    }
    failure
}

/// Returns the failure of a world that exceeded a limit.
pub(crate) fn limit(state: &State, exceeded: &LimitExceeded) -> Failure {
    Failure::limit(exceeded, Some(diagnose(state)))
}
