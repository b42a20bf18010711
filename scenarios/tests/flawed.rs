//! Tests of the flawed scenarios: the intended check finds each flaw, with as few faults as it
//! needs.

use durasim::advanced::{Campaign, WorldOptions};
use scenarios::{registry, scenario::Scenario};

/// Returns options with every fault that the scenario is to meet.
fn options(scenario: &Scenario) -> WorldOptions {
    let mut options = WorldOptions::default();
    options.faults = scenario.faults();
    options
}

#[test]
fn every_flaw_is_caught_within_256_seeds_by_its_own_check() {
    let mut missed = Vec::new();
    for scenario in registry::flawed() {
        let Some(flaw) = scenario.flaw else { continue };
        let campaign = Campaign::new(&scenario.world, options(scenario));
        let mut others = Vec::new();
        let caught = (0..256).any(|seed| {
            let code = campaign.seed(seed).failure.map(|failure| failure.code);
            others.extend(code.filter(|code| *code != flaw.code && !others.contains(code)));
            code == Some(flaw.code)
        });
        if !caught {
            missed.push(format!(
                "{}: not {}, but {others:?}",
                scenario.name, flaw.code
            ));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

#[test]
fn a_flaw_that_needs_a_fault_does_not_show_without_one() {
    for scenario in registry::flawed() {
        let Some(flaw) = scenario.flaw else { continue };
        let campaign = Campaign::new(&scenario.world, WorldOptions::default());
        let failed = campaign
            .fault_free()
            .failure
            .as_ref()
            .map(|failure| failure.code);
        let expected = (flaw.faults == 0).then_some(flaw.code);
        assert_eq!(failed, expected, "{}", scenario.name);
    }
}
