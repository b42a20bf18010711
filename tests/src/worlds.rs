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

/// Returns the seeds of each scenario that a test tries: those of `SCENARIO_SEEDS`, a number of
/// them or a range such as `561..562`; or `few`.
///
/// # Panics
///
/// Panics if the variable is neither.
pub fn seeds(few: u64) -> std::ops::Range<u64> {
    let Ok(asked) = std::env::var("SCENARIO_SEEDS") else {
        return 0..few;
    };
    let (first, end) = asked.split_once("..").unwrap_or(("0", &asked));
    match (first.parse(), end.parse()) {
        (Ok(first), Ok(end)) => first..end,
        _ => panic!("SCENARIO_SEEDS is neither a number nor a range: {asked}"),
    }
}

/// Returns these options with the choices of a seed.
pub fn seeded(options: &WorldOptions, seed: u64) -> WorldOptions {
    let mut options = options.clone();
    options.choices = ChoiceSource::Seed(seed);
    options
}
