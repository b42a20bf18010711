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

/// Asks for its picture.
#[workflow_test]
#[ignore = "run by the others, with the environment that they set"]
async fn a_test_that_is_drawn(env: TestWorkflowEnvironment) {
    env.view();
    env.sleep(Duration::from_secs(1)).await;
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
        .env_remove("DURASIM_VIEW")
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
fn durasim_history_tells_the_story_of_the_picture_and_shows_whole_histories() {
    let events = |printed: &str| printed.matches("WorkflowTaskScheduled").count();
    let printed = run_test("a_test_with_a_story", &[("STORY_ENDS_BADLY", "1")]);
    assert_eq!(events(&printed), 1);
    let variables = [("STORY_ENDS_BADLY", "1"), ("DURASIM_HISTORY", "1")];
    let printed = run_test("a_test_with_a_story", &variables);
    let (story, report) = printed
        .split_once("DS001 panic: the test panicked\n  at")
        .expect("both");
    assert_eq!(events(report), 2, "{report}");
    // Each world has its lines, and the one that failed its faults and its end.
    assert_eq!(events(story), 4, "{story}");
    assert!(story.contains("fault: fail Greetings::greet"), "{story}");
    assert!(story.contains("DS001 panic"), "{story}");
}

/// Returns the page that a test names in what it prints.
fn page(printed: &str, before: &str) -> String {
    let line = printed.lines().find_map(|line| line.split_once(before));
    let (_, path) = line.unwrap_or_else(|| panic!("no {before:?} in {printed}"));
    // Reports name files from the root of the workspace.
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join(path.trim()));
    page.unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn a_failing_test_names_its_picture() {
    let printed = run_test("a_test_with_a_story", &[("STORY_ENDS_BADLY", "1")]);
    let page = page(&printed, "  picture   ");
    assert!(page.contains("<title>environment::a_test_with_a_story · durasim</title>"));
    assert!(page.contains("\"role\":\"failed\""));
}

#[test]
fn durasim_view_draws_a_world_that_passes() {
    let before = "durasim: the picture of environment::a_test_of_three_seeds is ";
    let printed = run_test("a_test_of_three_seeds", &[("DURASIM_VIEW", "1")]);
    assert!(page(&printed, before).contains("the fault-free world"));
    let variables = [("DURASIM_VIEW", "1"), ("DURASIM_SEED", "2")];
    let printed = run_test("a_test_of_three_seeds", &variables);
    assert!(page(&printed, before).contains("the world of seed 2"));
    assert!(!run_test("a_test_of_three_seeds", &[]).contains(before));
}

#[test]
fn a_test_asks_for_its_picture_itself() {
    let before = "durasim: the picture of environment::a_test_that_is_drawn is ";
    let printed = run_test("a_test_that_is_drawn", &[]);
    assert!(page(&printed, before).contains("the fault-free world"));
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
                   DURASIM_SEEDS, DURASIM_HISTORY, DURASIM_FRESH_PROCESS, DURASIM_VIEW, \
                   DURASIM_LOG";
    assert!(printed.contains(message), "{printed}");
}
