//! The outcome of one seed, as it is printed.

use std::io;

use durasim::{
    advanced::{Campaign, WorldOptions, WorldReport},
    report::{Colors, FailureCode, FailureReport},
};
use scenarios::scenario::Scenario;
use serde::Serialize;

use super::{args::Faults, stopwatch::Stopwatch};

/// One line of `--json`.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Outcome {
    pub(super) scenario: &'static str,
    pub(super) seed: u64,
    pub(super) verdict: Verdict,
    /// The code of the check that failed, or `null`.
    pub(super) code: Option<&'static str>,
    /// The hash of the world, if it is printed.
    pub(super) trace_hash: Option<String>,
    pub(super) events: u64,
    pub(super) steps: u64,
    pub(super) virtual_ms: u64,
    /// Real time in microseconds; the only value here that differs from run to run.
    pub(super) wall_us: u64,
    pub(super) faults: u32,
    #[serde(skip)]
    pub(super) failed: Option<FailureCode>,
}

/// The verdict on one world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Pass,
    Fail,
}

impl Outcome {
    /// Runs one seed.
    pub(super) fn of(
        scenario: &Scenario,
        campaign: &Campaign<'_>,
        seed: u64,
    ) -> (Self, WorldReport) {
        let stopwatch = Stopwatch::start();
        let report = campaign.seed(seed);
        let wall = stopwatch.elapsed();
        let failed = report.failure.as_ref().map(|failure| failure.code);
        let outcome = Self {
            scenario: scenario.name,
            seed,
            verdict: if failed.is_some() {
                Verdict::Fail
            } else {
                Verdict::Pass
            },
            code: failed.map(FailureCode::code),
            trace_hash: None,
            events: report.events,
            steps: report.steps,
            virtual_ms: report.virtual_ms,
            wall_us: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
            faults: report.faults,
            failed,
        };
        (outcome, report)
    }

    /// Runs one seed, and computes the hash of its world.
    pub(super) fn hashed(
        scenario: &Scenario,
        campaign: &Campaign<'_>,
        seed: u64,
    ) -> (Self, WorldReport) {
        let (mut outcome, report) = Self::of(scenario, campaign, seed);
        outcome.trace_hash = Some(report.trace_hash().to_string());
        (outcome, report)
    }

    /// Returns the JSON object, on one line.
    pub(super) fn json(&self) -> String {
        serde_json::to_string(self).expect("numbers and strings serialize")
    }
}

/// Returns the options of worlds of a scenario with these faults.
pub(super) fn world_options(scenario: &Scenario, faults: Faults) -> WorldOptions {
    let mut options = WorldOptions::default();
    options.faults = faults.profile(scenario);
    options
}

/// Returns the command that runs a world.
pub(super) fn command(scenario: &Scenario, seed: u64, faults: Faults) -> String {
    let (name, faults) = (scenario.name, faults.argument());
    format!("cargo run -p scenarios -- run {name} --seed {seed}{faults}")
}

/// Renders the report of a failure; its last line is the command that reproduces the failure.
pub(super) fn render(
    scenario: &Scenario,
    seed: u64,
    faults: Faults,
    mut report: FailureReport,
) -> String {
    report.found.command = Some(command(scenario, seed, faults));
    report.render(Colors::detect(&io::stdout()))
}
