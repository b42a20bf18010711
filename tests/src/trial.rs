//! Trials of a world under every setting that must make no difference, with the official SDK as the
//! oracle.

use durasim::{
    FaultProfile,
    advanced::{ChoiceSource, WorldOptions, WorldReport},
};
use scenarios::scenario::Scenario;

use crate::{official_tasks::official_worker, parity, worlds};

/// The part of a world's histories that must stay the same if the official worker answers the
/// workflow tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Official {
    /// Every event in full, ids and times included.
    Histories,
    /// None: the official worker would do work in real time that the world does in virtual time
    /// (local activities), or it lacks a feature of the simulated worker (a data converter,
    /// workflow mocks).
    NotAsked,
}

/// Runs the world with and without caches, without faults and with faults, on benign choices and on
/// a few seeds, and checks every history with real Core.
///
/// Core's replayer must accept the history and derive the same activations as durasim. Without
/// faults the official worker must make the same histories.
///
/// # Panics
///
/// If anything differs, with the differences, or if a world fails, with its report.
pub fn try_out(scenario: &Scenario, official: Official) {
    for cache in [true, false] {
        let benign = worlds::cached(WorldOptions::default(), cache);
        asks_core(scenario, &worlds::run_sound(scenario, &benign), &benign);
        let seeds = worlds::seeds(1).map(|seed| worlds::seeded(&benign, seed));
        for options in std::iter::once(benign.clone()).chain(seeds) {
            if official == Official::Histories {
                agrees_with_the_official_worker(scenario, &options);
            }
        }
        let mut faulty = benign;
        faulty.faults = FaultProfile::all();
        for options in worlds::seeds(2).map(|seed| worlds::seeded(&faulty, seed)) {
            asks_core(scenario, &worlds::run_sound(scenario, &options), &options);
        }
    }
}

fn asks_core(scenario: &Scenario, report: &WorldReport, options: &WorldOptions) {
    let mut differences = parity::rejected_by_core(scenario, &report.histories);
    differences.extend(parity::activation_differences(scenario, &report.histories));
    assert!(
        differences.is_empty(),
        "{}\n{}",
        told(options),
        differences.join("\n\n")
    );
}

fn agrees_with_the_official_worker(scenario: &Scenario, options: &WorldOptions) {
    let simulated = worlds::run_sound(scenario, options);
    let mut options = options.clone();
    let register = scenario.workflows.worker;
    options.external_worker = Some(official_worker(
        move |worker| register(worker).expect("workflow types of their own"),
        options.cache,
    ));
    let official = worlds::run_sound(scenario, &options);
    let differences = parity::history_differences(&simulated.histories, &official.histories);
    assert!(
        differences.is_empty(),
        "{}\n{}",
        told(&options),
        differences.join("\n")
    );
}

fn told(options: &WorldOptions) -> String {
    let choices = match &options.choices {
        ChoiceSource::Seed(seed) => format!("seed {seed}"),
        _ => "benign".to_owned(),
    };
    format!("{choices}, cache {}, {:?}", options.cache, options.faults)
}
