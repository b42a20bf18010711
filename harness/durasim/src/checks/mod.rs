//! What is checked of every run, one file each.

mod core_replay;
pub(crate) mod effects_once;
mod history;
mod idempotency;
pub(crate) mod invariant;
mod liveness;
pub(crate) mod replay;
mod sometimes;

use crate::{
    outcome::{Reference, WorldOptions, WorldReport},
    report::FailureReport,
};

pub use invariant::Holds;
pub(crate) use sometimes::Sometimes;

/// The checks of a world that has ended, in order; the first failure counts.
pub(crate) fn at_end(report: &WorldReport, options: &WorldOptions) -> Option<FailureReport> {
    let replayed = || replay::check(&report.replays, &report.histories, options.choices.seed());
    history::check(&report.histories)
        .or_else(|| options.replay.then(replayed).flatten())
        .or_else(|| {
            options
                .core_replay
                .then(|| core_replay::check(&report.replays, &report.histories))
                .flatten()
        })
}

/// The checks that compare a world with the fault-free one.
pub(crate) fn against(report: &WorldReport, reference: &Reference) -> Option<FailureReport> {
    idempotency::check(report, reference).or_else(|| liveness::check(report, reference))
}

/// What the failure of a world under faults is, compared with the fault-free one.
pub(crate) fn failed_under_faults(
    failure: FailureReport,
    report: &WorldReport,
    reference: &Reference,
) -> FailureReport {
    liveness::judged(failure, report, reference)
}
