//! `invariant`: a condition of the test holds after every step.

use std::panic::Location;

use durasim_engine::START_MS;

use super::{Check, Needs};
use crate::{
    panics,
    report::{Failure, FailureCode, SourceLine},
    words::duration_words,
};

pub(super) const CHECK: Check = Check {
    code: FailureCode::Invariant,
    needs: Needs::Invariants(check),
};

/// A value that the closure of an invariant may return.
pub trait Holds {
    /// Returns `Ok` if the invariant holds.
    ///
    /// # Errors
    ///
    /// The reason why it does not hold, for the report; perhaps empty.
    fn holds(self) -> Result<(), String>;
}

impl Holds for bool {
    fn holds(self) -> Result<(), String> {
        if self { Ok(()) } else { Err(String::new()) }
    }
}

impl<E: std::fmt::Display> Holds for Result<(), E> {
    fn holds(self) -> Result<(), String> {
        self.map_err(|reason| reason.to_string())
    }
}

/// A condition that must hold after every step.
pub(crate) struct Invariant {
    name: String,
    location: &'static Location<'static>,
    holds: Box<dyn Fn() -> Result<(), String>>,
}

impl Invariant {
    pub(crate) fn new(
        name: String,
        location: &'static Location<'static>,
        holds: Box<dyn Fn() -> Result<(), String>>,
    ) -> Self {
        Self {
            name,
            location,
            holds,
        }
    }

    /// Evaluates the invariant at `now_ms`. Returns the failure if the invariant does not hold, or
    /// if its closure panics.
    fn check(&self, now_ms: u64) -> Option<Failure> {
        let what = || format!("invariant {:?}", self.name);
        match panics::guarded(what, || (self.holds)()) {
            Ok(Ok(())) => None,
            Ok(Err(reason)) => Some(failure(
                &self.name,
                reason,
                now_ms - START_MS,
                self.location.into(),
            )),
            Err(panicked) => Some(*panicked),
        }
    }
}

/// Returns the failure of the first invariant that does not hold.
fn check(invariants: &[Invariant], now_ms: u64) -> Option<Failure> {
    invariants
        .iter()
        .find_map(|invariant| invariant.check(now_ms))
}

/// Returns the failure of an invariant that does not hold; `now_ms` is the virtual time since the
/// start of the world.
pub(super) fn failure(name: &str, reason: String, now_ms: u64, location: SourceLine) -> Failure {
    let what = format!(
        "invariant {name:?} does not hold at +{}",
        duration_words(now_ms)
    );
    let failure = Failure::new(FailureCode::Invariant, what).at(location);
    if reason.is_empty() {
        return failure;
    }
    failure.with_message(reason)
}
