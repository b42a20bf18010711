//! Determinism: a world is a pure function of its choices.
//!
//! The same seed and setting give the same trace hash every time, on any thread and any number of
//! threads.
//!
//! `SCENARIO_SEEDS=1000` tries a thousand seeds of each scenario.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use durasim::{FaultProfile, advanced::WorldOptions};
use durasim_tests::worlds;
use pretty_assertions::assert_eq;
use scenarios::scenario::Scenario;

each_sound_scenario!(hashes_depend_on_seed_and_setting_alone);

/// The result of one world: its trace hash, its end, and its numbers of events and steps.
type Fingerprint = (String, Option<String>, u64, u64);

fn hashes_depend_on_seed_and_setting_alone(scenario: &Scenario) {
    for faults in [FaultProfile::none(), FaultProfile::all()] {
        for cache in [true, false] {
            let mut options = worlds::cached(WorldOptions::default(), cache);
            options.faults = faults.clone();
            let once = sweep(scenario, &options, 1);
            let again = sweep(scenario, &options, 2);
            assert_eq!(once, again, "{}, cache {cache}, {faults:?}", scenario.name);
        }
    }
}

fn sweep(
    scenario: &Scenario,
    options: &WorldOptions,
    threads: usize,
) -> BTreeMap<u64, Fingerprint> {
    let seeds = worlds::seeds(4);
    let next = AtomicU64::new(seeds.start);
    let fingerprints = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        return;
                    }
                    let fingerprint = fingerprint(scenario, &worlds::seeded(options, seed));
                    fingerprints.lock().unwrap().insert(seed, fingerprint);
                }
            });
        }
    });
    fingerprints.into_inner().unwrap()
}

fn fingerprint(scenario: &Scenario, options: &WorldOptions) -> Fingerprint {
    let report = worlds::run(scenario, options);
    let failure = report
        .failure
        .as_ref()
        .map(|failure| format!("{:?}", failure.code));
    (
        report.trace_hash().to_string(),
        failure,
        report.steps,
        report.virtual_ms,
    )
}

#[test]
fn different_seeds_give_different_worlds() {
    let scenario = scenarios::registry::find("approval").unwrap();
    let hashes: BTreeMap<_, _> = sweep(scenario, &WorldOptions::default(), 2)
        .into_iter()
        .map(|(seed, fingerprint)| (fingerprint.0, seed))
        .collect();
    assert!(hashes.len() > 1, "{hashes:?}");
}
