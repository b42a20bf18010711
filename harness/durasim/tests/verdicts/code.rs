//! Tests in which a mock or an activity panics.

use durasim::prelude::*;
use futures::FutureExt;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{ActivityOptions, WorkflowContext, WorkflowResult};

use crate::{
    Broken,
    common::{Greeter, Greetings},
    failing::failure,
    greets, on,
};

/// Calls it, with the SDK's retry policy, which has no end.
#[workflow]
#[derive(Default)]
struct Print;

#[workflow_methods]
impl Print {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        Ok(ctx.execute_activity(Broken::panics, (), options).await?)
    }
}

#[test]
fn a_mock_that_panics_ends_the_test_at_its_line() {
    let failure = failure(|env| {
        async move {
            env.worker("greetings")
                .workflow::<Greeter>()
                .mock_activity(Greetings::greet, |call| async move {
                    assert_eq!(call.input, "Bob", "wrong guest");
                    Ok(String::new())
                })
                .start()?;
            greets(&env).await
        }
        .boxed_local()
    });
    let line = failure.location.as_ref();
    assert!(
        line.is_some_and(|line| line.file.ends_with("code.rs")),
        "{failure}"
    );
    let message = failure.message.unwrap();
    assert!(
        message
            .starts_with("mock of Greetings::greet: assertion `left == right` failed: wrong guest")
    );
}

#[test]
fn an_activity_that_always_panics_ends_the_test_at_its_line() {
    let failure = failure(|env| {
        async move {
            env.worker("greetings")
                .workflow::<Print>()
                .activity(Broken::panics)
                .start()?;
            let handle = env
                .client()
                .start_workflow(Print::run, (), on("greetings"))
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    });
    let line = failure.location.as_ref();
    assert!(
        line.is_some_and(|line| line.file.ends_with("main.rs")),
        "{failure}"
    );
    assert_eq!(
        failure.what,
        "an activity panics on every attempt, 10 so far, and is retried forever"
    );
    assert_eq!(
        failure.message.unwrap(),
        "Print#1/Broken::panics: out of paper"
    );
}
