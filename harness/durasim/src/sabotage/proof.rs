//! The proof that a test notices when a piece is broken.

use crate::broken::{Broken, Sabotage};

/// The evidence that a probe looks for, or a description of what is missing.
pub(super) type Evidence = Result<(), String>;

/// Returns `Ok` if the evidence is there, else a description of what is missing.
pub(super) fn shown(is_so: bool, what: impl FnOnce() -> String) -> Evidence {
    if is_so { Ok(()) } else { Err(what()) }
}

/// Asserts that the probe finds its evidence, and finds none once the piece is broken.
#[track_caller]
pub(super) fn prove(sabotage: Sabotage, probe: impl Fn() -> Evidence) {
    if let Err(missing) = probe() {
        panic!("{missing}");
    }
    let _broken = Broken::by(sabotage);
    assert!(probe().is_err(), "with {sabotage:?} broken, nobody notices");
}

/// Defines tests that each break one piece, and the list of those pieces.
macro_rules! probes {
    ($($name:ident, breaks $sabotage:expr => $probe:expr;)*) => {
        /// The pieces that the tests of this module break.
        pub(in crate::sabotage) const BROKEN: &[$crate::broken::Sabotage] = &[$($sabotage),*];

        $(
            #[test]
            fn $name() {
                $crate::sabotage::proof::prove($sabotage, $probe);
            }
        )*
    };
}

pub(super) use probes;
