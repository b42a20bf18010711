use durasim_macros::workflow_test;

struct TestWorkflowEnvironment;

#[workflow_test]
fn not_async(_env: TestWorkflowEnvironment) {}

#[workflow_test]
async fn generic<T: Default>(_env: TestWorkflowEnvironment) {
    T::default();
}

#[workflow_test]
async unsafe fn unchecked(_env: TestWorkflowEnvironment) {}

#[workflow_test]
#[test]
async fn already_a_test(_env: TestWorkflowEnvironment) {}

#[workflow_test]
#[workflow_test(seeds = 2)]
async fn said_twice(_env: TestWorkflowEnvironment) {}

fn main() {}
