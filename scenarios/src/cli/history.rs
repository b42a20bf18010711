//! `scenarios history`.

use super::{Exit, outcome::world_options};
use durasim::{Campaign, FaultProfile};
use scenarios::scenario::Scenario;
use std::io::{self, Write};

/// Prints the histories of one world as Temporal's own JSON: one run is one document, several follow one
/// another in the order in which they started.
pub(super) fn history(
    out: &mut impl Write,
    scenario: &'static Scenario,
    seed: u64,
    faults: &FaultProfile,
) -> io::Result<Exit> {
    let report = Campaign::new(&scenario.world, world_options(faults)).seed(seed);
    for history in &report.histories {
        writeln!(out, "{}", history.to_json())?;
    }
    Ok(if report.failure.is_some() { Exit::Fail } else { Exit::Pass })
}
