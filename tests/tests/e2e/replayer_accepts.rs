//! Acceptance by the SDK's own `WorkflowReplayer`, which is real Core, of every history that a
//! sound scenario makes.

use durasim::advanced::WorldOptions;
use durasim_tests::{parity, worlds};
use scenarios::scenario::Scenario;

each_sound_scenario!(core_accepts_every_history);

fn core_accepts_every_history(scenario: &Scenario) {
    for cache in [true, false] {
        let benign = std::iter::once(WorldOptions::default());
        for options in benign.chain(worlds::seeds(2).map(WorldOptions::seeded)) {
            let report = worlds::run_sound(scenario, &worlds::cached(options, cache));
            let rejected = parity::rejected_by_core(scenario, &report.histories);
            assert!(rejected.is_empty(), "{}", rejected.join("\n\n"));
        }
    }
}
