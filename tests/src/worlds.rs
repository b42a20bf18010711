//! Running the worlds of scenarios.

use durasim::advanced::{ChoiceSource, WorldOptions, WorldReport, run_world};
use scenarios::scenario::Scenario;

/// Runs the world of a scenario.
pub fn run(scenario: &Scenario, options: &WorldOptions) -> WorldReport {
    run_world(&scenario.world, options)
}

/// The same, and it must pass.
///
/// # Panics
///
/// With the report, if the world fails.
pub fn run_sound(scenario: &Scenario, options: &WorldOptions) -> WorldReport {
    let report = run(scenario, options);
    if let Some(failure) = &report.failure {
        panic!(
            "{} with {:?}:\n{}",
            scenario.name,
            options.choices,
            failure.render(durasim::report::Colors::Off)
        );
    }
    report
}

/// These options, with the workers' caches on or off.
pub fn cached(mut options: WorldOptions, cache: bool) -> WorldOptions {
    options.cache = cache;
    options
}

/// How many seeds of each scenario a test tries: `DURASIM_TEST_SEEDS`, or this few.
///
/// # Panics
///
/// If the variable is no number.
pub fn seeds(few: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("DURASIM_TEST_SEEDS").ok();
    0..asked.map_or(few, |text| {
        text.parse().expect("DURASIM_TEST_SEEDS is a number")
    })
}

/// These options, with the choices of a seed.
pub fn seeded(options: &WorldOptions, seed: u64) -> WorldOptions {
    let mut options = options.clone();
    options.choices = ChoiceSource::Seed(seed);
    options
}
