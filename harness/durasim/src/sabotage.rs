//! One piece of durasim, broken on purpose: a test of durasim that would not notice tests nothing.
//!
//! Each fault, each check and each piece that they rest on can be broken by its name, at the one
//! place where it does its deed. A test breaks one for its own thread and the threads of the runs
//! that it starts, and expects to fail. Nothing can be broken outside of this crate's own tests:
//! there `broken!` is `false`, and the rest of this module does not exist.
//!
//! The tests are the probes in `faults`, `checks` and `pieces`: each shows its evidence while
//! nothing is broken, and none once its piece is. `catalogue` sees to it that nothing is left out.

#[cfg(test)]
mod catalogue;
#[cfg(test)]
mod checks;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod pieces;
#[cfg(test)]
mod prove;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod stage;

/// Whether a test has broken this piece: nowhere but in a test.
#[cfg(not(test))]
macro_rules! broken {
    ($($pattern:tt)*) => {
        false
    };
}

/// Whether a test has broken this piece: a pattern of `Sabotage`, its name left out, or `check` and
/// its code.
#[cfg(test)]
macro_rules! broken {
    (check $code:ident) => {
        $crate::sabotage::broken!(Check($crate::report::FailureCode::$code))
    };
    ($variant:ident $(($($field:pat),*))? $(if $guard:expr)?) => {
        matches!(
            $crate::sabotage::current(),
            Some($crate::sabotage::Sabotage::$variant $(($($field),*))?) $(if $guard)?
        )
    };
}

pub(crate) use broken;

/// What runs on a thread of its own, with the same piece broken there as here.
#[cfg(not(test))]
pub(crate) fn inherited<F>(run: F) -> F {
    run
}

#[cfg(test)]
pub(crate) use prove::{Sabotage, current, inherited};
