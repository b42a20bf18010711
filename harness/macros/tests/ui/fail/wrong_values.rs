use durasim_macros::workflow_test;

struct TestWorkflowEnvironment;

#[workflow_test(seeds = 0)]
async fn no_seeds(_env: TestWorkflowEnvironment) {}

#[workflow_test(seeds = "many")]
async fn many(_env: TestWorkflowEnvironment) {}

#[workflow_test(cache = 1)]
async fn number(_env: TestWorkflowEnvironment) {}

#[workflow_test(faults = true)]
async fn flag(_env: TestWorkflowEnvironment) {}

#[workflow_test(explore = 2)]
async fn depth(_env: TestWorkflowEnvironment) {}

#[workflow_test(seeds = -1)]
async fn fewer_than_none(_env: TestWorkflowEnvironment) {}

#[workflow_test(faults = all)]
async fn bare_preset(_env: TestWorkflowEnvironment) {}

fn main() {}
