//! The verdict on a world: the one failure that is reported, of all that speak against it.
//!
//! [`verdict`] holds the whole order of precedence. Nothing else in durasim weighs two failures
//! against each other, except that a world ends with the first failure in it.

use crate::{
    broken::broken,
    checks::{self, liveness},
    outcome::{Reference, WorldOptions, WorldReport},
    report::{Failure, FailureCode},
    world::diagnosis::Unpolled,
};

/// Everything that the state of a world shows against it when the world has ended.
pub(super) struct Evidence {
    /// The failure that ended the world.
    pub(super) ended_by: Option<Failure>,
    /// An observation of the test that cannot be read.
    pub(super) unreadable: Option<Failure>,
    /// An effect that was applied more than once.
    pub(super) of_ledgers: Option<Failure>,
    /// A fault that was placed by hand and did not happen.
    pub(super) missed_fault: Option<Failure>,
    /// A mock that was called more or less often than expected.
    pub(super) of_mocks: Option<Failure>,
    /// Workflow code that something outside the SDK has woken.
    pub(super) woken_from_outside: Option<Failure>,
    /// The activities that timed out because no worker has them.
    pub(super) unpolled: Vec<Unpolled>,
}

/// Returns the failure of a world that has ended, if it failed.
///
/// Each rule adds a failure if those above it found none, or replaces their failure by its cause.
pub(super) fn verdict(
    evidence: Evidence,
    report: &WorldReport,
    options: &WorldOptions,
    reference: Option<&Reference>,
) -> Option<Failure> {
    // 1. The failure that ended the world: an error or a panic of the test, an invariant, workflow
    //    code that does not follow its history, a limit, a world in which nothing can happen.
    let mut failure = evidence.ended_by;

    // 2. An observation that cannot be read: nothing can be compared.
    failure = failure.or_else(|| evidence.unreadable.filter(counts));

    // 3. An effect that was applied more than once.
    failure = failure.or_else(|| evidence.of_ledgers.filter(counts));

    // 4. A fault that was placed by hand and did not happen: the test did not test what it names.
    failure = failure.or_else(|| evidence.missed_fault.filter(counts));

    // 5. A mock that was called more or less often than expected.
    failure = failure.or_else(|| evidence.of_mocks.filter(counts));

    // 6. Workflow code that something outside the SDK has woken. It makes its workflow hang, so it
    //    is the cause of whatever may follow from a hang.
    if failure.as_ref().is_none_or(may_follow_from_a_hang) {
        failure = evidence.woken_from_outside.or(failure);
    }

    // 7. An activity that no worker has, if its timeout is what the test failed of.
    let unpolled = failure.as_ref().and_then(|failure| {
        let mut latest_first = evidence.unpolled.iter().rev();
        latest_first.find_map(|unpolled| unpolled.behind(failure))
    });
    failure = unpolled.or(failure);

    // 8. The checks of histories, in the order of their catalogue.
    failure = failure.or_else(|| checks::of_histories(report, options));

    let Some(reference) = reference else {
        return failure;
    };

    // 9. A workflow that hangs under faults and closes without: the faults are the cause of the
    //    hang, and the test that waits for the workflow has no flaw of its own.
    let hang = failure.as_ref().filter(|_| !options.faults.is_none());
    let left_open = hang.and_then(|hang| liveness::behind_hang(hang, report, reference));
    failure = left_open.or(failure);

    // 10. The checks beside the fault-free world, in the order of their catalogue.
    failure.or_else(|| checks::beside_fault_free(report, reference))
}

/// Returns `true` unless this crate's own tests have broken verdicts of this kind.
#[cfg_attr(
    not(test),
    expect(unused_variables, reason = "only tests break verdicts")
)]
fn counts(failure: &Failure) -> bool {
    !broken!(Verdict(code) if code == failure.code)
}

/// Returns `true` if a test may fail like this because one of its workflows hangs.
fn may_follow_from_a_hang(failure: &Failure) -> bool {
    matches!(
        failure.code,
        FailureCode::Panic | FailureCode::Error | FailureCode::Stuck | FailureCode::Limit
    )
}
