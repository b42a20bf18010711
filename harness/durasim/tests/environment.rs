//! Tests of the environment variables: each test runs this program again, as `cargo test` would
//! with the variables set.

mod common;

use std::process::Command;

use durasim::prelude::*;
use pretty_assertions::assert_eq;

use common::{Greeter, Greetings};

/// Prints that it runs.
#[workflow_test(seeds = 3)]
#[ignore = "run by the others, with the environment that they set"]
async fn a_test_of_three_seeds(env: TestWorkflowEnvironment) -> TestResult {
    env.sleep(Duration::from_secs(1)).await;
    println!("a world");
    Ok(())
}

/// Greets, and fails if it is asked to, in a world with a fault.
#[workflow_test(seeds = 3, faults = Fault::activity_failure().of_activity(Greetings::greet))]
#[ignore = "run by the others, with the environment that they set"]
async fn a_test_with_a_story(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("greetings")
        .workflow::<Greeter>()
        .mock_activity(Greetings::greet, |call| async move {
            Ok(format!("Hello, {}!", call.input))
        })
        .start()?;
    let options = WorkflowStartOptions::new("greetings", "greeter-1").build();
    let greeter = env
        .client()
        .start_workflow(Greeter::run, "Ann".to_owned(), options)
        .await?;
    greeter
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert!(std::env::var_os("STORY_ENDS_BADLY").is_none(), "badly");
    Ok(())
}

/// Explores the faults of a client's calls.
#[workflow_test(explore = Exhaustive::faults(1))]
#[ignore = "run by the others, with the environment that they set"]
async fn a_test_that_explores(env: TestWorkflowEnvironment) -> TestResult {
    let options = WorkflowStartOptions::new("shop", "w-1").build();
    let workflow = temporalio_common::UntypedWorkflow::new("Order");
    let input = temporalio_common::data_converters::RawValue::empty();
    let handle = env
        .client()
        .start_workflow(workflow, input, options)
        .await?;
    handle
        .terminate(WorkflowTerminateOptions::default())
        .await?;
    Ok(())
}

/// The plans of tests of this file that failed.
const SAVED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/environment.durasim-seeds"
);

fn run(variables: &[(&str, &str)]) -> String {
    run_test("a_test_of_three_seeds", variables)
}

/// Runs this test with these variables, and returns its output.
fn run_test(test: &str, variables: &[(&str, &str)]) -> String {
    let this = std::env::current_exe().expect("a test has a file");
    let mut command = Command::new(this);
    command.args(["--ignored", "--exact", test, "--nocapture"]);
    command
        .env_remove("DURASIM_SEED")
        .env_remove("DURASIM_SEEDS")
        .env_remove("DURASIM_HISTORY")
        .env_remove("DURASIM_LOG");
    command.env("NO_COLOR", "1").envs(variables.iter().copied());
    let output = command.output().expect("a test runs");
    // A test that fails saves its plan. It fails on purpose.
    let _ = std::fs::remove_file(SAVED);
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

fn worlds(variables: &[(&str, &str)]) -> usize {
    run(variables).matches("a world").count()
}

#[test]
fn a_test_runs_the_seeds_that_it_asks_for_beside_the_fault_free_world() {
    assert_eq!(worlds(&[]), 1 + 3);
}

#[test]
fn durasim_seeds_sets_the_number_of_seeds() {
    assert_eq!(worlds(&[("DURASIM_SEEDS", "9")]), 1 + 9);
}

#[test]
fn durasim_seed_runs_one_world_after_the_fault_free_one() {
    assert_eq!(worlds(&[("DURASIM_SEED", "7")]), 1 + 1);
}

/// Returns the story in what a test has printed.
fn story(printed: &str) -> String {
    let is_of_story = |line: &&str| line.contains("the story of") || line.starts_with("  +");
    printed
        .lines()
        .filter(is_of_story)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn durasim_log_tells_the_story_of_one_world() {
    let silent = run_test("a_test_with_a_story", &[]);
    assert_eq!(story(&silent), "", "it is off by default");
    let printed = run_test("a_test_with_a_story", &[("DURASIM_LOG", "1")]);
    insta::assert_snapshot!(story(&printed));
}

#[test]
fn durasim_log_tells_the_story_of_the_world_that_failed_and_of_no_other() {
    let variables = [("DURASIM_LOG", "1"), ("STORY_ENDS_BADLY", "1")];
    let printed = run_test("a_test_with_a_story", &variables);
    insta::assert_snapshot!(story(&printed));
}

#[test]
fn durasim_history_shows_whole_histories() {
    let events = |variables: &[(&str, &str)]| {
        let printed = run_test("a_test_with_a_story", variables);
        printed.matches("WorkflowTaskScheduled").count()
    };
    assert_eq!(events(&[("STORY_ENDS_BADLY", "1")]), 1);
    assert_eq!(
        events(&[("STORY_ENDS_BADLY", "1"), ("DURASIM_HISTORY", "1")]),
        2
    );
}

#[test]
fn an_exploration_tells_its_number_of_plans_where_it_succeeds_too() {
    let printed = run_test("a_test_that_explores", &[]);
    let told = "durasim: environment::a_test_that_explores: explored all ";
    assert!(printed.contains(told), "{printed}");
    assert!(
        printed.contains(" plans of at most 1 fault, in "),
        "{printed}"
    );
}

#[test]
fn a_variable_that_is_no_number_is_refused() {
    for value in ["many", "0", "-3"] {
        let printed = run(&[("DURASIM_SEEDS", value)]);
        assert!(
            printed.contains("DURASIM_SEEDS must be a whole number from 1 to"),
            "{printed}"
        );
    }
}

#[test]
fn an_unknown_variable_is_refused_with_those_that_exist() {
    let printed = run(&[("DURASIM_SEEEDS", "9")]);
    let message = "there is no variable DURASIM_SEEEDS; those that durasim reads are DURASIM_SEED, \
                   DURASIM_SEEDS, DURASIM_HISTORY, DURASIM_FRESH_PROCESS, DURASIM_LOG";
    assert!(printed.contains(message), "{printed}");
}
