use durasim_macros::workflow_test;

struct TestWorkflowEnvironment;

#[workflow_test]
struct Suite;

#[workflow_test]
mod tests {}

fn main() {}
