//! `idempotency`: what the test chose to observe equals the fault-free world's.

use crate::{
    broken::broken,
    outcome::{Reference, WorldReport},
    report::FailureReport,
};
use serde_json::Value;

/// The first observation that differs from the fault-free world's, if one does.
pub(crate) fn check(report: &WorldReport, reference: &Reference) -> Option<FailureReport> {
    if broken!(check Idempotency) {
        return None;
    }
    reference.observations.iter().find_map(|(name, expected)| {
        let actual = report.observations.get(name).unwrap_or(&Value::Null);
        (actual != expected).then(|| FailureReport {
            location: report.observed_at.get(name).map(|line| (*line).into()),
            ..FailureReport::observation_differs(name, pretty(expected), pretty(actual))
        })
    })
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string())
}
