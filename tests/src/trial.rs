//! Trying a world in every way that must make no difference to it, with the official SDK as the
//! oracle.

use durasim::{
    FaultProfile,
    advanced::{ChoiceSource, WorldOptions, WorldReport},
};
use scenarios::scenario::Scenario;

use crate::{official_tasks::official_worker, parity, worlds};

/// What of a world's histories the official worker must agree with, when it answers the workflow
/// tasks instead of the simulated workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Official {
    /// Every event in full, ids and times included.
    Histories,
    /// Nothing: the official worker would do in real time what the world does in virtual time
    /// (local activities), or needs what only the simulated worker has (a data converter, mocks of
    /// workflows).
    NotAsked,
}

/// Runs the world with caches on and off, without faults and with, benign and over a few seeds, and
/// asks real Core of every history: its replayer must accept it, and derive from it the activations
/// that durasim derives. Without faults the official worker must make the same histories.
///
/// # Panics
///
/// With what differs, or with the report of the world that failed.
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
    options.stand_in = Some(official_worker(
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
