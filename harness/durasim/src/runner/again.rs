//! The command of a report, tried: does the seed fail in a process of its own?
//!
//! A world of a search comes after others in the same process. If it fails for what these have left
//! behind, in a `static` say, its seed brings nothing back. So the test binary runs itself again,
//! once, for the one test and the one seed.

use std::{env, fs, path::PathBuf};

use super::{case::TestCase, repeats::ending};
use crate::{
    report::{Failure, FailureCode, FailureReport, Found},
    variables::Variable,
};

/// The variable with the file to which the new process writes its answer. It is not for people.
const ANSWER: &str = "_DURASIM_ANSWER";

const PASSED: &str = "passed";
const FAILED: &str = "failed";

/// Returns `true` if another process has started this one to see if a seed fails.
pub(super) fn is_asked() -> bool {
    env::var_os(ANSWER).is_some()
}

/// Answers the process that has started this one, if there is one.
pub(super) fn answer(has_passed: bool) {
    if let Some(file) = env::var_os(ANSWER) {
        let words = if has_passed { PASSED } else { FAILED };
        // Without an answer, the other process believes its own eyes.
        let _ = fs::write(file, words);
    }
}

/// Returns the report of a failure that a search has found by a seed, unless the seed passes in a
/// process of its own: then a report that says so.
pub(super) fn confirmed(case: &TestCase, report: Box<FailureReport>) -> Box<FailureReport> {
    let Some(seed) = report.found.seed else {
        return report;
    };
    let is_sure = !report.found.real_io.is_empty() || report.failure.code == FailureCode::Limit;
    // A program knows no tests by their names.
    let is_program = case.manifest_dir.is_empty();
    if is_asked() || is_sure || is_program || passes_alone(case, seed) != Some(true) {
        return report;
    }
    let FailureReport { failure, found } = *report;
    let what = format!(
        "seed {seed} fails after other worlds of the same process, and passes in a process of its \
         own"
    );
    let message = ending(&failure);
    let failure = Failure::new(FailureCode::Unrepeatable, what)
        .at(failure.location)
        .with_message(message)
        .with_remedy(
            "make in the test whatever outlives it now: a `static`, a `thread_local!` of a thread \
             that goes on, a file. Each world must begin with nothing that another has left",
        );
    let found = Found {
        spent: found.spent,
        ..Found::default()
    };
    Box::new(FailureReport { failure, found })
}

/// Runs one seed of a test in a process of its own. Returns `None` if the process gives no answer:
/// the program is not a test binary, or does not know the test.
fn passes_alone(case: &TestCase, seed: u64) -> Option<bool> {
    let file = answer_file(case, seed);
    let status = case
        .alone()?
        .env(ANSWER, &file)
        .env(Variable::Seed.name(), seed.to_string())
        .status();
    let answer = fs::read_to_string(&file);
    let _ = fs::remove_file(&file);
    status.ok()?;
    match answer.ok()?.as_str() {
        PASSED => Some(true),
        FAILED => Some(false),
        _ => None,
    }
}

fn answer_file(case: &TestCase, seed: u64) -> PathBuf {
    let name = case.name.replace("::", "-");
    let file = format!("durasim-{}-{name}-{seed}", std::process::id());
    env::temp_dir().join(file)
}
