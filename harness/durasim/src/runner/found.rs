//! The report of a failure: what broke in the smallest world that fails alike, and how that world
//! was found.

use durasim_engine::Tape;

use super::{campaign::Campaign, plan};
use crate::{
    outcome::WorldReport,
    report::{Failure, FailureReport, Found, Spent},
};

/// The way of a search to a world that failed.
pub(crate) struct Finding<'a> {
    /// The choices of the world in which the failure was first seen.
    pub(crate) tape: &'a Tape,
    /// The number of those choices that were saved and match no point of the world any more.
    pub(crate) drifted: usize,
    /// The cost so far.
    pub(crate) spent: Spent,
}

impl<'a> Finding<'a> {
    /// Returns the finding of a world that failed after others; `spent` is the cost of those.
    pub(crate) fn after(spent: Spent, failed: &'a WorldReport) -> Self {
        Self {
            tape: &failed.tape,
            drifted: 0,
            spent: Spent {
                worlds: spent.worlds + 1,
                steps: spent.steps + failed.steps,
                ..spent
            },
        }
    }
}

impl Campaign<'_> {
    /// Shrinks a world that failed: makes its choices benign again, as long as the same failure
    /// appears at the same place. Returns the report of the smallest world found.
    ///
    /// # Panics
    ///
    /// If the world did not fail.
    pub fn shrink(&self, failed: &WorldReport) -> FailureReport {
        self.report(failed, &Finding::after(Spent::default(), failed))
    }

    /// Returns the report of a world that failed, shrunk.
    pub(crate) fn report(&self, failed: &WorldReport, finding: &Finding<'_>) -> FailureReport {
        if let Some(failure) = self.unrepeatable(failed) {
            return FailureReport {
                failure,
                found: Found {
                    spent: finding.spent,
                    ..Found::default()
                },
            };
        }
        let smallest = self.smallest(failed);
        let has_choices = !finding.tape.is_empty() || !smallest.tape.is_empty();
        let plan = has_choices.then(|| plan::words(finding.tape, &smallest.tape, finding.drifted));
        // Of a world that was given up, nothing but its seed is known.
        let is_known = smallest.tape.seed.is_some() && !failed.stalled;
        let takes_choices = !smallest.tape.is_empty() || is_known;
        let drawn = self.picture(failed, &smallest.failure, &smallest.tape, finding.tape);
        FailureReport {
            failure: smallest.failure,
            found: Found {
                plan,
                real_io: failed.real_io.clone(),
                story: smallest.story,
                drawn,
                seed: failed.tape.seed,
                spent: Spent {
                    shrink_runs: finding.spent.shrink_runs + smallest.tried,
                    ..finding.spent
                },
                tape: takes_choices.then_some(smallest.tape),
                ..Found::default()
            },
        }
    }

    /// Returns `Err` with the report if a world failed that a search ran after others; `spent` is
    /// the cost of those.
    pub(super) fn must_pass(
        &self,
        report: &WorldReport,
        spent: Spent,
    ) -> Result<(), Box<FailureReport>> {
        if report.failure.is_none() {
            return Ok(());
        }
        Err(Box::new(
            self.report(report, &Finding::after(spent, report)),
        ))
    }
}

/// Returns `Err` with the report of a failure that is of no world.
pub(crate) fn of_no_world<T>(failure: Failure, spent: Spent) -> Result<T, Box<FailureReport>> {
    let found = Found {
        spent,
        ..Found::default()
    };
    Err(Box::new(FailureReport { failure, found }))
}
