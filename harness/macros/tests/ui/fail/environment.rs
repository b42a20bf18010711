use durasim_macros::workflow_test;

struct TestWorkflowEnvironment;

#[workflow_test]
async fn missing() {}

#[workflow_test]
async fn borrowed(_env: &TestWorkflowEnvironment) {}

#[workflow_test(proptest)]
async fn not_first(_amount: u64, _env: TestWorkflowEnvironment) {}

struct Suite;

impl Suite {
    #[workflow_test]
    async fn receiver(&self, _env: TestWorkflowEnvironment) {}
}

fn main() {}
