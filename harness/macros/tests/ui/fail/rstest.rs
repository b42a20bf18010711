use durasim_macros::workflow_test;

struct TestWorkflowEnvironment;

#[workflow_test]
#[rstest]
#[case(1)]
async fn below(_env: TestWorkflowEnvironment, #[case] _amount: u64) {}

// rstest 0.26 makes this of `#[rstest] #[test_attr(workflow_test)]` above a function with a case.
mod above {
    use super::*;

    #[workflow_test]
    async fn case_1() {
        let env = env::default();
        let amount = { 1 };
        above(env, amount).await
    }
}

// It makes this if there is no case.
#[workflow_test]
async fn above_without_cases() {
    async fn above_without_cases(_env: TestWorkflowEnvironment) {}
    let env = env::default();
    above_without_cases(env).await
}

fn main() {}
