use durasim_macros::workflow_test;

struct TestWorkflowEnvironment;

#[workflow_test(seeds = 256, explore = Exhaustive::faults(2))]
async fn seeds_and_explore(_env: TestWorkflowEnvironment) {}

#[workflow_test(seeds = 256, proptest)]
async fn seeds_and_proptest(_env: TestWorkflowEnvironment) {}

#[workflow_test(proptest, explore = Exhaustive::faults(2))]
async fn explore_and_proptest(_env: TestWorkflowEnvironment) {}

fn main() {}
