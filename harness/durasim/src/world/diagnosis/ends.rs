//! Failures that the test itself ends with: an error, a wait without end, a limit.

use durasim_engine::{START_MS, Stalled};
use durasim_service::Reason;

use super::{diagnose, is_test, name_of_task, registration, workflow_code};
use crate::{
    error::TestError,
    faults::{Missed, Outcome},
    label::Label,
    limits::LimitExceeded,
    panics::{self, TEST},
    report::{Diagnosis, Failure, GaveUp, OpenWorkflow, SourceLine, WorkflowName, is_real_io},
    world::{State, monotony::Round, state::GivenUp},
};

/// The remedy for an assertion that does not hold in a world in which an activity failed for good.
const FAILED_FOR_GOOD: &str = "an activity failed for good in this world, see the plan: if its \
    workflow may fail then, match on the workflow's result, and assert what must hold in each \
    case; if not, the workflow lacks what it should do then";

/// The remedy for a test that has a bound of its own, if nothing is plainly missing.
const WAIT_WITHOUT_BOUND: &str = "see above what the workflow still waits for. If it only takes \
    longer, await it without a bound: virtual time costs nothing, and durasim reports a workflow \
    that can never close";

/// Returns the failure of a test that returned an error: perhaps that of a run which outgrew the
/// service's own limits, or of a call that no worker was there to answer.
pub(crate) fn returned_error(state: &State, error: &TestError) -> Failure {
    let location = error.location().map(SourceLine::from);
    if let Some((workflow, reason)) = outgrown(state) {
        return Failure::outgrown(workflow, &reason, error.to_string(), location);
    }
    let failure = Failure::returned_error(error.to_string(), location);
    beside_open_workflows(state, failure, TEST)
}

/// Returns the failure of a test in which this task panicked with this message.
pub(crate) fn panicked(state: &State, task: &str, message: &str) -> Failure {
    if is_real_io(message) {
        let who = name_of_task(task);
        return Failure::real_io_of_test(&who).at(panics::last_line());
    }
    let mut failure = panics::failure(task, message);
    if state.faults.outcome() == Outcome::Other {
        failure.remedy = Some(FAILED_FOR_GOOD.to_owned());
    }
    beside_open_workflows(state, failure, task)
}

/// Adds to the failure of a task what the open workflows wait for: the task may have failed for
/// want of them. The remedy is that of the diagnosis only if the task has failed for that reason:
/// it did not wait for an answer any longer, or no worker was there to give one.
fn beside_open_workflows(state: &State, mut failure: Failure, task: &str) -> Failure {
    let mut diagnosis = Diagnosis {
        waiting: Vec::new(),
        ..diagnose(state)
    };
    if diagnosis.workflows.is_empty() {
        return failure;
    }
    let (answer, now_ms) = (state.last_answer.as_ref(), state.now_ms);
    let refusal = answer.and_then(|answer| answer.refusal);
    let lacks_a_worker = refusal == Some(Reason::DeadlineExceeded)
        && diagnosis.workflows.iter().any(OpenWorkflow::lacks_a_worker);
    let answered = answer.is_some_and(|answer| {
        answer.at_ms == now_ms && answer.task.as_deref().is_some_and(|it| it == task)
    });
    let given_up = state
        .given_up
        .as_ref()
        .filter(|given_up| *given_up.task == *task && given_up.at_ms == now_ms && !answered);
    diagnosis.gave_up = given_up.and_then(|given_up| gave_up(state, given_up, &diagnosis));
    if let Some(gave_up) = &diagnosis.gave_up {
        failure.what = format!("{} gave up on {}", gave_up.who, gave_up.what);
        failure.workflow = Some(gave_up.workflow.clone());
        let remedy = diagnosis.remedy();
        failure.remedy = Some(remedy.unwrap_or_else(|| WAIT_WITHOUT_BOUND.to_owned()));
    } else if !lacks_a_worker {
        let remedy = failure.code.remedy().to_owned();
        failure.remedy.get_or_insert(remedy);
    }
    failure.with_diagnosis(diagnosis)
}

/// Returns the wait that a task has given up, if it was for one of the open workflows.
fn gave_up(state: &State, given_up: &GivenUp, diagnosis: &Diagnosis) -> Option<GaveUp> {
    let Label::Call(workflow, _) = given_up.label else {
        return None;
    };
    let id = state.names.id_of(workflow)?;
    let mut open = diagnosis.workflows.iter();
    let open = open.find(|open| open.name.workflow_id == id)?;
    Some(GaveUp {
        who: name_of_task(&given_up.task),
        what: state.answer_in_words(given_up.label),
        workflow: open.name.clone(),
        after_ms: given_up.at_ms - START_MS,
    })
}

/// Returns the latest run that the service terminated for the size of its history, with the words
/// of the service.
fn outgrown(state: &State) -> Option<(WorkflowName, String)> {
    let outgrown = state.service.executions().filter_map(|execution| {
        let terminated = execution.terminated.as_ref()?;
        let is_outgrown = matches!(
            terminated.reason?,
            Reason::HistoryTooLong | Reason::HistoryTooLarge
        );
        let name = WorkflowName::new(&execution.workflow_type, &execution.workflow_id);
        let words = terminated.message.trim_end_matches('.').to_owned();
        is_outgrown.then_some((name, words))
    });
    outgrown.last()
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
    let of_the_sdk = || {
        let mut open = diagnosis.workflows.iter();
        open.find_map(|open| workflow_code::unanswered_start(state, open))
    };
    let failure = unregistered.or_else(of_the_sdk);
    failure.unwrap_or_else(|| Failure::stuck(state.now_ms - START_MS, diagnosis))
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

/// Returns the failure of a world in which the same thing happens again and again, and nothing else
/// ever could.
pub(crate) fn monotonous(state: &State) -> Failure {
    let diagnosis = diagnose(state);
    if let Some(turns) = state.monotonous_schedules() {
        return Failure::endless_schedules(turns, diagnosis);
    }
    match state.monotony() {
        Some((Round::Tasks(_), tasks)) => Failure::endless_timers(tasks, diagnosis),
        _ => Failure::endless_retries(diagnosis),
    }
}

/// Returns the failure of a world in which a task of this name has asked so often, and nothing can
/// change the answers.
pub(crate) fn asked_in_vain(state: &State, asker: &str, questions: u64) -> Failure {
    let mut diagnosis = diagnose(state);
    diagnosis.waiting.clear();
    Failure::asked_in_vain(&name_of_task(asker), questions, diagnosis)
}

/// Returns the failure of a world that was given up, because code kept its thread.
pub(crate) fn stalled(stalled: &Stalled) -> Failure {
    Failure::stalled(&name_of_task(&stalled.code), stalled)
}

/// Returns the failure of a world in which a task, most likely the test, sleeps beyond the last
/// moment of the world.
pub(crate) fn oversleeps(state: &State, exceeded: &LimitExceeded) -> Failure {
    let mut diagnosis = diagnose(state);
    if let Some(test) = diagnosis.waiting.iter_mut().find(|it| is_test(it)) {
        "a timer that is due after the last moment of its world".clone_into(&mut test.what);
    }
    Failure::limit(exceeded, Some(diagnosis))
}

/// Returns the failure of a world that exceeded a limit.
pub(crate) fn limit(state: &State, exceeded: &LimitExceeded) -> Failure {
    let mut diagnosis = diagnose(state);
    // The world goes on: a test that waits for no answer sleeps, or polls.
    let asks = |asked_by: Option<&str>| asked_by == Some(TEST);
    if !state.calls.iter().any(|it| asks(it.asked_by.as_deref())) {
        diagnosis.waiting.retain(|it| !is_test(it));
    }
    Failure::limit(exceeded, Some(diagnosis))
}
