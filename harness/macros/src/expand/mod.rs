//! From a valid test to the `#[test]` that runs it, and from errors to tokens that keep editors
//! working.

mod cases;
mod fallback;
mod histories;
mod snapshots;
mod test;

pub(crate) use fallback::fallback;
pub(crate) use test::workflow_test;
