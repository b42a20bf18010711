use durasim_macros::workflow_test;

struct TestWorkflowEnvironment;

#[workflow_test(seeds)]
async fn lacks_value(_env: TestWorkflowEnvironment) {}

#[workflow_test(seeds =)]
async fn lacks_value_after_sign(_env: TestWorkflowEnvironment) {}

#[workflow_test(seeds(256))]
async fn called(_env: TestWorkflowEnvironment) {}

#[workflow_test(proptest = true)]
async fn flag_with_value(_env: TestWorkflowEnvironment) {}

#[workflow_test("seeds")]
async fn not_a_name(_env: TestWorkflowEnvironment) {}

#[workflow_test(cache = true, cache = false)]
async fn twice(_env: TestWorkflowEnvironment) {}

fn main() {}
