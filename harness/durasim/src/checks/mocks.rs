//! `mocks`: each mock is called as often as the test expects, and has an outcome for each call.

use std::panic::Location;

use super::{Check, Needs};
use crate::{
    expected_calls::{MockCalls, Mocked},
    report::{Failure, FailureCode},
};

pub(super) const CHECK: Check = Check {
    code: FailureCode::Mocks,
    needs: Needs::MockCalls(check),
};

/// The number of calls that a failure lists one by one.
const LISTED: usize = 10;

/// Returns the failure of the first mock that was called more or less often than expected.
fn check(mocks: &[MockCalls]) -> Option<Failure> {
    let surprising = |it: &&MockCalls| !it.expected.count.allows(it.calls.len());
    mocks.iter().find(surprising).map(failure)
}

/// Returns the failure of a mock that was called more or less often than expected.
pub(super) fn failure(mock: &MockCalls) -> Failure {
    let MockCalls { expected, calls } = mock;
    let called = match calls.len() {
        0 => "was never called".to_owned(),
        1 => "was called once".to_owned(),
        many => format!("was called {many} times"),
    };
    let what = format!(
        "the mock of {} {called}, and {} expected",
        expected.mocked,
        match expected.count.to_string() {
            one if one.ends_with("call") => format!("{one} is"),
            many => format!("{many} are"),
        }
    );
    let mut lines: Vec<_> = calls.iter().take(LISTED).cloned().collect();
    if calls.len() > LISTED {
        lines.push(format!("… and {} more", calls.len() - LISTED));
    }
    let failure = Failure::new(FailureCode::Mocks, what).at(Some(expected.location.into()));
    if lines.is_empty() {
        return failure;
    }
    failure.with_message(lines.join("\n"))
}

/// Returns the failure of a mock that is called once more than it has outcomes.
pub(crate) fn no_outcome_left(
    mocked: &Mocked,
    outcomes: usize,
    location: &Location<'_>,
) -> Failure {
    let noun = if outcomes == 1 { "outcome" } else { "outcomes" };
    let what = format!("the mock of {mocked} is called again after its {outcomes} {noun}");
    Failure::new(FailureCode::Mocks, what)
        .at(Some(location.into()))
        .with_remedy(
            "add an outcome for each call to `returns_in_order`; an activity that is retried after \
             an error takes the next one",
        )
}
