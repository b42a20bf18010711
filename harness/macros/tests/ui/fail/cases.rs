use durasim_macros::{case, workflow_test};

struct TestWorkflowEnvironment;

#[workflow_test]
#[case(1)]
#[case::more(1, 2, 3)]
async fn wrong_counts(_env: TestWorkflowEnvironment, #[case] _amount: u64, #[case] _fee: u64) {}

#[workflow_test]
#[case(1)]
async fn no_argument(_env: TestWorkflowEnvironment) {}

#[workflow_test]
#[case]
async fn no_values(_env: TestWorkflowEnvironment, #[case] _amount: u64) {}

#[workflow_test]
#[case = 1]
async fn an_equals_sign(_env: TestWorkflowEnvironment, #[case] _amount: u64) {}

#[workflow_test]
#[case(amount: 1)]
async fn no_expression(_env: TestWorkflowEnvironment, #[case] _amount: u64) {}

#[workflow_test]
#[case::a::b(1)]
async fn two_names(_env: TestWorkflowEnvironment, #[case] _amount: u64) {}

#[workflow_test]
async fn no_case(_env: TestWorkflowEnvironment, #[case] _amount: u64) {}

#[workflow_test]
#[case(1)]
async fn a_value_below(_env: TestWorkflowEnvironment, #[case(2)] _amount: u64) {}

#[workflow_test]
#[case(1)]
async fn of_the_environment(#[case] _env: TestWorkflowEnvironment, _amount: u64) {}

#[workflow_test]
#[case(1)]
async fn a_strategy(_env: TestWorkflowEnvironment, #[strategy(0..9)] _amount: u64) {}

#[workflow_test(proptest)]
#[case(1)]
async fn beside_proptest(_env: TestWorkflowEnvironment, #[case] _amount: u64) {}

#[case(1)]
#[case(2)]
#[workflow_test]
async fn above(_env: TestWorkflowEnvironment, #[case] _amount: u64) {}

fn main() {}
