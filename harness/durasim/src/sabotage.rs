//! Proof that durasim's own tests notice when a part of durasim is [broken](crate::broken).
//!
//! The tests are the probes in `faults`, `checks` and `mechanisms`. Each finds its evidence while
//! nothing is broken, and finds none once its part is broken. `catalogue` asserts that no fault and
//! no check is without a probe.

mod catalogue;
mod checks;
mod faults;
mod inside_activities;
mod mechanisms;
mod payments;
mod proof;
mod shop;
