//! Parts of durasim that are broken on purpose: a test that does not notice tests nothing.
//!
//! Each fault, each check and each mechanism under them can be broken by name, at the one place
//! where that part does its work: `broken!(Budget)` is `true` there while a test has broken the
//! budget. Outside of this crate's own tests `broken!` is `false`, and nothing can be broken. The
//! tests are the probes in `crate::sabotage`.

#[cfg(test)]
mod part;

/// `false`: nothing can be broken outside of this crate's own tests.
#[cfg(not(test))]
macro_rules! broken {
    ($($pattern:tt)*) => {
        false
    };
}

/// `true` if a test has broken this part: a pattern of `Sabotage` without the enum's name.
#[cfg(test)]
macro_rules! broken {
    ($variant:ident $(($($field:pat),*))? $(if $guard:expr)?) => {
        matches!(
            $crate::broken::current(),
            Some($crate::broken::Sabotage::$variant $(($($field),*))?) $(if $guard)?
        )
    };
}

pub(crate) use broken;

/// Returns the closure as it is: nothing is broken that another thread could inherit.
#[cfg(not(test))]
pub(crate) fn inherited<F>(run: F) -> F {
    run
}

#[cfg(test)]
pub(crate) use part::{Broken, Sabotage, current, inherited};
