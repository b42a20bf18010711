//! `effects_once`: each activity's effect, recorded in an [`EffectLedger`](crate::EffectLedger), is
//! applied at most once, however many attempts it took.

use super::{Check, Needs};
use crate::{
    EffectLedger,
    ledger::Effect,
    report::{Failure, FailureCode, SourceLine},
};

pub(super) const CHECK: Check = Check {
    code: FailureCode::EffectsOnce,
    needs: Needs::Ledgers(check),
};

/// A watch over a ledger, whatever the type of its effects: returns the failure of the first effect
/// that was applied again.
pub(crate) type Watched = Box<dyn Fn() -> Option<Failure>>;

/// Watches a ledger.
pub(crate) fn watch<E: Effect>(ledger: EffectLedger<E>) -> Watched {
    Box::new(move || {
        let again = ledger.applied_again().into_iter().next()?;
        let appliers: Vec<_> = again.appliers.iter().map(ToString::to_string).collect();
        let mut failure = failure(
            ledger.name(),
            &again.effect,
            &appliers,
            again.location.into(),
        );
        failure.applier = again.appliers.into_iter().nth(1);
        Some(failure)
    })
}

/// Returns the failure of the first effect that was applied more than once, in any ledger.
fn check(ledgers: &[Watched]) -> Option<Failure> {
    ledgers.iter().find_map(|applied_again| applied_again())
}

/// Returns the failure of an effect of `ledger` that was applied more than once; `applications` has
/// a line for each time.
pub(super) fn failure(
    ledger: &str,
    key: &str,
    applications: &[String],
    location: SourceLine,
) -> Failure {
    let what = format!(
        "effect {key:?} of {ledger} was applied {} times",
        applications.len()
    );
    Failure::new(FailureCode::EffectsOnce, what)
        .with_message(applications.join("\n"))
        .at(location)
}
