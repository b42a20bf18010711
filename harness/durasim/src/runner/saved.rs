//! Failures found before: run again first, and kept when they are new.

use super::{campaign::Campaign, case::TestCase, judge::judge, plan::is_fault};
use crate::{
    broken::broken,
    outcome::ChoiceSource,
    regressions::{Regressions, SavedFailure},
    report::FailureReport,
};
use durasim_engine::{Point, Tape};
use std::path::Path;

/// Runs the plans of failures found before.
///
/// A plan that passes stays saved: it may be what the next change breaks.
pub(super) fn rerun(case: &TestCase, campaign: &Campaign<'_>) -> Result<(), Box<FailureReport>> {
    let saved = Regressions::beside(case.manifest_dir, case.file)
        .map_err(|error| Box::new(FailureReport::setup(error.to_string())))?;
    let Some(saved) = saved.filter(|_| !broken!(SavedFailures)) else {
        return Ok(());
    };
    let mut steps = 0;
    for (tape, worlds) in saved.tapes(case.name).zip(1..) {
        let report = campaign.run(ChoiceSource::Tape(tape.clone()));
        let drifted = drifted(tape, &report.tape);
        judge(campaign, &report, worlds, steps).map_err(|mut failure| {
            if let Some(plan) = &mut failure.plan {
                plan.found = tape.entries.iter().filter(|entry| is_fault(entry)).count();
                plan.drifted = drifted;
            }
            failure
        })?;
        steps += report.steps;
    }
    Ok(())
}

/// How many choices of a saved tape the run no longer came to.
fn drifted(saved: &Tape, taken: &Tape) -> usize {
    let came_to = |point: &Point| taken.entries.iter().any(|entry| entry.point == *point);
    saved
        .entries
        .iter()
        .filter(|entry| !came_to(&entry.point))
        .count()
}

/// Saves the plan of a failure beside the test, and says so in its report.
pub(crate) fn keep(case: &TestCase, failure: &mut FailureReport) {
    // Without a choice and without a seed it is the fault-free world, which runs first anyway.
    let Some(tape) = failure
        .tape
        .clone()
        .filter(|tape| !tape.is_empty() || tape.seed.is_some())
    else {
        return;
    };
    // A damaged file has been reported by `rerun` already, unless one world was asked for by its
    // seed.
    let Ok(Some(mut saved)) = Regressions::beside(case.manifest_dir, case.file) else {
        return;
    };
    let entry = SavedFailure {
        test: case.name.to_owned(),
        fails: failure.code.to_string(),
        tape,
    };
    match saved.save(entry) {
        Ok(_) => {
            let file = saved.path().file_name().unwrap_or_default();
            failure.saved = Some(
                Path::new(case.file)
                    .with_file_name(file)
                    .display()
                    .to_string(),
            );
        }
        // The report matters more than its keeping.
        Err(error) => eprintln!("{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::test::search, *};
    use crate::{TestOptions, TestWorkflowEnvironment, error::TestResult};
    use futures::future::{FutureExt, LocalBoxFuture};
    use pretty_assertions::assert_eq;
    use std::{cell::RefCell, rc::Rc};

    /// Fails in worlds in which the second of two actors comes first.
    fn racy(env: TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> {
        async move {
            let order = Rc::new(RefCell::new(Vec::new()));
            for actor in [1, 2] {
                let order = order.clone();
                env.spawn(async move { order.borrow_mut().push(actor) });
            }
            env.sleep(std::time::Duration::from_secs(1)).await;
            assert_eq!(*order.borrow(), [1, 2]);
            Ok(())
        }
        .boxed_local()
    }

    fn case() -> TestCase {
        TestCase::in_a_new_package("payments::races", TestOptions::new().seeds(64))
    }

    #[test]
    fn a_failure_is_saved_and_run_again_before_any_seed() {
        let case = case();
        let mut found = search(&case, &racy).unwrap_err();
        assert!(found.saved.is_none());
        keep(&case, &mut found);
        assert_eq!(found.saved.as_deref(), Some("tests/payments.durasim-seeds"));

        let again = search(&case, &racy).unwrap_err();
        assert_eq!(again.spent.worlds, 1);
        assert_eq!(
            (again.code, again.tape, again.seed),
            (found.code, found.tape, found.seed)
        );
    }

    #[test]
    fn a_damaged_file_fails_the_test_with_the_line_to_correct() {
        let case = case();
        std::fs::write(
            Path::new(case.manifest_dir).join("tests/payments.durasim-seeds"),
            "garbage",
        )
        .unwrap();
        let report = search(&case, &racy).unwrap_err();
        let message = report.message.unwrap();
        assert!(
            message.contains("payments.durasim-seeds:1: unknown line `garbage`"),
            "{message}"
        );
    }

    #[test]
    fn a_plan_that_matches_nothing_any_more_is_drift_and_no_failure() {
        let mut found = search(&case(), &racy).unwrap_err();
        let case = case();
        for entry in &mut found.tape.as_mut().unwrap().entries {
            entry.point.key.push_str("-renamed");
        }
        let tape = found.tape.clone().unwrap();
        keep(&case, &mut found);
        let campaign = Campaign::new(&racy, case.options.world_options());
        assert_eq!(rerun(&case, &campaign), Ok(()));
        assert_eq!(
            drifted(&tape, &campaign.tape(&tape).tape),
            tape.entries.len()
        );
    }
}
