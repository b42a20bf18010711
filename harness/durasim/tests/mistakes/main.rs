//! The mistakes of newcomers: what each is told, how soon, and whether the remedy helps.
//!
//! Each row is a test that somebody writes in their first weeks with Temporal or with durasim. Its
//! verdict must come within two seconds, with the right code, their own line and a remedy; and the
//! same test must pass once the remedy is followed. Mistakes in the attribute do not compile, and
//! are in `harness/macros/tests/ui`.

#![allow(
    clippy::unused_async,
    reason = "an activity that is not async leaves the simulated thread"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "they are what newcomers use"
)]
#![allow(
    clippy::unused_self,
    clippy::trivially_copy_pass_by_ref,
    reason = "handlers have the signatures that the SDK's macros take"
)]

mod calls;
mod checks;
mod effects;
mod failures;
mod messages;
mod mocks;
mod nondeterminism;
mod others;
mod setup;
mod shop;
mod table;
mod variables;
mod versions;
mod waiting;

/// The number of mistakes that the table is to have, at least.
const ASKED: usize = 61;

#[test]
fn the_table_has_all_mistakes() {
    let rows = calls::ROWS
        + checks::ROWS
        + effects::ROWS
        + failures::ROWS
        + messages::ROWS
        + mocks::ROWS
        + nondeterminism::ROWS
        + others::ROWS
        + setup::ROWS
        + variables::ROWS
        + versions::ROWS
        + waiting::ROWS;
    assert!(rows >= ASKED, "{rows} rows");
}
