//! Programs that search by themselves, with what the attribute does.

use durasim::{
    advanced::{TestCase, TestOptions, body, run_test},
    prelude::*,
    report::FailureCode,
};
use pretty_assertions::assert_eq;
use scenarios::registry;

#[test]
fn a_program_gets_the_summary_of_a_search_by_seeds_and_of_an_exploration() {
    let transfer = registry::find("transfer").unwrap();
    let options = TestOptions::new().faults(FaultProfile::all());
    let by_seeds = TestCase::new("transfer", options.clone().seeds(12));
    let summary = run_test(&by_seeds, &transfer.world).unwrap();
    assert_eq!((summary.worlds, summary.seeds), (13, 6));

    let explored = TestCase::new("transfer", options.explore(Exhaustive::faults(1)));
    let plans = run_test(&explored, &transfer.world).unwrap().plans.unwrap();
    assert_eq!(plans.run, plans.known);
    assert!(plans.knows_all && plans.run > 20, "{plans:?}");
}

async fn reaches_nothing(env: TestWorkflowEnvironment) {
    env.sometimes("never", false);
}

#[test]
fn a_program_gets_the_report_of_a_label_that_no_world_reaches_with_its_command() {
    let options = TestOptions::new()
        .seeds(3)
        .command("nightly reaches_nothing");
    let line = line!() + 1;
    let case = TestCase::new("reaches_nothing", options);
    let report = run_test(&case, &body(reaches_nothing)).unwrap_err();
    assert_eq!(report.failure.code, FailureCode::Sometimes);
    let test_line = report.found.test_line.as_ref().unwrap();
    assert_eq!((test_line.file.as_str(), test_line.line), (file!(), line));
    assert!(
        report.to_string().ends_with("\nnightly reaches_nothing\n"),
        "{report}"
    );
}

/// Fails in worlds in which the second of two actors comes first.
async fn races(env: TestWorkflowEnvironment) -> TestResult {
    let order = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
    for actor in [1, 2] {
        let order = order.clone();
        env.spawn(async move { order.borrow_mut().push(actor) });
    }
    env.sleep(Duration::from_secs(1)).await;
    assert_eq!(*order.borrow(), [1, 2]);
    Ok(())
}

#[test]
fn a_program_chooses_its_first_seed_and_its_command_names_the_seed_that_failed() {
    let options = TestOptions::new()
        .seeds(64)
        .first_seed(1_000)
        .command("nightly races");
    let report = run_test(&TestCase::new("races", options), &body(races)).unwrap_err();
    let seed = report
        .found
        .seed
        .expect("only the order of a seed shows it");
    assert!((1_000..1_064).contains(&seed));
    assert_eq!(report.found.spent.worlds, seed - 1_000 + 2);
    assert_eq!(report.found.saved, None);
    let text = report.to_string();
    let command = format!("\nDURASIM_SEED={seed} nightly races\n");
    assert!(text.ends_with(&command), "{text}");
}
