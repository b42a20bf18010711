//! Tests that fail, run as `#[workflow_test]` runs them.

#![allow(dead_code, reason = "not every test file needs all of it")]

use durasim::{
    TestOutcome,
    advanced::{TestCase, TestOptions, run_test},
    prelude::*,
    report::{Failure, FailureReport},
};
use futures::{FutureExt, future::LocalBoxFuture};

/// Returns the report of a test with these options, which must fail.
pub(crate) fn report_with<O: TestOutcome + 'static>(
    options: TestOptions,
    test: impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, O> + Send + Sync + 'static,
) -> FailureReport {
    let body = move |env| test(env).map(TestOutcome::into_test_result).boxed_local();
    let case = TestCase {
        name: "shop::a_test_that_fails",
        file: "tests/shop.rs",
        line: 12,
        // No source file is there, so that nothing is saved beside it.
        manifest_dir: "",
        options,
    };
    *run_test(&case, &body).expect_err("such a test fails")
}

/// Returns the report of a test without options, which must fail.
pub(crate) fn report<O: TestOutcome + 'static>(
    test: impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, O> + Send + Sync + 'static,
) -> FailureReport {
    report_with(TestOptions::new(), test)
}

/// Returns the failure of a test without options, which must fail.
pub(crate) fn failure<O: TestOutcome + 'static>(
    test: impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, O> + Send + Sync + 'static,
) -> Failure {
    report(test).failure
}

/// Returns the failure of a test with these options, which must fail.
pub(crate) fn failure_with<O: TestOutcome + 'static>(
    options: TestOptions,
    test: impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, O> + Send + Sync + 'static,
) -> Failure {
    report_with(options, test).failure
}
