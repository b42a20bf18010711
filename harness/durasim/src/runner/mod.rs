//! Running tests: one world, many seeds, or a search, and what is printed in the end.

mod campaign;
mod case;
mod explore;
mod judge;
mod plan;
mod saved;
mod test;
mod world;

pub use campaign::Campaign;
pub(crate) use campaign::Signature;
pub use case::TestCase;
pub(crate) use plan::is_fault;
#[cfg(test)]
pub(crate) use saved::keep;
pub use test::run;
#[cfg(test)]
pub(crate) use test::search;
pub(crate) use test::{fail, seed_from_environment};
pub use world::{Body, run_world};
