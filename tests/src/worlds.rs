//! Helpers that run the worlds of scenarios.

use durasim::advanced::{ChoiceSource, WorldOptions, WorldReport, run_world};
use scenarios::scenario::Scenario;

/// Runs the world of a scenario.
pub fn run(scenario: &Scenario, options: &WorldOptions) -> WorldReport {
    run_world(&scenario.world, options)
}

/// Runs the world of a scenario, which must pass.
///
/// # Panics
///
/// If the world fails, with its report.
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

/// Returns these options with the workers' caches on or off.
pub fn cached(mut options: WorldOptions, cache: bool) -> WorldOptions {
    options.cache = cache;
    options
}

/// Returns the seeds of each scenario that a test tries: `SCENARIO_SEEDS` of them, or `few`.
///
/// # Panics
///
/// If the variable is not a number.
pub fn seeds(few: u64) -> std::ops::Range<u64> {
    let asked = std::env::var("SCENARIO_SEEDS").ok();
    0..asked.map_or(few, |text| {
        text.parse().expect("SCENARIO_SEEDS is a number")
    })
}

/// Returns these options with the choices of a seed.
pub fn seeded(options: &WorldOptions, seed: u64) -> WorldOptions {
    let mut options = options.clone();
    options.choices = ChoiceSource::Seed(seed);
    options
}
