//! Failures found before: run again first, and kept when they are new.

use super::{
    campaign::{Campaign, is_fault},
    test::{TestCase, judge},
    world::ChoiceSource,
};
use crate::{
    regressions::{Regressions, SavedFailure},
    report::FailureReport,
};
use durasim_engine::{Point, Tape};
use std::path::Path;

/// Runs the plans of failures found before.
///
/// A plan that passes stays saved: it may be what the next change breaks.
pub(super) fn rerun(case: &TestCase, campaign: &Campaign<'_>) -> Result<(), FailureReport> {
    let saved = Regressions::beside(case.manifest_dir, case.file)
        .map_err(|error| FailureReport::returned_error(error.to_string(), None))?;
    let Some(saved) = saved else { return Ok(()) };
    let mut steps = 0;
    for (tape, worlds) in saved.tapes(case.name).zip(1..) {
        let report = campaign.run(ChoiceSource::Tape(tape.clone()));
        let drifted = drifted(tape, &report.tape);
        let this_run = report.steps;
        judge(campaign, report, worlds, steps).map_err(|mut failure| {
            if let Some(plan) = &mut failure.plan {
                plan.found = tape.entries.iter().filter(|entry| is_fault(entry)).count();
                plan.drifted = drifted;
            }
            failure
        })?;
        steps += this_run;
    }
    Ok(())
}

/// How many choices of a saved tape the run no longer came to.
fn drifted(saved: &Tape, taken: &Tape) -> usize {
    let came_to = |point: &Point| taken.entries.iter().any(|entry| entry.point == *point);
    saved.entries.iter().filter(|entry| !came_to(&entry.point)).count()
}

/// Saves the plan of a failure beside the test, and says so in its report.
pub(super) fn keep(case: &TestCase, failure: &mut FailureReport) {
    let Some(tape) = failure.tape.clone().filter(|tape| !tape.is_empty()) else { return };
    // A damaged file has been reported by `rerun` already, unless one world was asked for by its seed.
    let Ok(Some(mut saved)) = Regressions::beside(case.manifest_dir, case.file) else { return };
    let entry = SavedFailure { test: case.name.to_owned(), fails: failure.code.to_string(), tape };
    match saved.save(entry) {
        Ok(_) => {
            let file = saved.path().file_name().unwrap_or_default();
            failure.saved = Some(Path::new(case.file).with_file_name(file).display().to_string());
        }
        // The report matters more than its keeping.
        Err(error) => eprintln!("{error}"),
    }
}
