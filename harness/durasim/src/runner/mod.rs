//! Running tests: one world, many seeds, or a search, and the report at the end.

mod again;
mod campaign;
mod case;
mod drawing;
mod explore;
mod found;
mod fresh_process;
mod histories;
mod of_histories;
mod plan;
mod progress;
mod repeats;
mod saved;
mod shrinking;
mod slow;
mod summary;
mod test;
mod verdict;
mod world;

pub use campaign::Campaign;
pub use case::TestCase;
#[cfg(test)]
pub(crate) use fresh_process::{answer, check as check_in_fresh_process};
pub use of_histories::{Histories, HistoryMode};
pub use summary::{Plans, SearchSummary, SlowestRecovery};
pub use test::{body, run, run_test};
pub use world::{Body, run_world};
#[cfg(feature = "proptest")]
pub(crate) use {
    drawing::{is_drawn, keep},
    found::{Finding, of_no_world},
    shrinking::Signature,
    test::{fail, must_reach, of_test, seed_from_environment},
};
