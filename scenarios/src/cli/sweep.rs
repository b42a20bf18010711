//! `scenarios sweep`: many seeds of one scenario or of all.

use std::io::{self, IsTerminal, Write};

use durasim::advanced::Campaign;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use scenarios::scenario::Scenario;

use super::{
    Exit,
    args::SweepOptions,
    outcome::{Outcome, render, world_options},
    parallel,
    stopwatch::Stopwatch,
};

/// Runs every seed of every requested scenario and explains the first failure of each.
pub(super) fn sweep(out: &mut impl Write, options: &SweepOptions) -> io::Result<Exit> {
    let mut exit = Exit::Pass;
    for scenario in &options.scenarios {
        if sweep_one(out, options, scenario)? == Exit::Fail {
            exit = Exit::Fail;
        }
    }
    Ok(exit)
}

fn sweep_one(
    out: &mut impl Write,
    options: &SweepOptions,
    scenario: &'static Scenario,
) -> io::Result<Exit> {
    let stopwatch = Stopwatch::start();
    let campaign = Campaign::new(&scenario.world, world_options(scenario, options.faults));
    let bar = progress_bar(scenario, options.seeds.end - options.seeds.start);
    let mut tally = Tally::default();
    parallel::in_order(
        options.seeds.clone(),
        options.jobs,
        |seed| {
            let (outcome, _) = if options.json {
                Outcome::hashed(scenario, &campaign, seed)
            } else {
                Outcome::of(scenario, &campaign, seed)
            };
            outcome
        },
        |outcome| {
            bar.inc(1);
            tally.count(&outcome);
            if options.json {
                writeln!(out, "{}", outcome.json())
            } else {
                Ok(())
            }
        },
    )?;
    bar.finish_and_clear();

    let exit = if tally.failed == 0 {
        Exit::Pass
    } else {
        Exit::Fail
    };
    if options.json {
        return Ok(exit);
    }
    let seeds = tally.passed + tally.failed;
    let per_second =
        f64::from(u32::try_from(seeds).unwrap_or(u32::MAX)) / stopwatch.elapsed().as_secs_f64();
    writeln!(
        out,
        "{:28} {:>6} seeds  {:>6} passed  {:>6} failed  {:>7} faults  {per_second:>7.0} seeds/s",
        scenario.name, seeds, tally.passed, tally.failed, tally.faults,
    )?;
    if let Some(first) = &tally.first_failure {
        let smallest = campaign.shrink(&campaign.seed(first.seed));
        write!(
            out,
            "\n{}\n",
            render(scenario, first.seed, options.faults, smallest)
        )?;
    }
    Ok(exit)
}

#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    faults: u64,
    first_failure: Option<Outcome>,
}

impl Tally {
    fn count(&mut self, outcome: &Outcome) {
        self.faults += u64::from(outcome.faults);
        if outcome.failed.is_none() {
            self.passed += 1;
        } else {
            self.failed += 1;
            self.first_failure.get_or_insert_with(|| outcome.clone());
        }
    }
}

/// Returns a progress bar, hidden unless standard error is a terminal.
pub(super) fn progress_bar(scenario: &Scenario, seeds: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:28} {wide_bar} {pos}/{len} {per_sec} {eta}")
        .expect("the template is valid");
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    ProgressBar::with_draw_target(Some(seeds), target)
        .with_style(style)
        .with_prefix(scenario.name)
}
