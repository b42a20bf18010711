//! `idempotency`: what the test chose to observe equals the fault-free world's.

use serde_json::Value;

use super::{Check, Needs};
use crate::{
    outcome::{Reference, WorldReport},
    report::{Comparison, Failure, FailureCode},
};

pub(super) const CHECK: Check = Check {
    code: FailureCode::Idempotency,
    needs: Needs::FaultFreeWorld(check),
};

/// Returns the failure of the first observation that differs from the fault-free world's.
fn check(report: &WorldReport, reference: &Reference) -> Option<Failure> {
    reference.observations.iter().find_map(|(name, expected)| {
        let actual = report.observations.get(name).unwrap_or(&Value::Null);
        let line = report.observed_at.get(name).map(|line| (*line).into());
        (actual != expected).then(|| failure(name, pretty(expected), pretty(actual)).at(line))
    })
}

/// The test observes different values under faults and in the fault-free world.
pub(super) fn failure(label: &str, expected: String, actual: String) -> Failure {
    let what = format!("under faults, {label:?} ends up different");
    Failure::new(FailureCode::Idempotency, what).with_comparison(Comparison {
        label: label.to_owned(),
        expected_from: "the fault-free run".to_owned(),
        expected,
        actual_from: "this run".to_owned(),
        actual,
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}
