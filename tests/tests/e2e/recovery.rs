//! Recovery from faults: how much later a workflow closes, and how much of that its test allows.

use durasim::{
    advanced::{SearchSummary, TestCase, TestOptions, run_test},
    prelude::*,
    report::{FailureCode, FailureReport},
};
use pretty_assertions::assert_eq;
use scenarios::registry;

fn search(name: &str) -> Result<SearchSummary, Box<FailureReport>> {
    let scenario = registry::find(name).unwrap();
    let case = TestCase {
        name: "files::transcribes",
        file: "files.rs",
        line: 1,
        manifest_dir: "",
        options: TestOptions::new().seeds(64).faults(scenario.faults()),
    };
    run_test(&case, &scenario.world)
}

#[test]
fn an_activity_without_a_heartbeat_timeout_that_recovers_after_eight_hours_is_found() {
    let report = search("flawed/late_recovery").unwrap_err();
    assert_eq!(report.failure.code, FailureCode::Recovery);
    assert!(report.failure.what.contains("8h"), "{}", report.failure);
    let plan = report.found.plan.unwrap();
    assert_eq!(plan.faults.len(), 1);
}

#[test]
fn its_twin_with_a_heartbeat_timeout_passes_and_names_its_slowest_recovery() {
    let summary = search("large_file").unwrap();
    let slowest = summary
        .slowest_recovery
        .clone()
        .expect("faults make it late");
    assert!(slowest.recovery.late_ms < 5 * 60_000, "{slowest}");
    assert!(!slowest.faults.is_empty());
    let words = format!("slowest recovery: {slowest}");
    assert!(summary.to_string().contains(&words), "{summary}");
    assert_eq!(search("large_file").unwrap(), summary);
}

#[workflow_test(seeds = 8, faults = FaultProfile::all())]
async fn a_world_that_no_fault_makes_late_keeps_any_bound(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.recovers_within(Duration::ZERO);
    env.sleep(Duration::from_hours(24)).await;
    Ok(())
}
