//! Imports are faithful: a run that is made anew from its history goes on as it would have.
//!
//! In these worlds every open run is made anew after every step of the service, and so after every
//! workflow task. Only the parts that no history tells are kept: attempts of activities that are
//! under way, updates that no worker has accepted. Nothing may come of it.

use durasim::{History, advanced::WorldOptions};
use durasim_tests::worlds;
use scenarios::scenario::Scenario;

each_sound_scenario!(a_run_goes_on_from_its_history_as_it_would);

fn a_run_goes_on_from_its_history_as_it_would(scenario: &Scenario) {
    let benign = std::iter::once(WorldOptions::default());
    let seeded = worlds::seeds(2).map(|seed| {
        let mut options = WorldOptions::seeded(seed);
        options.faults = scenario.faults();
        options
    });
    for mut options in benign.chain(seeded) {
        let plain = worlds::run_sound(scenario, &options);
        options.reimports = true;
        let imported = worlds::run_sound(scenario, &options);
        let outlines = |histories: &[History]| -> Vec<String> {
            histories.iter().map(History::outline).collect()
        };
        assert_eq!(outlines(&plain.histories), outlines(&imported.histories));
        // Not by their bytes: the order of a map's fields is that of its hasher.
        for (plain, imported) in plain.histories.iter().zip(&imported.histories) {
            assert!(
                plain.events() == imported.events(),
                "{}",
                plain.workflow_id()
            );
        }
    }
}
