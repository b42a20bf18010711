//! Tests that fail, as their reports tell it.

use durasim::{TestOutcome, WorldOptions, prelude::*, report::FailureReport, run_world};
use futures::{FutureExt, future::LocalBoxFuture};

/// The failure of a world without faults.
pub(crate) fn failure<O: TestOutcome + 'static>(
    test: impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, O> + Send + Sync + 'static,
) -> FailureReport {
    let body = move |env| test(env).map(TestOutcome::into_test_result).boxed_local();
    run_world(&body, &WorldOptions::default())
        .failure
        .expect("such a test fails")
}
