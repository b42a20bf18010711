//! Replays of whole histories, strict ones and ones like Core's.

use durasim_worker::{ReplayError, ReplayMode, ReplayOptions, replay};
use pretty_assertions::assert_eq;
use temporalio_protos::temporal::api::{command::v1::Command, enums::v1::CommandType};

use crate::{
    histories::{HistoryBuilder, json},
    support::{definitions, replay_options},
};

/// Returns a history of the greeting workflow, with the given input of its activity, duration of
/// its timer, and result.
pub(crate) fn greeted(input: &str, seconds: u64, result: &str) -> HistoryBuilder {
    let mut history = HistoryBuilder::new("GreetWorkflow", [json(&"Ada")]);
    history.workflow_task();
    let greet = history.activity_scheduled("1", "Greetings::greet", [json(&input)]);
    history.activity_completed(greet, json(&"hello Ada"));
    history.workflow_task();
    let timer = history.timer_started("1", seconds);
    history.timer_fired(timer);
    history.workflow_task();
    history.completed(Some(json(&result)));
    history
}

fn like_core() -> ReplayOptions {
    ReplayOptions {
        mode: ReplayMode::LikeCore,
        ..replay_options()
    }
}

pub(crate) fn what_differs(history: &HistoryBuilder) -> String {
    match replay(&definitions(), &replay_options(), history.events()) {
        Err(ReplayError::CommandDiffers { what, .. }) => what,
        other => panic!("expected a command that differs, got {other:?}"),
    }
}

#[test]
fn a_history_that_the_workflow_reproduces_is_accepted() {
    let history = greeted("Ada", 60, "hello Ada");
    let log = replay(&definitions(), &replay_options(), history.events()).unwrap();
    assert_eq!(log.activations.len(), 3);
    assert_eq!(log.commands, []);
}

#[test]
fn another_input_differs_although_core_accepts_it() {
    let history = greeted("Bob", 60, "hello Ada");
    replay(&definitions(), &like_core(), history.events()).unwrap();
    assert_eq!(
        what_differs(&history),
        "input: history has \"Bob\", the workflow now gives \"Ada\""
    );
}

#[test]
fn another_duration_differs() {
    let history = greeted("Ada", 61, "hello Ada");
    replay(&definitions(), &like_core(), history.events()).unwrap();
    assert!(what_differs(&history).starts_with("start_to_fire_timeout: history has"));
}

#[test]
fn another_result_differs() {
    let history = greeted("Ada", 60, "hello Bob");
    replay(&definitions(), &like_core(), history.events()).unwrap();
    assert_eq!(
        what_differs(&history),
        "result: history has \"hello Bob\", the workflow now gives \"hello Ada\""
    );
}

#[test]
fn a_command_that_history_does_not_have_differs() {
    let mut history = HistoryBuilder::new("WaitWorkflow", []);
    history.workflow_task();
    history.signaled("hear", [json(&"bells")]);
    history.workflow_task();
    history.completed(Some(json(&"bells")));
    assert_eq!(
        what_differs(&history),
        "the command has no event in history"
    );
}

#[test]
fn an_open_history_leaves_the_commands_that_come_next() {
    let mut history = HistoryBuilder::new("GreetWorkflow", [json(&"Ada")]);
    history.workflow_task_started();
    let log = replay(&definitions(), &replay_options(), history.events()).unwrap();
    let kinds: Vec<_> = log.commands.iter().map(Command::command_type).collect();
    assert_eq!(kinds, [CommandType::ScheduleActivityTask]);
}

#[test]
fn a_run_that_was_stopped_need_not_have_seen_its_last_events() {
    let mut history = HistoryBuilder::new("GreetWorkflow", [json(&"Ada")]);
    history.workflow_task();
    let greet = history.activity_scheduled("1", "Greetings::greet", [json(&"Ada")]);
    history.activity_completed(greet, json(&"hello Ada"));
    history.terminated();
    replay(&definitions(), &replay_options(), history.events()).unwrap();

    let mut history = HistoryBuilder::new("GreetWorkflow", [json(&"Ada")]);
    history.workflow_task_started();
    history.terminated();
    let log = replay(&definitions(), &replay_options(), history.events()).unwrap();
    assert_eq!(log.commands, [], "its first task was never completed");
}

#[test]
fn a_run_that_was_stopped_must_have_done_what_its_completed_tasks_record() {
    let mut history = HistoryBuilder::new("GreetWorkflow", [json(&"Ada")]);
    history.workflow_task();
    history.terminated();
    assert_eq!(
        what_differs(&history),
        "the command has no event in history"
    );

    let mut history = HistoryBuilder::new("GreetWorkflow", [json(&"Ada")]);
    history.workflow_task();
    history.activity_scheduled("1", "Greetings::greet", [json(&"Bob")]);
    history.signaled("unheard", []);
    history.terminated();
    assert_eq!(
        what_differs(&history),
        "input: history has \"Bob\", the workflow now gives \"Ada\""
    );
}

#[test]
fn a_panic_on_replay_is_reported_as_a_panic() {
    let mut history = HistoryBuilder::new("PanicWorkflow", []);
    history.workflow_task();
    history.completed(None);
    let error = replay(&definitions(), &replay_options(), history.events()).unwrap_err();
    assert!(matches!(error, ReplayError::Panicked(panic) if panic.message == "out of luck"));
}

#[test]
fn a_workflow_type_that_is_not_registered_is_reported_as_unknown() {
    let history = HistoryBuilder::new("NoSuchWorkflow", []);
    let error = replay(&definitions(), &replay_options(), history.events()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no workflow type NoSuchWorkflow is registered"
    );
}

#[test]
fn a_history_without_its_first_event_is_malformed() {
    let history = greeted("Ada", 60, "hello Ada");
    let error = replay(&definitions(), &replay_options(), &history.events()[1..]).unwrap_err();
    assert!(matches!(error, ReplayError::MalformedHistory(_)));
}

#[test]
fn with_backtraces_a_difference_names_the_line_that_issued_the_command() {
    let history = greeted("Bob", 60, "hello Ada");
    let options = ReplayOptions {
        backtraces: true,
        ..replay_options()
    };
    let Err(ReplayError::CommandDiffers { issued_at, .. }) =
        replay(&definitions(), &options, history.events())
    else {
        panic!("the input differs");
    };
    assert!(issued_at.unwrap().contains("tests/workflows/code.rs"));
}
