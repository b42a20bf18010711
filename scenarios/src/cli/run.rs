//! `scenarios run`: one world in full.

use std::{
    fs,
    io::{self, Write},
    time::Duration,
};

use durasim::{
    advanced::{Campaign, View, WorldReport},
    report::{Colors, FailureReport},
};

use super::{
    Exit,
    args::RunOptions,
    outcome::{Outcome, command, world_options},
};

/// Runs one world and prints its histories and faults; a failure is shrunk and explained.
pub(super) fn run(out: &mut impl Write, options: &RunOptions) -> io::Result<Exit> {
    let scenario = options.scenario;
    let mut of_worlds = world_options(scenario, options.faults);
    of_worlds.draws = options.view.is_some();
    let campaign = Campaign::new(&scenario.world, of_worlds);
    let (outcome, report) = Outcome::hashed(scenario, &campaign, options.seed);
    let exit = if report.failure.is_some() {
        Exit::Fail
    } else {
        Exit::Pass
    };
    let mut smallest = (exit == Exit::Fail && (options.view.is_some() || !options.json))
        .then(|| shrunk(options, &campaign, &report));
    let has_drawn = match &options.view {
        None => true,
        Some(file) => draw(file, options, &campaign, &report, smallest.as_mut()),
    };
    if options.json {
        writeln!(out, "{}", outcome.json())?;
    } else {
        tell(out, options, &outcome, &report)?;
    }
    match (&smallest, &options.view) {
        (Some(smallest), _) if !options.json => {
            let colors = Colors::detect(&io::stdout());
            write!(out, "\n{}", smallest.render(colors))?;
        }
        (None, Some(file)) if has_drawn && !options.json => writeln!(out, "\npicture: {file}")?,
        _ => {}
    }
    Ok(if has_drawn { exit } else { Exit::Usage })
}

/// Prints the histories, the faults and the end of a world.
fn tell(
    out: &mut impl Write,
    options: &RunOptions,
    outcome: &Outcome,
    report: &WorldReport,
) -> io::Result<()> {
    let scenario = options.scenario;
    writeln!(out, "{}: {}", scenario.name, scenario.about)?;
    for history in &report.histories {
        writeln!(out, "\n{}", history.workflow_id())?;
        for line in history.outline().lines() {
            writeln!(out, "  {line}")?;
        }
    }
    let happened = faults(report);
    if !happened.is_empty() {
        writeln!(out, "\nfaults:")?;
        for fault in happened {
            writeln!(out, "  {fault}")?;
        }
    }
    writeln!(
        out,
        "\n{}: {} events, {} of virtual time in {:.1} ms, {}, trace {}",
        if report.failure.is_none() {
            "pass"
        } else {
            "fail"
        },
        outcome.events,
        humane(outcome.virtual_ms),
        Duration::from_micros(outcome.wall_us).as_secs_f64() * 1000.0,
        counted(outcome.faults, "fault"),
        outcome.trace_hash.as_deref().unwrap_or_default(),
    )
}

/// Returns the report of a world that failed, shrunk.
fn shrunk(options: &RunOptions, campaign: &Campaign<'_>, report: &WorldReport) -> FailureReport {
    let RunOptions {
        scenario,
        seed,
        faults,
        ..
    } = options;
    let mut smallest = campaign.shrink(report);
    scenario.name.clone_into(&mut smallest.found.test);
    smallest.found.view.clone_from(&options.view);
    smallest.found.command = Some(command(scenario, *seed, *faults));
    smallest
}

/// Draws a world in a file. Returns `false`, and says why, if it cannot.
fn draw(
    file: &str,
    options: &RunOptions,
    campaign: &Campaign<'_>,
    report: &WorldReport,
    smallest: Option<&mut FailureReport>,
) -> bool {
    let view = match &smallest {
        Some(smallest) => smallest.view(),
        None => Some(drawn(options, campaign, report)),
    };
    let problem = match view.map(|view| fs::write(file, view.page())) {
        Some(Ok(())) => return true,
        Some(Err(error)) => format!("failed to write the picture to {file}: {error}"),
        None => "a world that was given up cannot be drawn".to_owned(),
    };
    eprintln!("error: {problem}");
    if let Some(smallest) = smallest {
        smallest.found.view = None;
    }
    false
}

/// Draws a world that passed.
fn drawn(options: &RunOptions, campaign: &Campaign<'_>, report: &WorldReport) -> View {
    let mut view = campaign.view(report);
    options.scenario.name.clone_into(&mut view.title);
    view.command = Some(command(options.scenario, options.seed, options.faults));
    view
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
