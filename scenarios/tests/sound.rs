//! Tests of the sound scenarios: their histories without faults, and that no fault makes them fail.

use durasim::advanced::{Campaign, WorldOptions};
use scenarios::{registry, scenario::Scenario};

/// The number of worlds of each scenario; `scenarios score` runs ten thousand.
const SEEDS: u64 = 24;

/// Returns options with every fault that the scenario is to meet.
fn options(scenario: &Scenario) -> WorldOptions {
    let mut options = WorldOptions::default();
    options.faults = scenario.faults();
    options
}

#[test]
fn no_seed_makes_a_sound_scenario_fail() {
    let mut alarms = Vec::new();
    for scenario in registry::sound() {
        let campaign = Campaign::new(&scenario.world, options(scenario));
        let failed = (0..SEEDS)
            .map(|seed| campaign.seed(seed))
            .find(|report| report.failure.is_some());
        if let Some(failed) = failed {
            let report = campaign.shrink(&failed);
            alarms.push(format!(
                "{}, seed {:?}:\n{report}",
                scenario.name, failed.tape.seed
            ));
        }
    }
    assert!(alarms.is_empty(), "{}", alarms.join("\n\n"));
}

#[test]
fn the_fault_free_history_of_each_sound_scenario_is_unchanged() {
    for scenario in registry::sound() {
        let campaign = Campaign::new(&scenario.world, WorldOptions::default());
        let report = campaign.fault_free();
        assert!(
            report.failure.is_none(),
            "{}: {}",
            scenario.name,
            report.failure.as_ref().unwrap()
        );
        let outlines: Vec<_> = report
            .histories
            .iter()
            .map(|history| format!("{}\n{}", history.workflow_id(), history.outline()))
            .collect();
        insta::assert_snapshot!(scenario.name, outlines.join("\n"));
    }
}

#[test]
fn the_same_seed_is_the_same_world() {
    for scenario in registry::ALL {
        let campaign = Campaign::new(&scenario.world, options(scenario));
        for seed in 0..4 {
            let (once, again) = (campaign.seed(seed), campaign.seed(seed));
            assert_eq!(
                once.trace_hash(),
                again.trace_hash(),
                "{}, seed {seed}",
                scenario.name
            );
            assert_eq!(once.tape, again.tape, "{}, seed {seed}", scenario.name);
        }
    }
}
