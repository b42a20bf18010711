//! Proof that durasim's own tests notice when one of its pieces is [broken](crate::broken).
//!
//! The tests are the probes in `faults`, `checks` and `pieces`: each finds its evidence while
//! nothing is broken, and none once its piece is broken. `catalogue` asserts that no fault, check or
//! piece is left out.

mod catalogue;
mod checks;
mod faults;
mod pieces;
mod proof;
mod shop;
mod stage;
