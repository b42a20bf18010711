//! The number of calls that a test expects of its mocks, their outcomes in order, and the calls of
//! all activities.

#![allow(
    clippy::unused_async,
    reason = "an activity that is not async leaves the simulated thread"
)]

mod common;
mod failing;

use durasim::{
    CallCount, History, TestOutcome,
    advanced::{TestCase, TestOptions, run_test},
    prelude::*,
    report::Failure,
};
use futures::{FutureExt, future::LocalBoxFuture};
use pretty_assertions::assert_eq;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ChildWorkflowOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use common::Patience;

struct Desk;

#[activities]
impl Desk {
    #[activity]
    async fn stamp(_ctx: ActivityContext, page: u32) -> Result<String, ActivityError> {
        Ok(format!("page {page}"))
    }

    #[activity]
    async fn file(_ctx: ActivityContext, page: String) -> Result<String, ActivityError> {
        Ok(page)
    }
}

/// Stamps and files so many pages, one after another.
#[workflow]
#[derive(Default)]
struct Clerk;

#[workflow_methods]
impl Clerk {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, pages: u32) -> WorkflowResult<Vec<String>> {
        let options = || ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
        let mut filed = Vec::new();
        for page in 1..=pages {
            let stamped = ctx.execute_activity(Desk::stamp, page, options()).await?;
            filed.push(ctx.execute_activity(Desk::file, stamped, options()).await?);
        }
        Ok(filed)
    }
}

/// Waits for a child.
#[workflow]
#[derive(Default)]
struct Parent;

#[workflow_methods]
impl Parent {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let options = ChildWorkflowOptions::workflow_id("child-1".to_owned());
        let child = ctx
            .start_child_workflow(Patience::run, 1_u64, options)
            .await?;
        Ok(child.result().await?)
    }
}

/// Runs a test in 64 worlds with all faults.
fn under_faults<O: TestOutcome + 'static>(
    test: impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, O> + Send + Sync + 'static,
) {
    let body = move |env| test(env).map(TestOutcome::into_test_result).boxed_local();
    let case = TestCase {
        name: "mocks::under_faults",
        file: "tests/mocks.rs",
        line: 1,
        manifest_dir: "",
        options: TestOptions::new().seeds(64).faults(FaultProfile::all()),
    };
    if let Err(report) = run_test(&case, &body) {
        panic!("{report}");
    }
}

async fn files(env: &TestWorkflowEnvironment, pages: u32) -> TestResult<Vec<String>> {
    let options = WorkflowStartOptions::new("desk", "clerk-1").build();
    let clerk = env
        .client()
        .start_workflow(Clerk::run, pages, options)
        .await?;
    Ok(clerk
        .get_result(WorkflowGetResultOptions::default())
        .await?)
}

/// Returns the failure of a test whose mocks of the two activities expect so many calls.
fn counted(stamps: impl Into<CallCount>, pages: u32) -> Failure {
    let stamps = stamps.into();
    failing::failure(move |env| {
        async move {
            env.worker("desk")
                .workflow::<Clerk>()
                .activity(Desk::file)
                .mock_activity(
                    Desk::stamp,
                    |call| async move { Ok(call.input.to_string()) },
                )
                .times(stamps)
                .start()?;
            files(&env, pages).await.map(drop)
        }
        .boxed_local()
    })
}

#[test]
fn a_mock_that_is_called_too_often_is_reported_with_its_calls() {
    insta::assert_snapshot!(counted(1, 2));
}

#[test]
fn a_mock_that_is_never_called_is_reported_if_asked() {
    insta::assert_snapshot!(counted(1.., 0));
    assert!(
        counted(0, 1)
            .what
            .ends_with("was called once, and no call is expected")
    );
    assert!(
        counted(2..=3, 1)
            .what
            .ends_with("and 2 to 3 calls are expected")
    );
}

#[test]
fn a_call_counts_once_in_every_world_however_many_attempts_it_takes() {
    under_faults(|env| {
        async move {
            env.worker("desk")
                .workflow::<Clerk>()
                .mock_activity(
                    Desk::stamp,
                    |call| async move { Ok(call.input.to_string()) },
                )
                .times(2)
                .mock_activity(
                    Desk::file,
                    returns_in_order(["a", "b"].map(|it| Ok(it.into()))),
                )
                .times(2)
                .start()?;
            assert_eq!(files(&env, 2).await?, ["a", "b"]);
            env.sometimes("retried", env.calls(Desk::stamp).len() > 2);
            TestResult::Ok(())
        }
        .boxed_local()
    });
}

#[test]
fn the_attempts_of_a_call_that_is_counted_are_told() {
    let failure = failing::failure(|env| {
        async move {
            let errors = (0..2).map(|_| Err(ActivityError::from(std::fmt::Error)));
            let outcomes = errors.chain([Ok("a".to_owned())]);
            env.worker("desk")
                .workflow::<Clerk>()
                .activity(Desk::file)
                .mock_activity(Desk::stamp, returns_in_order(outcomes))
                .times(3)
                .start()?;
            files(&env, 1).await.map(drop)
        }
        .boxed_local()
    });
    assert_eq!(failure.code.code(), "DS109");
    assert_eq!(
        failure.message.as_deref(),
        Some("clerk-1: activity 1, in 3 attempts")
    );
}

#[test]
fn a_call_without_an_outcome_left_ends_the_test_at_the_list_of_outcomes() {
    let line = line!() + 4;
    let failure = failing::failure(|env| {
        async move {
            let only = [Ok("a".to_owned())];
            let outcomes = returns_in_order(only);
            env.worker("desk")
                .workflow::<Clerk>()
                .activity(Desk::file)
                .mock_activity(Desk::stamp, outcomes)
                .start()?;
            files(&env, 2).await.map(drop)
        }
        .boxed_local()
    });
    assert_eq!(
        failure.location.as_ref().map(|it| it.line),
        Some(line),
        "{failure}"
    );
    assert_eq!(
        failure.what,
        "the mock of Desk::stamp is called again after its 1 outcome"
    );
}

#[test]
fn a_mocked_workflow_counts_once_for_each_run() {
    let test = |times: usize| {
        move |env: TestWorkflowEnvironment| -> LocalBoxFuture<'static, TestResult> {
            async move {
                env.worker("desk")
                    .workflow::<Parent>()
                    .mock_workflow(Patience::run, returns_in_order([Ok("at once".to_owned())]))
                    .times(times)
                    .start()?;
                let options = WorkflowStartOptions::new("desk", "parent-1").build();
                let parent = env
                    .client()
                    .start_workflow(Parent::run, (), options)
                    .await?;
                let result = parent
                    .get_result(WorkflowGetResultOptions::default())
                    .await?;
                assert_eq!(result, "at once");
                Ok(())
            }
            .boxed_local()
        }
    };
    under_faults(test(1));
    let failure = failing::failure(test(2));
    assert_eq!(
        failure.message.as_deref(),
        Some("child-1, child of parent-1")
    );
}

#[workflow_test]
async fn a_count_without_a_mock_before_it_is_refused(env: TestWorkflowEnvironment) {
    let worker = env.worker("desk").workflow::<Clerk>().times(1);
    let error = worker.start().unwrap_err().to_string();
    assert!(
        error.contains("move it behind `.mock_activity(..)`"),
        "{error}"
    );
}

#[workflow_test]
async fn the_calls_of_all_activities_are_in_the_order_of_their_start(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("desk")
        .workflow::<Clerk>()
        .activity(Desk::stamp)
        .activity(Desk::file)
        .start()?;
    files(&env, 2).await?;
    let calls = env.all_calls();
    let types: Vec<_> = calls
        .iter()
        .map(|call| call.activity_type.as_str())
        .collect();
    assert_eq!(
        types,
        ["Desk::stamp", "Desk::file", "Desk::stamp", "Desk::file"]
    );
    Ok(())
}

#[workflow_test]
async fn a_history_is_asserted_by_lines_of_its_outline(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("desk")
        .workflow::<Clerk>()
        .activity(Desk::stamp)
        .activity(Desk::file)
        .start()?;
    files(&env, 1).await?;
    env.history("clerk-1")
        .assert_contains("ActivityTaskScheduled Desk::stamp(1) on desk")
        .assert_contains("ActivityTaskCompleted Desk::file")
        .assert_lacks("ActivityTaskFailed")
        .assert_lacks("ActivityTaskScheduled Desk::stamp(2)")
        .assert_order([
            "ActivityTaskCompleted Desk::stamp",
            "ActivityTaskStarted Desk::file",
        ]);
    Ok(())
}

/// Returns the message of an assertion on the history of a clerk that has filed one page.
fn complaint(assert: fn(&History)) -> String {
    let failure = failing::failure(move |env| {
        async move {
            env.worker("desk")
                .workflow::<Clerk>()
                .activity(Desk::stamp)
                .activity(Desk::file)
                .start()?;
            files(&env, 1).await?;
            assert(&env.history("clerk-1"));
            TestResult::Ok(())
        }
        .boxed_local()
    });
    let line = failure
        .location
        .as_ref()
        .expect("the line of the assertion");
    assert!(line.file.ends_with("mocks.rs"), "{failure}");
    failure.message.expect("the words of the assertion")
}

#[test]
fn an_assertion_on_a_history_that_fails_shows_the_outline() {
    insta::assert_snapshot!(complaint(|history| {
        history.assert_order([
            "ActivityTaskScheduled Desk::file",
            "ActivityTaskScheduled Desk::stamp",
        ]);
    }));
}

#[test]
fn an_assertion_on_a_history_names_the_event_that_should_not_be_there() {
    let lacks = complaint(|history| {
        history.assert_lacks("ActivityTaskScheduled Desk::file");
    });
    assert!(
        lacks
            .starts_with("the history of clerk-1 has ActivityTaskScheduled Desk::file: event 11\n"),
        "{lacks}"
    );
    let contains = complaint(|history| {
        history.assert_contains("TimerStarted");
    });
    assert!(
        contains.starts_with("the history of clerk-1 has no TimerStarted\n"),
        "{contains}"
    );
}

#[test]
fn a_pattern_with_a_misspelt_event_type_is_refused() {
    let message = complaint(|history| {
        history.assert_lacks("ActivityTaskFaild");
    });
    assert_eq!(
        message,
        "there is no event type \"ActivityTaskFaild\"; did you mean \"ActivityTaskFailed\"?"
    );
}
