//! `scenarios history`: the history of one run, in Temporal's JSON format.

use std::io::{self, Write};

use durasim::advanced::Campaign;

use super::{Exit, args::HistoryOptions, outcome::world_options};

/// Prints the history of one run as JSON that Temporal's own tools read: the first run, or the last
/// run of the requested workflow.
///
/// The ids of the world's other workflows are printed on standard error.
pub(super) fn history(out: &mut impl Write, options: &HistoryOptions) -> io::Result<Exit> {
    let report = Campaign::new(
        &options.scenario.world,
        world_options(options.scenario, options.faults),
    )
    .seed(options.seed);
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
            "error: there is no such workflow in this world; its workflows are {}",
            known.join(", ")
        );
        return Ok(Exit::Usage);
    };
    if options.workflow.is_none() && report.histories.len() > 1 {
        let others: Vec<_> = ids().skip(1).collect();
        eprintln!(
            "this is the history of {}; select another with --workflow ID: {}",
            run.workflow_id(),
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
