//! Tests with generated arguments and generated fault plans.

mod common;

use durasim::{
    advanced::{Campaign, WorldOptions, fault_plans},
    prelude::*,
};
use futures::FutureExt;
use proptest::{prelude::*, test_runner::RngSeed};

use common::{Greeter, Greetings};

fn start(id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new("greetings", id).build()
}

/// Greets a name in a world, under any faults.
async fn greet(env: TestWorkflowEnvironment, greeting: String, name: String) -> TestResult {
    let expected = format!("{greeting}, {name}!");
    env.worker("greetings")
        .workflow::<Greeter>()
        .activity(Greetings::greet)
        .implementer(Greetings { greeting })
        .start()?;
    let handle = env
        .client()
        .start_workflow(Greeter::run, name, start("g-1"))
        .await?;
    assert_eq!(
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        expected
    );
    Ok(())
}

#[workflow_test(proptest, faults = FaultProfile::all())]
async fn every_name_is_greeted_under_any_faults(
    env: TestWorkflowEnvironment,
    #[strategy("[A-Z][a-z]{1,8}")] greeting: String,
    #[strategy(prop_oneof![Just("world".to_owned()), any::<String>()])] name: String,
) -> TestResult {
    greet(env, greeting, name).await
}

#[workflow_test(proptest, faults = FaultProfile::crashes())]
async fn a_plan_may_be_all_that_is_generated(env: TestWorkflowEnvironment) -> TestResult {
    greet(env, "Hello".to_owned(), "world".to_owned()).await
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 16,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(0),
        ..ProptestConfig::default()
    })]

    #[test]
    fn plans_run_without_the_attribute_too(plan in fault_plans(), name in "[a-z]{1,8}") {
        let body = move |env: TestWorkflowEnvironment| {
            greet(env, "Hello".to_owned(), name.clone()).boxed_local()
        };
        let mut options = WorldOptions::default();
        options.faults = FaultProfile::all();
        let world = Campaign::new(&body, options).plan(&plan);
        prop_assert!(world.failure.is_none(), "{}", world.failure.unwrap());
    }
}
