//! `idempotency`: the observations of the test equal those of the fault-free world.

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

/// Returns the failure of an observation that is not the fault-free world's.
pub(super) fn failure(label: &str, expected: String, actual: String) -> Failure {
    let what = format!("under faults, {label:?} differs from the fault-free world");
    Failure::new(FailureCode::Idempotency, what).with_comparison(Comparison {
        label: label.to_owned(),
        expected_from: "the fault-free world".to_owned(),
        expected,
        actual_from: "this world".to_owned(),
        actual,
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}
