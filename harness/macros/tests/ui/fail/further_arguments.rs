use durasim_macros::workflow_test;

struct TestWorkflowEnvironment;

#[workflow_test]
async fn without_proptest(_env: TestWorkflowEnvironment, _amount: u64) {}

#[workflow_test(proptest)]
async fn strategy_on_environment(#[strategy(0..9)] _env: TestWorkflowEnvironment) {}

#[workflow_test(proptest)]
async fn strategy_without_value(_env: TestWorkflowEnvironment, #[strategy] _amount: u64) {}

#[workflow_test(proptest)]
async fn two_strategies(
    _env: TestWorkflowEnvironment,
    #[strategy(0..9)]
    #[strategy(5..7)]
    _amount: u64,
) {
}

#[workflow_test(proptest)]
async fn opaque(_env: TestWorkflowEnvironment, _amount: impl Into<u64>) {}

#[workflow_test(proptest)]
async fn borrowed(_env: TestWorkflowEnvironment, _name: &str) {}

fn main() {}
