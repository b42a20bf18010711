//! The tour, for somebody who has never seen durasim.

use std::io::{self, Write};

use durasim::advanced::{Campaign, WorldReport};
use scenarios::{approval, flawed, payment, scenario::Scenario};

use super::{
    Exit,
    args::Faults,
    outcome::{render, world_options},
    run::{faults as faults_of, humane},
    stopwatch::Stopwatch,
};

/// Shows three stops: time that skips, faults that a sound workflow tolerates, and a flaw that is
/// found and explained.
pub(super) fn tour(out: &mut impl Write) -> io::Result<Exit> {
    writeln!(
        out,
        "durasim runs unmodified Temporal workflows in simulated worlds: time skips, workers\n\
         crash, messages arrive late. One number, the seed, reproduces all of it.\n"
    )?;
    let first = time_that_skips(out)?;
    let second = faults_that_are_tolerated(out)?;
    let third = a_flaw_that_is_found(out)?;
    writeln!(
        out,
        "\nContinue with:\n  \
         cargo run -p scenarios -- list                        all scenarios\n  \
         cargo run -p scenarios -- run saga --seed 7           one world in full\n  \
         cargo run -p scenarios -- sweep --all --seeds 0..100  many worlds of each sound one\n  \
         cargo run -p scenarios -- help"
    )?;
    Ok(if first && second && third {
        Exit::Pass
    } else {
        Exit::Fail
    })
}

fn time_that_skips(out: &mut impl Write) -> io::Result<bool> {
    let scenario = approval::SCENARIO;
    heading(out, "1. Time that skips", &scenario)?;
    let stopwatch = Stopwatch::start();
    let campaign = Campaign::new(&scenario.world, world_options(&scenario, Faults::None));
    let report = campaign.fault_free();
    let wall = stopwatch.elapsed();
    if let Some(history) = report.histories.last() {
        writeln!(
            out,
            "Nobody decides about the third item, so it expires. Its history, event by event:\n"
        )?;
        for line in history.outline().lines() {
            writeln!(out, "    {line}")?;
        }
    }
    writeln!(
        out,
        "\n{} of virtual time passed in {:.0} ms. Every run has the same trace hash:\n{}\n",
        humane(report.virtual_ms),
        wall.as_secs_f64() * 1000.0,
        report.trace_hash()
    )?;
    Ok(report.failure.is_none())
}

fn faults_that_are_tolerated(out: &mut impl Write) -> io::Result<bool> {
    const SEEDS: u64 = 64;
    let scenario = payment::SCENARIO;
    heading(out, "2. Faults that a sound workflow tolerates", &scenario)?;
    let campaign = Campaign::new(&scenario.world, world_options(&scenario, Faults::All));
    let (mut faults, mut passed, mut richest) = (0, 0, None::<(u64, WorldReport)>);
    for seed in 0..SEEDS {
        let report = campaign.seed(seed);
        faults += report.faults;
        passed += u64::from(report.failure.is_none());
        if richest
            .as_ref()
            .is_none_or(|(_, most)| report.faults > most.faults)
        {
            richest = Some((seed, report));
        }
    }
    if let Some((seed, report)) = richest {
        writeln!(out, "The faults in the world of seed {seed}:\n")?;
        for fault in faults_of(&report) {
            writeln!(out, "    {fault}")?;
        }
    }
    writeln!(
        out,
        "\n{passed} of {SEEDS} worlds passed, with {faults} faults in total. \
         In each world the bank charged once.\n"
    )?;
    Ok(passed == SEEDS)
}

fn a_flaw_that_is_found(out: &mut impl Write) -> io::Result<bool> {
    let scenario = flawed::charge_without_key::SCENARIO;
    heading(out, "3. A flaw that is found", &scenario)?;
    let campaign = Campaign::new(&scenario.world, world_options(&scenario, Faults::All));
    let Some(failed) = (0..256)
        .map(|seed| campaign.seed(seed))
        .find(|report| report.failure.is_some())
    else {
        writeln!(
            out,
            "No world of 256 shows the flaw: that is a defect of durasim."
        )?;
        return Ok(false);
    };
    let seed = failed.tape.seed.unwrap_or_default();
    let smallest = campaign.shrink(&failed);
    writeln!(
        out,
        "Without faults the test passes. Seed {seed} is the first that fails; \
         its faults are shrunk to those it needs:\n"
    )?;
    for line in render(&scenario, seed, Faults::All, smallest).lines() {
        writeln!(out, "    {line}")?;
    }
    Ok(true)
}

fn heading(out: &mut impl Write, title: &str, scenario: &Scenario) -> io::Result<()> {
    writeln!(out, "{title}\n\n{}: {}.", scenario.name, scenario.about)
}
