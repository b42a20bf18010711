use ::proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner},
};
use durasim_engine::{Choices, Odds, Tape};
use pretty_assertions::assert_eq;

use super::*;
use crate::{
    options::TestOptions,
    report::{FailureCode, FailureReport},
    runner::TestCase,
};

/// A run of ten questions, each answered with a fault half of the time, and which of them were.
fn run(plan: &FaultPlan) -> Tape {
    let mut choices = match plan.tape() {
        None => Choices::seeded(plan.seed()),
        Some(tape) => Choices::tape(tape),
    };
    for key in ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"] {
        choices.choose("fault.worker_crash", key, 2, Odds::Rarely(0.5));
    }
    choices.taken()
}

fn keys(tape: &Tape) -> String {
    tape.entries
        .iter()
        .map(|entry| entry.point.key.as_str())
        .collect()
}

fn runner() -> TestRunner {
    TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(7),
        failure_persistence: None,
        cases: 1_000,
        ..Config::default()
    })
}

/// Searches for a run that fails, and returns the plan it shrinks to.
fn shrunk(fails: impl Fn(&str) -> bool) -> FaultPlan {
    let outcome = runner().run(&fault_plans(), |plan| {
        let tape = run(&plan);
        if fails(&keys(&tape)) {
            plan.recording.set(tape);
            return Err(TestCaseError::fail("it fails"));
        }
        Ok(())
    });
    match outcome {
        Err(TestError::Fail(_, plan)) => plan,
        other => panic!("no failure was found: {other:?}"),
    }
}

#[test]
fn a_plan_shrinks_to_the_choices_that_it_takes() {
    let plan = shrunk(|faults| faults.contains('b') && faults.contains('i'));
    assert_eq!(keys(plan.tape().expect("it has shrunk")), "bi");
}

#[test]
fn a_failure_without_any_fault_shrinks_to_none() {
    assert!(shrunk(|_| true).is_benign());
}

#[test]
fn no_single_choice_of_the_result_can_be_put_back() {
    // Two ways to fail, one of them with a choice that is needed only together with others.
    let fails = |faults: &str| {
        faults.contains('a') && faults.contains('d') && faults.contains('g')
            || faults.contains('c') && faults.len().is_multiple_of(2)
    };
    let plan = shrunk(fails);
    let tape = plan.tape().expect("it has shrunk");
    assert!(fails(&keys(tape)));
    for index in 0..tape.entries.len() {
        let mut smaller = tape.clone();
        smaller.entries.remove(index);
        assert!(!fails(&keys(&smaller)), "{} still fails", keys(&smaller));
    }
}

#[test]
fn a_shrunk_plan_is_known_to_fail() {
    for threshold in 1..6 {
        let plan = shrunk(|faults| faults.len() >= threshold);
        assert_eq!(run(&plan).len(), threshold);
    }
}

#[test]
fn inputs_beside_a_plan_shrink_too() {
    let outcome = runner().run(&(fault_plans(), 0..1_000_u32), |(plan, amount)| {
        let tape = run(&plan);
        if keys(&tape).contains('c') && amount >= 17 {
            plan.recording.set(tape);
            return Err(TestCaseError::fail("it fails"));
        }
        Ok(())
    });
    let Err(TestError::Fail(_, (plan, amount))) = outcome else {
        panic!("no failure was found")
    };
    assert_eq!((keys(plan.tape().unwrap()).as_str(), amount), ("c", 17));
}

#[test]
fn a_plan_that_was_not_run_does_not_shrink() {
    let mut tree = fault_plans().new_tree(&mut runner()).unwrap();
    assert!(!tree.simplify());
    assert!(!tree.complicate());
    assert_eq!(tree.current().tape(), None);
}

#[test]
fn shrinking_keeps_the_seed() {
    let plan = shrunk(|faults| faults.contains('b'));
    assert_eq!(plan.tape().unwrap().seed, Some(plan.seed()));
}

#[test]
fn a_plan_prints_its_seed_and_then_its_words() {
    let mut tree = fault_plans().new_tree(&mut runner()).unwrap();
    let fresh = tree.current();
    assert_eq!(
        format!("{fresh:?}"),
        format!("FaultPlan(seed {})", fresh.seed())
    );

    let mut tape = run(&fresh);
    tape.entries.truncate(2);
    tape.entries[1].words = "crash worker payments".to_owned();
    tape.entries[1].at_ms = durasim_engine::START_MS + 1_500;
    fresh.recording.set(tape);
    assert!(tree.simplify());
    assert!(tree.complicate());
    let printed = format!("{:?}", tree.current());
    assert_eq!(printed, r#"FaultPlan["+1.5s  crash worker payments"]"#);
}

fn case(name: &'static str) -> TestCase {
    TestCase::in_a_new_package(name, TestOptions::new())
}

fn saved(case: &TestCase) -> std::path::PathBuf {
    std::path::Path::new(case.manifest_dir).join("tests/payments.proptest-regressions")
}

/// Searches for an amount at which the test panics; 17 is the smallest.
fn search_amounts(case: &TestCase) -> Result<(), Box<FailureReport>> {
    run::search(
        case,
        (0..1_000_u32,),
        |(amount,)| vec![("amount", amount.to_string())],
        |env, (amount,)| {
            Box::pin(async move {
                env.sleep(std::time::Duration::from_mins(1)).await;
                assert!(amount < 17, "too much: {amount}");
            })
        },
    )
}

#[test]
fn a_property_that_holds_passes_and_leaves_nothing_behind() {
    let case = case("payments::holds");
    let outcome = run::search(
        &case,
        (0..10_u32,),
        |_| Vec::new(),
        |env, (minutes,)| {
            Box::pin(async move { env.sleep(std::time::Duration::from_mins(1) * minutes).await })
        },
    );
    assert_eq!(outcome, Ok(()));
    assert!(!saved(&case).exists());
}

#[test]
fn the_report_shows_the_smallest_inputs() {
    let report = search_amounts(&case("payments::breaks")).unwrap_err();
    let FailureReport { failure, found } = *report;
    assert_eq!(failure.code, FailureCode::Panic);
    assert_eq!(failure.message.as_deref(), Some("too much: 17"));
    assert!(
        failure
            .location
            .is_some_and(|line| line.file.ends_with("tests.rs"))
    );
    assert_eq!(found.inputs.as_deref(), Some("amount = 17"));
    assert_eq!(found.plan, None);
    assert!(found.spent.shrink_runs > 0);
    assert_eq!(
        found.saved.as_deref(),
        Some("tests/payments.proptest-regressions")
    );
}

#[test]
fn a_failing_case_is_kept_in_proptests_way_and_run_again_first() {
    let case = case("payments::breaks");
    search_amounts(&case).unwrap_err();
    let kept = std::fs::read_to_string(saved(&case)).unwrap();
    assert_eq!(
        kept.lines().filter(|line| line.starts_with("cc ")).count(),
        1,
        "{kept}"
    );
    let report = search_amounts(&case).unwrap_err();
    assert_eq!(report.found.inputs.as_deref(), Some("amount = 17"));
    assert_eq!(report.found.spent.worlds, 1);
}

#[test]
fn the_cases_are_the_same_every_time() {
    let found = |name| search_amounts(&case(name)).unwrap_err().found;
    let (first, second) = (found("payments::first"), found("payments::second"));
    assert_eq!((first.spent, first.inputs), (second.spent, second.inputs));
}
