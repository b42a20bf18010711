//! What `scenarios` shows to somebody who has never seen durasim.

use super::{
    Exit,
    args::Faults,
    outcome::{render, world_options},
    run::{faults as struck, humane},
    stopwatch::Stopwatch,
};
use durasim::{Campaign, WorldReport};
use scenarios::{approval, flawed, payment, scenario::Scenario};
use std::io::{self, Write};

/// Three stops: time that skips, faults that a sound workflow bears, a flaw that is found and
/// explained.
pub(super) fn tour(out: &mut impl Write) -> io::Result<Exit> {
    writeln!(
        out,
        "durasim runs Temporal workflows, unmodified, in simulated worlds: time skips, workers crash, messages\n\
         are late, and all of it comes back from one number, the seed.\n"
    )?;
    let first = time_that_skips(out)?;
    let second = faults_that_are_borne(out)?;
    let third = a_flaw_that_is_found(out)?;
    writeln!(
        out,
        "\nGo on with:\n  \
         cargo run -p scenarios -- list                               what else there is\n  \
         cargo run -p scenarios -- run saga --seed 7                  one world, in full\n  \
         cargo run -p scenarios -- sweep --all --seeds 0..100         a hundred worlds of each\n  \
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
    let campaign = Campaign::new(&scenario.world, world_options(Faults::None));
    let report = campaign.fault_free();
    let wall = stopwatch.elapsed();
    if let Some(history) = report.histories.last() {
        writeln!(
            out,
            "Nobody decides about the third item. Its history, as Temporal would write it:\n"
        )?;
        for line in history.outline().lines() {
            writeln!(out, "    {line}")?;
        }
    }
    writeln!(
        out,
        "\n{} passed in {:.0} ms. Run it again: the trace is {}, every time.\n",
        humane(report.virtual_ms),
        wall.as_secs_f64() * 1000.0,
        report.trace_hash
    )?;
    Ok(report.failure.is_none())
}

fn faults_that_are_borne(out: &mut impl Write) -> io::Result<bool> {
    const SEEDS: u64 = 64;
    let scenario = payment::SCENARIO;
    heading(out, "2. Faults that a sound workflow bears", &scenario)?;
    let campaign = Campaign::new(&scenario.world, world_options(Faults::All));
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
        writeln!(out, "What went wrong in the world of seed {seed}:\n")?;
        for fault in struck(&report) {
            writeln!(out, "    {fault}")?;
        }
    }
    writeln!(
        out,
        "\n{passed} of {SEEDS} worlds passed, with {faults} faults among them. The bank charged once in each.\n"
    )?;
    Ok(passed == SEEDS)
}

fn a_flaw_that_is_found(out: &mut impl Write) -> io::Result<bool> {
    let scenario = flawed::charge_without_key::SCENARIO;
    heading(out, "3. A flaw that is found", &scenario)?;
    let campaign = Campaign::new(&scenario.world, world_options(Faults::All));
    let Some(failed) = (0..256)
        .map(|seed| campaign.seed(seed))
        .find(|report| report.failure.is_some())
    else {
        writeln!(
            out,
            "256 worlds, and it was not found: that is a defect of durasim."
        )?;
        return Ok(false);
    };
    let seed = failed.tape.seed.unwrap_or_default();
    let smallest = campaign.shrink(&failed);
    writeln!(
        out,
        "Without faults it passes. Seed {seed} is the first to show it, shrunk to what it takes:\n"
    )?;
    for line in render(&scenario, seed, Faults::All, &smallest).lines() {
        writeln!(out, "    {line}")?;
    }
    Ok(true)
}

fn heading(out: &mut impl Write, title: &str, scenario: &Scenario) -> io::Result<()> {
    writeln!(out, "{title}\n\n{}: {}.", scenario.name, scenario.about)
}
