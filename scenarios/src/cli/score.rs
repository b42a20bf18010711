//! `scenarios score`: whether durasim finds every flaw and raises no false alarm.
//!
//! It counts seeds alone. A test with faults finds a flaw that one fault shows before its first
//! seed: it runs every plan of one fault first.

use std::{
    convert::Infallible,
    io::{self, Write},
};

use durasim::advanced::Campaign;
use scenarios::{
    registry,
    scenario::{Flaw, Scenario},
};
use serde::Serialize;

use super::{
    Exit,
    args::{Faults, ScoreOptions},
    outcome::{Outcome, world_options},
    parallel,
    sweep::progress_bar,
};

/// The number of seeds within which a flaw must be found.
const FLAWED_SEEDS: u64 = 256;

/// The score of one scenario.
#[derive(Debug, Serialize)]
struct Score {
    scenario: &'static str,
    sound: bool,
    ok: bool,
    seeds: u64,
    /// The number of seeds that failed; for a flawed scenario, only failures of its own check.
    caught: u64,
    /// The number of other failures: for a flawed scenario, failures of other checks.
    other: u64,
    /// The first seed that failed.
    first_seed: Option<u64>,
    /// The median number of seeds until the flaw is found, over all seeds to start from.
    median_seeds: Option<u64>,
    /// The check that found the flaw or raised a false alarm.
    code: Option<&'static str>,
    /// The number of faults left after shrinking.
    plan: Option<usize>,
    /// The least number of faults that the flaw needs.
    minimum: Option<usize>,
}

/// Scores every scenario; fails if a flaw is missed or a sound scenario fails.
pub(super) fn score(out: &mut impl Write, options: &ScoreOptions) -> io::Result<Exit> {
    let mut exit = Exit::Pass;
    if !options.json {
        writeln!(
            out,
            "{:28} {:>6} {:>6} {:>6} {:>8}  {:6} faults",
            "", "seeds", "caught", "first", "median", "code"
        )?;
    }
    for scenario in registry::ALL {
        let score = match scenario.flaw {
            None => score_sound(scenario, options),
            Some(flaw) => score_flawed(scenario, flaw, options),
        };
        if !score.ok {
            exit = Exit::Fail;
        }
        if options.json {
            writeln!(
                out,
                "{}",
                serde_json::to_string(&score).expect("numbers and strings serialize")
            )?;
        } else {
            writeln!(out, "{}", line(&score))?;
        }
    }
    Ok(exit)
}

fn score_sound(scenario: &'static Scenario, options: &ScoreOptions) -> Score {
    let campaign = Campaign::new(&scenario.world, world_options(scenario, Faults::All));
    let outcomes = outcomes(scenario, &campaign, options.sound_seeds, options);
    let alarms: Vec<_> = outcomes
        .iter()
        .filter(|outcome| outcome.failed.is_some())
        .collect();
    Score {
        scenario: scenario.name,
        sound: true,
        ok: alarms.is_empty() && campaign.fault_free().failure.is_none(),
        seeds: options.sound_seeds,
        caught: alarms.len() as u64,
        other: 0,
        first_seed: alarms.first().map(|outcome| outcome.seed),
        median_seeds: None,
        code: alarms.first().and_then(|outcome| outcome.code),
        plan: None,
        minimum: None,
    }
}

fn score_flawed(scenario: &'static Scenario, flaw: Flaw, options: &ScoreOptions) -> Score {
    let campaign = Campaign::new(&scenario.world, world_options(scenario, Faults::All));
    let outcomes = outcomes(scenario, &campaign, FLAWED_SEEDS, options);
    let caught: Vec<u64> = outcomes
        .iter()
        .filter(|outcome| outcome.failed == Some(flaw.code))
        .map(|outcome| outcome.seed)
        .collect();
    let failed = outcomes
        .iter()
        .filter(|outcome| outcome.failed.is_some())
        .count();
    let plan = caught.first().map(|seed| {
        let report = campaign.shrink(&campaign.seed(*seed));
        report.found.plan.map_or(0, |plan| plan.faults.len())
    });
    Score {
        scenario: scenario.name,
        sound: false,
        ok: !caught.is_empty(),
        seeds: FLAWED_SEEDS,
        caught: caught.len() as u64,
        other: (failed - caught.len()) as u64,
        first_seed: caught.first().copied(),
        median_seeds: median_wait(&caught, FLAWED_SEEDS),
        code: (!caught.is_empty()).then(|| flaw.code.code()),
        plan,
        minimum: Some(flaw.faults),
    }
}

fn outcomes(
    scenario: &'static Scenario,
    campaign: &Campaign<'_>,
    seeds: u64,
    options: &ScoreOptions,
) -> Vec<Outcome> {
    let bar = progress_bar(scenario, seeds);
    let mut outcomes = Vec::new();
    let Ok(()) = parallel::in_order(
        0..seeds,
        options.jobs,
        |seed| Outcome::of(scenario, campaign, seed).0,
        |outcome| {
            bar.inc(1);
            outcomes.push(outcome);
            Ok::<_, Infallible>(())
        },
    );
    bar.finish_and_clear();
    outcomes
}

/// Returns the median number of seeds tried until one is in `caught`, over all seeds to start from.
/// The search wraps around after the last seed.
fn median_wait(caught: &[u64], seeds: u64) -> Option<u64> {
    let first = *caught.first()?;
    let mut waits: Vec<u64> = (0..seeds)
        .map(|start| {
            let next = caught.iter().find(|seed| **seed >= start).copied();
            next.unwrap_or(first + seeds) - start + 1
        })
        .collect();
    waits.sort_unstable();
    waits.get(waits.len() / 2).copied()
}

fn line(score: &Score) -> String {
    let or_dash = |number: Option<String>| number.unwrap_or_else(|| "-".to_owned());
    let plan = match (score.plan, score.minimum) {
        (Some(plan), Some(minimum)) => format!("{plan} (minimum {minimum})"),
        _ => String::new(),
    };
    format!(
        "{:28} {:>6} {:>6} {:>6} {:>8}  {:6} {plan:14} {}",
        score.scenario,
        score.seeds,
        score.caught,
        or_dash(score.first_seed.map(|seed| seed.to_string())),
        or_dash(score.median_seeds.map(|seeds| seeds.to_string())),
        score.code.unwrap_or("-"),
        match (score.ok, score.sound) {
            (true, _) => "",
            (false, true) => "FALSE ALARM",
            (false, false) => "MISSED",
        },
    )
    .trim_end()
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::median_wait;

    #[test]
    fn the_median_wait_includes_the_seed_that_catches() {
        assert_eq!(median_wait(&[], 4), None);
        assert_eq!(median_wait(&[0, 1, 2, 3], 4), Some(1));
        assert_eq!(median_wait(&[3], 4), Some(3));
    }
}
