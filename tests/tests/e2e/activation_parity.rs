//! Parity of activations: durasim and real Core derive the same from every history, in jobs, order,
//! times and flags.

use durasim::advanced::WorldOptions;
use durasim_tests::{parity, worlds};
use scenarios::scenario::Scenario;

each_sound_scenario!(activations_are_those_of_real_core);

fn activations_are_those_of_real_core(scenario: &Scenario) {
    let benign = std::iter::once(WorldOptions::default());
    for options in benign.chain(worlds::seeds(3).map(WorldOptions::seeded)) {
        let report = worlds::run_sound(scenario, &options);
        let differences = parity::activation_differences(scenario, &report.histories);
        assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    }
}
