//! `scenarios history`.

use super::{Exit, args::HistoryOptions, outcome::world_options};
use durasim::Campaign;
use std::io::{self, Write};

/// Prints the history of one run as the JSON that Temporal's own tools write and read: of the first
/// run, or of the last run of the workflow asked for. What else there is in the world is told on
/// the side.
pub(super) fn history(out: &mut impl Write, options: &HistoryOptions) -> io::Result<Exit> {
    let report =
        Campaign::new(&options.scenario.world, world_options(options.faults)).seed(options.seed);
    let ids = || report.histories.iter().map(durasim::History::workflow_id);
    let run = match &options.workflow {
        Some(id) => report
            .histories
            .iter()
            .rfind(|history| history.workflow_id() == id),
        None => report.histories.first(),
    };
    let Some(run) = run else {
        let known: Vec<_> = ids().collect();
        eprintln!(
            "error: there is no such workflow in this world; there are {}",
            known.join(", ")
        );
        return Ok(Exit::Usage);
    };
    if options.workflow.is_none() && report.histories.len() > 1 {
        let others: Vec<_> = ids().skip(1).collect();
        eprintln!(
            "{} of {}; with --workflow ID: {}",
            run.workflow_id(),
            options.scenario.name,
            others.join(", ")
        );
    }

    writeln!(out, "{}", run.to_json())?;
    Ok(if report.failure.is_some() {
        Exit::Fail
    } else {
        Exit::Pass
    })
}
