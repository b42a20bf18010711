//! `invariant`: a condition of the test's own holds after every step.

use crate::{broken::broken, panics, report::FailureReport};
use durasim_engine::START_MS;
use std::panic::Location;

/// A value that the closure of an invariant may return.
pub trait Holds {
    /// Returns `Ok` if the invariant holds.
    ///
    /// # Errors
    ///
    /// The reason why it does not hold, for the report.
    fn holds(self) -> Result<(), String>;
}

impl Holds for bool {
    fn holds(self) -> Result<(), String> {
        if self {
            Ok(())
        } else {
            Err("it does not hold".to_owned())
        }
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

    /// Evaluates the invariant at `now_ms` (virtual milliseconds since the Unix epoch). Returns the
    /// failure if it does not hold, or if its closure panics.
    pub(crate) fn check(&self, now_ms: u64) -> Option<FailureReport> {
        if broken!(check Invariant) {
            return None;
        }
        let what = || format!("invariant {:?}", self.name);
        match panics::guarded(what, || (self.holds)()) {
            Ok(Ok(())) => None,
            Ok(Err(reason)) => Some(FailureReport::invariant_broken(
                &self.name,
                Some(reason),
                now_ms - START_MS,
                Some(self.location.into()),
            )),
            Err(panicked) => Some(*panicked),
        }
    }
}
