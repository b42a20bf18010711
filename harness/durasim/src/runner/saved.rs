//! Failures found before: run again first, and kept when they are new.

use std::{fmt, path::Path};

use super::{
    campaign::Campaign,
    case::TestCase,
    found::{Finding, of_no_world},
};
use crate::{
    broken::broken,
    outcome::ChoiceSource,
    regressions::{Regressions, SavedFailure},
    report::{Failure, FailureReport, Spent},
};

/// The saved plans of a test that match nothing any more, if there are any.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stale {
    test: String,
    file: String,
    /// The failure of each plan: `DS103 idempotency`.
    fails: Vec<String>,
}

/// The notice: what happened, where, and what to do.
impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { test, file, fails } = self;
        let names = fails.join(", ");
        match fails.len() {
            1 => write!(
                f,
                "durasim: 1 saved plan of {test} ({names}) matches no point of the test any more \
                 and tests nothing; delete its entry from {file}"
            ),
            count => write!(
                f,
                "durasim: {count} saved plans of {test} ({names}) match no point of the test any \
                 more and test nothing; delete their entries from {file}"
            ),
        }
    }
}

/// Runs the plans of failures found before. Returns those that match nothing any more, if all pass.
///
/// A plan that passes stays saved: the next change may break it again.
pub(super) fn rerun(
    case: &TestCase,
    campaign: &Campaign<'_>,
) -> Result<Option<Stale>, Box<FailureReport>> {
    let saved = match Regressions::beside(case.manifest_dir, case.file) {
        Ok(saved) => saved.filter(|_| !broken!(SavedFailures)),
        Err(error) => return of_no_world(Failure::setup(error.to_string()), Spent::default()),
    };
    let Some(saved) = saved else {
        return Ok(None);
    };
    let mut spent = Spent::default();
    let mut stale = Vec::new();
    for SavedFailure { tape, fails, .. } in saved.of_test(case.name) {
        let report = campaign.run(ChoiceSource::Tape(tape.clone()));
        if report.failure.is_some() {
            let finding = Finding {
                tape,
                drifted: report.drift.len(),
                ..Finding::after(spent, &report)
            };
            return Err(Box::new(campaign.report(&report, &finding)));
        }
        if !tape.is_empty() && report.drift.len() == tape.len() {
            stale.push(fails.clone());
        }
        spent.worlds += 1;
        spent.steps += report.steps;
    }
    Ok((!stale.is_empty()).then(|| Stale {
        test: case.name.to_owned(),
        file: beside(case, saved.path()),
        fails: stale,
    }))
}

/// Saves the plan of a failure beside the test, and says so in its report.
pub(super) fn keep(case: &TestCase, report: &mut FailureReport) {
    // Without a choice and without a seed it is the fault-free world, which runs first anyway.
    let Some(tape) = report.found.tape.clone() else {
        return;
    };
    // `rerun` has reported a damaged file already, unless one world was asked for by its seed.
    let Ok(Some(mut saved)) = Regressions::beside(case.manifest_dir, case.file) else {
        return;
    };
    let entry = SavedFailure {
        test: case.name.to_owned(),
        fails: report.failure.code.to_string(),
        tape,
    };
    match saved.save(entry) {
        Ok(_) => report.found.saved = Some(beside(case, saved.path())),
        // The report matters more than its keeping.
        Err(error) => eprintln!("{error}"),
    }
}

/// Returns the path of a file beside the test, as the compiler would name it.
fn beside(case: &TestCase, path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    let file = Path::new(case.file).with_file_name(name);
    file.display().to_string()
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, rc::Rc};

    use futures::future::{FutureExt, LocalBoxFuture};
    use pretty_assertions::assert_eq;

    use super::*;
    use crate::{
        TestWorkflowEnvironment,
        error::TestResult,
        options::TestOptions,
        runner::test::{run_test, search},
    };

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

    /// Fails in every world.
    fn wrong(_: TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult> {
        async { panic!("out of paper") }.boxed_local()
    }

    fn case() -> TestCase {
        TestCase::in_a_new_package("payments::races", TestOptions::new().seeds(64))
    }

    /// Saves the failure of a racy test, its points renamed as a change of the code renames them.
    fn case_with_a_stale_plan() -> TestCase {
        let mut found = search(&case(), &racy).unwrap_err();
        for entry in &mut found.found.tape.as_mut().unwrap().entries {
            entry.point.key.push_str("-renamed");
        }
        let case = case();
        keep(&case, &mut found);
        case
    }

    #[test]
    fn a_failure_is_saved_and_run_again_before_any_seed() {
        let case = case();
        let found = run_test(&case, &racy).unwrap_err();
        assert_eq!(
            found.found.saved.as_deref(),
            Some("tests/payments.durasim-seeds")
        );

        let again = run_test(&case, &racy).unwrap_err();
        assert_eq!(again.found.spent.worlds, 1);
        assert_eq!(again.failure, found.failure);
        assert_eq!(
            (again.found.tape, again.found.seed),
            (found.found.tape, found.found.seed)
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
        let message = report.failure.message.unwrap();
        assert!(
            message.contains("payments.durasim-seeds:1: unknown line `garbage`"),
            "{message}"
        );
    }

    #[test]
    fn a_plan_that_matches_nothing_any_more_passes_with_a_notice() {
        let case = case_with_a_stale_plan();
        let campaign = Campaign::new(&racy, case.options.world_options());
        let stale = rerun(&case, &campaign).unwrap().expect("a stale plan");
        assert_eq!(
            stale.to_string(),
            "durasim: 1 saved plan of payments::races (DS001 panic) matches no point of the test \
             any more and tests nothing; delete its entry from tests/payments.durasim-seeds"
        );
        let of_two = Stale {
            fails: vec!["DS001 panic".to_owned(), "DS105 liveness".to_owned()],
            ..stale
        };
        assert_eq!(
            of_two.to_string(),
            "durasim: 2 saved plans of payments::races (DS001 panic, DS105 liveness) match no \
             point of the test any more and test nothing; delete their entries from \
             tests/payments.durasim-seeds"
        );
    }

    #[test]
    fn a_plan_that_still_matches_passes_without_a_notice() {
        let case = case();
        let found = search(&case, &racy).unwrap_err();
        keep(&case, &mut found.clone());
        let fine = |env: TestWorkflowEnvironment| {
            async move {
                for _ in [1, 2] {
                    env.spawn(async {});
                }
                env.sleep(std::time::Duration::from_secs(1)).await;
                Ok(())
            }
            .boxed_local()
        };
        let campaign = Campaign::new(&fine, case.options.world_options());
        assert_eq!(rerun(&case, &campaign), Ok(None));
    }

    #[test]
    fn a_failing_report_counts_the_saved_choices_that_match_nothing_any_more() {
        let case = case_with_a_stale_plan();
        let campaign = Campaign::new(&wrong, case.options.world_options());
        let report = rerun(&case, &campaign).unwrap_err();
        let plan = report.found.plan.as_ref().unwrap();
        assert!(plan.drifted > 0);
        let words = format!("{} saved choice", plan.drifted);
        assert!(report.to_string().contains(&words), "{report}");
    }
}
