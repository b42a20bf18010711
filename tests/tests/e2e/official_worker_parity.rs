//! Each scenario's world, once with the simulated workers and once with the official one answering the workflow
//! tasks: the histories are the same, ids, times and attributes included.

use durasim::{ChoiceSource, History, WorldOptions};
use durasim_tests::{official_tasks::official_worker, worlds};
use pretty_assertions::assert_str_eq;
use scenarios::scenario::Scenario;

each_sound_scenario!(histories_are_those_of_the_official_worker);

fn histories_are_those_of_the_official_worker(scenario: &Scenario) {
    for choices in [ChoiceSource::Benign, ChoiceSource::Seed(1)] {
        let mut options = WorldOptions::default();
        options.choices = choices;
        let simulated = worlds::run_sound(scenario, &options);
        options.stand_in = Some(official_worker(scenario.workflows, options.cache));
        let official = worlds::run_sound(scenario, &options);

        let workflows = |histories: &[History]| -> Vec<String> {
            histories.iter().map(|history| history.workflow_id().to_owned()).collect()
        };
        assert_eq!(workflows(&simulated.histories), workflows(&official.histories));
        for (simulated, official) in simulated.histories.iter().zip(&official.histories) {
            assert_str_eq!(simulated.to_json(), official.to_json(), "{}", simulated.workflow_id());
        }
    }
}
