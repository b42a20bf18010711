//! Workflow code that does not do what history recorded.

use durasim_worker::{
    ReplayError, WorkflowErrorType, WorkflowTaskProgress, WorkflowWorker, replay,
};
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::enums::v1::{CommandType, WorkflowTaskFailedCause};

use crate::{
    histories::{HistoryBuilder, json},
    support::{completed, definitions, kinds, options, replay_options, worker},
};

/// Returns a history whose first command is not the one that the workflow issues.
fn other_command(record: impl FnOnce(&mut HistoryBuilder) -> i64) -> HistoryBuilder {
    let mut history = HistoryBuilder::new("GreetWorkflow", [json(&"Ada")]);
    history.workflow_task();
    record(&mut history);
    history
}

fn words(history: &HistoryBuilder) -> (i64, String, String, String) {
    match replay(&definitions(), &replay_options(), history.events()) {
        Err(ReplayError::Nondeterminism(found)) => (
            found.event_id.unwrap_or(0),
            found.expected,
            found.got,
            found.message,
        ),
        other => panic!("expected nondeterminism, got {other:?}"),
    }
}

#[test]
fn an_event_of_another_kind_is_reported_with_cores_message() {
    let history = other_command(|history| history.timer_started("1", 1));
    let (event_id, expected, got, message) = words(&history);
    assert_eq!(event_id, 5);
    assert_eq!(expected, "HistoryEvent(id: 5, TimerStarted)");
    assert_eq!(got, "ScheduleActivityTask(id: 1, type: Greetings::greet)");
    assert_eq!(
        message,
        "[TMPRL1100] Nondeterminism error: Activity machine does not handle this event: \
         HistoryEvent(id: 5, TimerStarted)"
    );
}

#[test]
fn an_activity_of_another_type_is_reported_with_cores_message() {
    let history = other_command(|history| history.activity_scheduled("1", "Greetings::insult", []));
    assert_eq!(
        words(&history).3,
        "[TMPRL1100] Nondeterminism error: Activity type of scheduled event 'Greetings::insult' \
         does not match activity type of activity command 'Greetings::greet'"
    );
}

#[test]
fn an_event_without_a_command_is_reported_with_cores_message() {
    let mut history = other_command(|history| {
        history.activity_scheduled("1", "Greetings::greet", [json(&"Ada")])
    });
    history.timer_started("2", 1);
    assert_eq!(
        words(&history).3,
        "[TMPRL1100] Nondeterminism error: No command scheduled for event HistoryEvent(id: 6, \
         TimerStarted)"
    );
}

#[test]
fn nondeterminism_fails_the_workflow_task_with_a_cause_of_its_own() {
    let mut history = other_command(|history| history.timer_started("1", 1));
    history.signaled("hear", []);
    history.workflow_task_started();
    let WorkflowTaskProgress::Failed(failed) = worker().on_task(history.task()) else {
        panic!("the history is another workflow's");
    };
    assert_eq!(failed.cause, WorkflowTaskFailedCause::NonDeterministicError);
    let nondeterminism = failed.reason.nondeterminism().unwrap();
    assert_eq!(nondeterminism.event_id, Some(5));
}

#[test]
fn nondeterminism_fails_the_workflow_if_an_option_says_so() {
    let mut options = options();
    options
        .workflow_failure_errors
        .insert(WorkflowErrorType::Nondeterminism);
    let mut worker = WorkflowWorker::new(options, definitions());
    let mut history = other_command(|history| history.timer_started("1", 1));
    history.signaled("hear", []);
    history.workflow_task_started();
    let request = completed(worker.on_task(history.task()));
    assert_eq!(
        kinds(&request).last(),
        Some(&CommandType::FailWorkflowExecution)
    );
    assert_eq!(worker.cached(), [""; 0]);
}
