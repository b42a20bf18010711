//! The checks: properties that are verified in every world, one file each.
//!
//! Adding a check is one new file and one line in the list below. The file declares a [`Check`]
//! with the code of its failures, which has a row in the table of
//! [`FailureCode`](crate::report::FailureCode).

#[cfg(test)]
mod tests;

use crate::{
    broken::broken,
    expected_calls::MockCalls,
    outcome::{Reference, WorldOptions, WorldReport},
    report::{Failure, FailureCode},
};
use effects_once::Watched;
use invariant::Invariant;

pub use invariant::{Holds, Violation};
pub(crate) use sometimes::Sometimes;

/// Declares the file of each check, and lists the checks.
macro_rules! checks {
    ($(mod $name:ident;)+) => {
        $(pub(crate) mod $name;)+

        const CHECKS: &[Check] = &[$($name::CHECK),+];
    };
}

// In order of precedence: the first that finds a failure counts.
checks! {
    mod invariant;
    mod effects_once;
    mod mocks;
    mod history;
    mod replay;
    mod core_replay;
    mod idempotency;
    mod liveness;
    mod recovery;
    mod sometimes;
}

/// A property that is verified in every world.
struct Check {
    /// The code of its failures, whose name is the name of the check and of its file.
    code: FailureCode,
    /// The evidence that the check looks at, and the function that does.
    needs: Needs,
}

/// The evidence that a check needs, with the function that finds the first failure in it.
#[derive(Clone, Copy)]
enum Needs {
    /// The invariants of a running world, after each step: the time is in virtual milliseconds
    /// since the Unix epoch.
    Invariants(fn(&[Invariant], u64) -> Option<Failure>),
    /// The ledgers of a world that has come to its end.
    Ledgers(fn(&[Watched]) -> Option<Failure>),
    /// The calls of mocks in a world that has come to its end.
    MockCalls(fn(&[MockCalls]) -> Option<Failure>),
    /// The histories of a world that has ended without a failure.
    Histories(fn(&WorldReport, &WorldOptions) -> Option<Failure>),
    /// The report of such a world, and the fault-free world.
    FaultFreeWorld(fn(&WorldReport, &Reference) -> Option<Failure>),
    /// The labels that all worlds of a search have reached.
    Search(fn(&Sometimes) -> Option<Failure>),
}

/// Checks a running world after a step, at `now_ms`.
pub(crate) fn after_step(invariants: &[Invariant], now_ms: u64) -> Option<Failure> {
    first(|needs| match needs {
        Needs::Invariants(check) => check(invariants, now_ms),
        _ => None,
    })
}

/// Checks the ledgers of a world that has come to its end.
pub(crate) fn of_ledgers(ledgers: &[Watched]) -> Option<Failure> {
    first(|needs| match needs {
        Needs::Ledgers(check) => check(ledgers),
        _ => None,
    })
}

/// Checks the calls of mocks in a world that has come to its end.
pub(crate) fn of_mocks(mocks: &[MockCalls]) -> Option<Failure> {
    first(|needs| match needs {
        Needs::MockCalls(check) => check(mocks),
        _ => None,
    })
}

/// Checks the histories of a world that has ended.
pub(crate) fn of_histories(report: &WorldReport, options: &WorldOptions) -> Option<Failure> {
    first(|needs| match needs {
        Needs::Histories(check) => check(report, options),
        _ => None,
    })
}

/// Compares a world that has ended with the fault-free world.
pub(crate) fn beside_fault_free(report: &WorldReport, reference: &Reference) -> Option<Failure> {
    first(|needs| match needs {
        Needs::FaultFreeWorld(check) => check(report, reference),
        _ => None,
    })
}

/// Checks a search in which no world failed.
pub(crate) fn of_search(sometimes: &Sometimes) -> Option<Failure> {
    first(|needs| match needs {
        Needs::Search(check) => check(sometimes),
        _ => None,
    })
}

/// Returns the failure that the first of the checks finds.
fn first(apply: impl Fn(Needs) -> Option<Failure>) -> Option<Failure> {
    CHECKS.iter().find_map(|check| {
        if broken!(Check(code) if code == check.code) {
            return None;
        }
        let failure = apply(check.needs)?;
        let name = check.code.name();
        tracing::debug!(target: "durasim", check = name, "the check failed: {}", failure.what);
        Some(failure)
    })
}
