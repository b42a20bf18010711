//! `scenarios run`: one world in full.

use std::{
    io::{self, Write},
    time::Duration,
};

use durasim::advanced::{Campaign, WorldReport};

use super::{
    Exit,
    args::RunOptions,
    outcome::{Outcome, render, world_options},
};

/// Runs one world and prints its histories and faults; a failure is shrunk and explained.
pub(super) fn run(out: &mut impl Write, options: &RunOptions) -> io::Result<Exit> {
    let scenario = options.scenario;
    let campaign = Campaign::new(&scenario.world, world_options(scenario, options.faults));
    let (outcome, report) = Outcome::hashed(scenario, &campaign, options.seed);
    let exit = if report.failure.is_some() {
        Exit::Fail
    } else {
        Exit::Pass
    };
    if options.json {
        writeln!(out, "{}", outcome.json())?;
        return Ok(exit);
    }

    writeln!(out, "{}: {}", scenario.name, scenario.about)?;
    for history in &report.histories {
        writeln!(out, "\n{}", history.workflow_id())?;
        for line in history.outline().lines() {
            writeln!(out, "  {line}")?;
        }
    }
    let happened = faults(&report);
    if !happened.is_empty() {
        writeln!(out, "\nfaults:")?;
        for fault in happened {
            writeln!(out, "  {fault}")?;
        }
    }
    writeln!(
        out,
        "\n{}: {} events, {} of virtual time in {:.1} ms, {}, trace {}",
        if exit == Exit::Pass { "pass" } else { "fail" },
        outcome.events,
        humane(outcome.virtual_ms),
        Duration::from_micros(outcome.wall_us).as_secs_f64() * 1000.0,
        counted(outcome.faults, "fault"),
        outcome.trace_hash.as_deref().unwrap_or_default(),
    )?;
    if exit == Exit::Fail {
        let smallest = campaign.shrink(&report);
        write!(
            out,
            "\n{}",
            render(scenario, options.seed, options.faults, smallest)
        )?;
    }
    Ok(exit)
}

/// Formats a count with its noun: `1 fault`, `2 faults`.
pub(super) fn counted(count: u32, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// Returns the faults of a world in words, each with its time.
pub(super) fn faults(report: &WorldReport) -> Vec<String> {
    let happened = report.tape.entries.iter().filter(|entry| {
        // Choices of order and latency are no faults; neither is the choice of fault kinds.
        entry.point.site.starts_with("fault.") && !entry.words.is_empty()
    });
    happened
        .map(|entry| {
            format!(
                "+{:<12} {}",
                humane(entry.at_ms.saturating_sub(START_MS)),
                entry.words
            )
        })
        .collect()
}

/// The start of every world: 2024-01-01T00:00:00Z, in milliseconds since the Unix epoch.
const START_MS: u64 = 1_704_067_200_000;

/// Formats milliseconds in at most two units: `3 days 2 h`.
pub(super) fn humane(ms: u64) -> String {
    let units = [
        ("days", 86_400_000),
        ("h", 3_600_000),
        ("min", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let Some(first) = units.iter().position(|(_, size)| ms >= *size) else {
        return "0 s".to_owned();
    };
    let mut rest = ms;
    let mut words = Vec::new();
    for (unit, size) in units.iter().skip(first).take(2) {
        let count = rest / size;
        rest %= size;
        if count > 0 {
            let unit = if *unit == "days" && count == 1 {
                "day"
            } else {
                unit
            };
            words.push(format!("{count} {unit}"));
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::humane;

    #[test]
    fn durations_are_shown_in_two_units() {
        assert_eq!(humane(0), "0 s");
        assert_eq!(humane(1_500), "1 s 500 ms");
        assert_eq!(humane(86_400_000), "1 day");
        assert_eq!(humane(90_061_000), "1 day 1 h");
    }
}
