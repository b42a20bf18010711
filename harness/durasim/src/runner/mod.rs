//! Running tests: one world, many seeds, or a search, and what is printed in the end.

mod campaign;
mod explore;
mod saved;
mod test;
mod world;

pub use campaign::Campaign;
pub(crate) use campaign::{Reference, Signature, is_fault};
#[cfg(test)]
pub(crate) use saved::keep;
#[cfg(test)]
pub(crate) use test::search;
pub use test::{TestCase, run};
pub(crate) use test::{fail, seed_from_environment};
pub use world::{Body, ChoiceSource, WorldOptions, WorldReport, run_world};
