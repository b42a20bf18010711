//! `scenarios score`: does durasim find what is flawed, and leave alone what is sound?

use super::{
    Exit,
    args::{Faults, ScoreOptions},
    outcome::{Outcome, world_options},
    parallel,
    sweep::progress_bar,
};
use durasim::Campaign;
use scenarios::{
    registry,
    scenario::{Flaw, Scenario},
};
use serde::Serialize;
use std::{
    convert::Infallible,
    io::{self, Write},
};

/// Within how many seeds a flaw must be found.
const FLAWED_SEEDS: u64 = 256;

/// What one scenario scored.
#[derive(Debug, Serialize)]
struct Score {
    scenario: &'static str,
    sound: bool,
    ok: bool,
    seeds: u64,
    /// Seeds that failed; of a flawed scenario, those that failed with its own check.
    caught: u64,
    /// Other failures: of a flawed scenario, those of another check than its own.
    other: u64,
    /// The first seed that caught it.
    first_seed: Option<u64>,
    /// How many seeds it takes to catch it, starting anywhere.
    median_seeds: Option<u64>,
    /// The check that caught it, or raised a false alarm.
    code: Option<&'static str>,
    /// How many faults are left after shrinking.
    plan: Option<usize>,
    /// How many it takes at least.
    minimum: Option<usize>,
}

/// Scores every scenario; fails if a flaw is missed or a sound scenario is not left alone.
pub(super) fn score(out: &mut impl Write, options: &ScoreOptions) -> io::Result<Exit> {
    let mut exit = Exit::Pass;
    if !options.json {
        writeln!(
            out,
            "{:28} {:>6} {:>6} {:>6} {:>8}  {:6} plan",
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
    let campaign = Campaign::new(&scenario.world, world_options(Faults::All));
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
    let campaign = Campaign::new(&scenario.world, world_options(Faults::All));
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
    let plan = caught.first().and_then(|seed| {
        let smallest = campaign.shrink(&campaign.seed(*seed));
        smallest
            .failure
            .map(|failure| failure.plan.map_or(0, |plan| plan.faults.len()))
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

/// The median, over all seeds to start from, of how many seeds are tried until one catches; those
/// past the last go on at the first.
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
        (Some(plan), Some(minimum)) => format!("{plan} of at least {minimum}"),
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
    fn the_median_wait_counts_the_seed_that_catches() {
        assert_eq!(median_wait(&[], 4), None);
        assert_eq!(median_wait(&[0, 1, 2, 3], 4), Some(1));
        assert_eq!(median_wait(&[3], 4), Some(3));
    }
}
