use durasim_macros::workflow_test;

struct TestWorkflowEnvironment;

#[workflow_test(seed = 7)]
async fn near(_env: TestWorkflowEnvironment) {}

#[workflow_test(colour = "red")]
async fn far(_env: TestWorkflowEnvironment) {}

fn main() {}
