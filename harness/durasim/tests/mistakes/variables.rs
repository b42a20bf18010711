//! Variables of the environment that a test cannot run under.
//!
//! A variable holds for the whole process, so each row runs this program again, for one test.

use std::process::{Command, Output};

use durasim::prelude::*;

/// The number of rows in this file.
pub(crate) const ROWS: usize = 4;

/// Runs `a_test_under_variables` with a variable.
fn under(name: &str, value: &str) -> Output {
    Command::new(std::env::current_exe().expect("the path of this program"))
        .args([
            "--exact",
            "variables::a_test_under_variables",
            "--nocapture",
        ])
        .env(name, value)
        .output()
        .expect("this program runs again")
}

/// Asserts that a wrong value is refused with these words, and that a right one is not.
#[track_caller]
fn is_refused(name: &str, wrong: &str, says: &str, right: (&str, &str)) {
    let refused = under(name, wrong);
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success(), "{text}");
    assert!(text.contains("DS008 setup"), "{text}");
    assert!(text.contains(says), "{says:?} is missing:\n{text}");
    let followed = under(right.0, right.1);
    let text = String::from_utf8_lossy(&followed.stderr);
    assert!(followed.status.success(), "{text}");
}

/// The test that each row runs.
#[workflow_test(seeds = 2)]
async fn a_test_under_variables(env: TestWorkflowEnvironment) {
    env.sleep(Duration::from_secs(1)).await;
}

#[test]
fn a_seed_is_no_number() {
    let says = "DURASIM_SEED must be a whole number from 0";
    is_refused("DURASIM_SEED", "seven", says, ("DURASIM_SEED", "7"));
}

#[test]
fn no_seed_is_to_run() {
    let says = "DURASIM_SEEDS must be a whole number from 1";
    is_refused("DURASIM_SEEDS", "0", says, ("DURASIM_SEEDS", "1"));
}

#[test]
fn a_seed_is_negative() {
    let says = "not \"-1\"";
    is_refused("DURASIM_SEED", "-1", says, ("DURASIM_SEED", "1"));
}

#[test]
fn a_variable_is_misspelt() {
    let says = "there is no variable DURASIM_SEDE; those that durasim reads are DURASIM_SEED";
    is_refused("DURASIM_SEDE", "7", says, ("DURASIM_SEED", "7"));
}
