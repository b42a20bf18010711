//! The complete report of a world that failed.

use super::campaign::Campaign;
use crate::{
    outcome::{ChoiceSource, WorldReport},
    report::{FailureReport, Spent},
};

/// `Err` with the complete report if the world failed.
pub(super) fn judge(
    campaign: &Campaign<'_>,
    report: &WorldReport,
    worlds: u64,
    steps: u64,
) -> Result<(), Box<FailureReport>> {
    let Some(failure) = &report.failure else {
        return Ok(());
    };
    if report.tape.entries.is_empty() {
        let explained = campaign.explained(ChoiceSource::Tape(report.tape.clone()), failure);
        let mut failure = explained
            .and_then(|report| report.failure)
            .unwrap_or_else(|| failure.clone());
        failure.seed = report.tape.seed;
        failure.tape = Some(report.tape.clone());
        failure.spent = Spent {
            worlds,
            steps: steps + report.steps,
            shrink_runs: 0,
        };
        return Err(Box::new(failure));
    }
    let smallest = campaign.shrink(report);
    let mut failure = smallest
        .failure
        .expect("the smallest world fails as the one it came from");
    failure.spent.worlds = worlds;
    failure.spent.steps += steps;
    Err(Box::new(failure))
}
