//! `effects_once`: each activity's effect, recorded in an [`EffectLedger`](crate::EffectLedger), is
//! applied at most once, however many attempts it took.

use crate::{EffectLedger, broken::broken, ledger::Effect, report::FailureReport};

/// What a watched ledger says, the type of its effects forgotten.
pub(crate) type Watched = Box<dyn Fn() -> Option<FailureReport>>;

/// A watch over a ledger: the report of the first effect that was applied again, if any was.
pub(crate) fn watch<E: Effect>(ledger: EffectLedger<E>) -> Watched {
    Box::new(move || {
        if broken!(check EffectsOnce) {
            return None;
        }
        let again = ledger.applied_again().into_iter().next()?;
        let appliers: Vec<_> = again.appliers.iter().map(ToString::to_string).collect();
        Some(FailureReport::applied_again(
            ledger.name(),
            &again.effect,
            &appliers,
            Some(again.location.into()),
        ))
    })
}
