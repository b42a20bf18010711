//! The proof that a test notices when a part is broken.

use crate::broken::{Broken, Sabotage};

/// The evidence that a probe looks for, or a description of what is missing.
pub(super) type Evidence = Result<(), String>;

/// Returns `Ok` if the evidence is there, else a description of what is missing.
pub(super) fn shown(is_so: bool, what: impl FnOnce() -> String) -> Evidence {
    if is_so { Ok(()) } else { Err(what()) }
}

/// Asserts that the probe finds its evidence, and finds none once the part is broken.
#[track_caller]
pub(super) fn prove(sabotage: Sabotage, probe: impl Fn() -> Evidence) {
    if let Err(missing) = probe() {
        panic!("{missing}");
    }
    let _broken = Broken::by(sabotage);
    assert!(
        probe().is_err(),
        "the probe finds its evidence although {sabotage:?} is broken"
    );
}

/// Defines tests that each break one part, and the list of those parts.
macro_rules! probes {
    ($($name:ident, breaks $sabotage:expr => $probe:expr;)*) => {
        /// The parts that the tests of this module break.
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
