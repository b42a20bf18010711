//! Tests in which a mock or an activity panics.

use durasim::{TestOutcome, prelude::*, report::FailureReport};
use futures::FutureExt;
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, WorkflowContext, WorkflowResult, activities::ActivityError,
};

use crate::{
    Broken,
    common::{Greeter, Greetings},
    failing::{failure, report},
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

/// Returns the report of a test whose workflow fails, and which `takes` that as an error.
fn of_a_declined_card<O: TestOutcome + 'static>(
    takes: fn(Result<String, WorkflowGetResultError>) -> O,
) -> FailureReport {
    report(move |env| {
        async move {
            let worker = env.worker("greetings").workflow::<Greeter>();
            let worker = worker.mock_activity(Greetings::greet, |_| async {
                let declined = ApplicationFailure::builder("card declined".to_owned());
                let declined = declined.non_retryable(true).build();
                Err(ActivityError::application(declined))
            });
            worker.start().expect("a worker");
            let client = env.client();
            let started = client.start_workflow(Greeter::run, "Ann".to_owned(), on("greetings"));
            let handle = started.await.expect("a workflow");
            takes(handle.get_result(WorkflowGetResultOptions::default()).await)
        }
        .boxed_local()
    })
}

#[test]
fn an_error_of_the_sdk_is_shown_as_its_messages() {
    let returned = of_a_declined_card(|result| result.map(drop));
    assert_eq!(
        returned.failure.message.as_deref(),
        Some("Workflow failed: Activity task failed: card declined")
    );
    let unwrapped = of_a_declined_card(|result| drop(result.unwrap()));
    let text = unwrapped.to_string();
    let words = "    called `Result::unwrap()` on an `Err` value: \
                 Failed(Activity task failed: card declined)\n";
    assert!(text.contains(words), "{text}");
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
