//! A workflow test compiles outside of a test build, whatever its body.

use durasim_macros::workflow_test;

#[workflow_test]
async fn plain(env: TestWorkflowEnvironment) -> TestResult {
    env.nothing_is_checked_here()
}

#[workflow_test(proptest)]
async fn generated(env: TestWorkflowEnvironment, #[strategy(0..9_u8)] digit: u8) {}

#[workflow_test]
#[case(nothing_is_checked_here())]
async fn with_cases(env: TestWorkflowEnvironment, #[case] digit: u8) {}

fn main() {}
