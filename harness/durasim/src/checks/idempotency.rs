//! `idempotency`: the observations of the test equal those of the fault-free world.

use serde_json::Value;

use super::{Check, Needs};
use crate::{
    faults::Outcome,
    outcome::{Reference, WorldReport},
    report::{Comparison, Failure, FailureCode},
};

pub(super) const CHECK: Check = Check {
    code: FailureCode::Idempotency,
    needs: Needs::FaultFreeWorld(check),
};

/// Returns the failure of the first observation that differs from the fault-free world's.
fn check(report: &WorldReport, reference: &Reference) -> Option<Failure> {
    if report.outcome != Outcome::Same {
        // A workflow may rightly close otherwise.
        return None;
    }
    reference.observations.iter().find_map(|(name, expected)| {
        let actual = report.observations.get(name).unwrap_or(&Value::Null);
        let line = report.observed_at.get(name).map(|line| (*line).into());
        let differs = || failure(name, pretty(expected), pretty(actual)).at(line);
        (actual != expected).then(|| match remedy(expected, actual) {
            Some(remedy) => differs().with_remedy(remedy),
            None => differs(),
        })
    })
}

/// The remedy for something that is missing: no key brings it back.
const KEEP_INPUT: &str = "something is missing that the fault-free world has. Look for an input \
    that nobody kept: a signal or an update that came while the workflow was at another step, or \
    just before it closed or continued as new; or for an effect that was skipped because it was \
    taken for done";

/// The remedy for a workflow that closes in another way.
const HANDLE_FAILURE: &str = "the workflow closes in another way than in the fault-free world: let \
    it tolerate what the plan shows, by retries, longer timeouts, or handling the failure";

/// Returns the remedy for values that differ like this, if it is not an idempotency key.
fn remedy(expected: &Value, actual: &Value) -> Option<&'static str> {
    if expected.get("last event") != actual.get("last event") {
        return Some(HANDLE_FAILURE);
    }
    (has_all(expected, actual) && !has_all(actual, expected)).then_some(KEEP_INPUT)
}

/// Returns `true` if everything in `part` is in `whole` too, as often.
fn has_all(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Array(whole), Value::Array(part)) => {
            let count =
                |list: &[Value], value: &Value| list.iter().filter(|it| *it == value).count();
            part.iter()
                .all(|value| count(whole, value) >= count(part, value))
        }
        (Value::Object(whole), Value::Object(part)) => part
            .iter()
            .all(|(key, part)| whole.get(key).is_some_and(|whole| has_all(whole, part))),
        (Value::Number(whole), Value::Number(part)) => whole.as_f64() >= part.as_f64(),
        (_, Value::Null) => true,
        (whole, part) => whole == part,
    }
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

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_remedy_depends_on_what_differs() {
        let completed = json!({ "last event": "WORKFLOW_EXECUTION_COMPLETED", "result": [1] });
        let failed = json!({ "last event": "WORKFLOW_EXECUTION_FAILED", "result": "no" });
        let cases = [
            (json!(["a", "b"]), json!(["a"]), Some(KEEP_INPUT)),
            (
                json!({ "mails": 2 }),
                json!({ "mails": 1 }),
                Some(KEEP_INPUT),
            ),
            (json!(["a"]), json!(["a", "a"]), None),
            (json!(1), json!(2), None),
            (json!(["a", "b"]), json!(["b", "a"]), None),
            (completed, failed, Some(HANDLE_FAILURE)),
        ];
        for (expected, actual, wanted) in cases {
            assert_eq!(remedy(&expected, &actual), wanted, "{expected} {actual}");
        }
    }
}
