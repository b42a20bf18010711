//! Tests that ask for something that does not exist, and the lines at which errors are reported.

mod common;
mod failing;

use durasim::{TestOutcome, prelude::*};
use futures::FutureExt;
use temporalio_protos::temporal::api::operatorservice::v1::ListSearchAttributesRequest;
use tonic::IntoRequest;

use common::Patience;
use failing::failure;

#[test]
fn a_missing_history_says_that_nothing_was_started() {
    let failure = failure(|env| async move { drop(env.history("w-1")) }.boxed_local());
    assert_eq!(
        failure.message.unwrap(),
        "there is no workflow with id \"w-1\": none was started yet"
    );
}

#[test]
fn a_service_that_is_not_simulated_is_named() {
    let failure = failure(|env| {
        async move {
            let request = ListSearchAttributesRequest::default().into_request();
            env.connection()
                .operator_service()
                .list_search_attributes(request)
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    });
    let message = failure.message.unwrap();
    let words = "unknown method ListSearchAttributes for service \
                 temporal.api.operatorservice.v1.OperatorService";
    assert!(message.contains(words), "{message}");
}

#[test]
fn a_run_that_does_not_exist_is_reported_with_those_that_do() {
    let failure = failure(|env| {
        async move {
            env.client()
                .start_workflow(
                    Patience::run,
                    1,
                    WorkflowStartOptions::new("patience", "w-1").build(),
                )
                .await?;
            env.history(("w-1", "nonsense"));
            Ok::<_, TestError>(())
        }
        .boxed_local()
    });
    let line = failure.location.as_ref();
    assert!(
        line.is_some_and(|line| line.file.ends_with("errors.rs")),
        "{failure}"
    );
    let message = failure.message.unwrap();
    assert!(
        message.starts_with("workflow \"w-1\" has no run \"nonsense\"; its runs are: ["),
        "{message}"
    );
}

#[test]
#[allow(clippy::disallowed_methods, reason = "another thread is the point")]
fn the_environment_belongs_to_the_thread_of_its_test() {
    let failure = failure(|env| {
        async move {
            let elsewhere = std::thread::spawn(move || env.now()).join();
            let words = elsewhere.unwrap_err().downcast::<&str>().unwrap();
            Err::<(), _>(TestError::new(*words))
        }
        .boxed_local()
    });
    let message = failure.message.unwrap();
    assert!(
        message.starts_with("no simulated world on this thread"),
        "{message}"
    );
}

#[workflow_test]
#[should_panic(expected = "the words of the test's own panic")]
async fn should_panic_sees_the_words_of_the_panic(_env: TestWorkflowEnvironment) {
    panic!("the words of the test's own panic")
}

#[workflow_test]
#[should_panic(expected = "errors.rs")]
async fn a_boxed_error_is_reported_at_the_line_of_its_test(
    env: TestWorkflowEnvironment,
) -> Result<(), Box<dyn std::error::Error>> {
    env.worker("patience").workflow::<Patience>().start()?;
    Err("told by the question mark")?;
    Ok(())
}

#[workflow_test]
#[case(100)]
#[should_panic(
    expected = "\n\ncargo test a_case_that_fails_prints_its_own_command::case_2_declined\n"
)]
#[case::declined(101)]
#[should_panic(expected = "  inputs\n    amount = 100 + 2\n")]
#[case::declined(100 + 2)]
async fn a_case_that_fails_prints_its_own_command(
    _env: TestWorkflowEnvironment,
    #[case] amount: u64,
) {
    assert!(amount <= 100, "declined");
}

#[test]
fn the_printed_command_of_a_case_runs_that_case_alone() {
    let listed = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args([
            "a_case_that_fails_prints_its_own_command::case_2_declined",
            "--list",
        ])
        .output()
        .expect("this program lists its tests");
    let listed = String::from_utf8_lossy(&listed.stdout);
    let tests: Vec<_> = listed
        .lines()
        .filter(|line| line.ends_with(": test"))
        .collect();
    assert_eq!(
        tests,
        ["a_case_that_fails_prints_its_own_command::case_2_declined: test"]
    );
}

#[test]
fn the_line_of_an_error_is_that_of_its_question_mark() {
    let asks = || -> TestResult {
        "seven".parse::<u32>()?;
        Ok(())
    };
    let asked_at = line!() - 3;
    let error = asks().into_test_result().unwrap_err();
    let location = error.location().map(std::panic::Location::line);
    assert_eq!(location, Some(asked_at));
}
