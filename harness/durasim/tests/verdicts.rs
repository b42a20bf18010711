//! What a test is told that cannot succeed as it is written: always a verdict, soon, with what to
//! do about it.

#![allow(
    clippy::unused_async,
    reason = "an activity that is not async leaves the simulated thread"
)]

mod common;
mod failing;

use durasim::{advanced::TestOptions, prelude::*, report::FailureCode};
use futures::FutureExt;
use temporalio_client::UntypedSignal;
use temporalio_common::{
    UntypedWorkflow,
    data_converters::{PayloadConverter, RawValue},
};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ChildWorkflowOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use common::{Approval, Greeter, Greetings, Patience};
use failing::{failure, report, report_with};

const DAY: Duration = Duration::from_hours(24);

fn on(task_queue: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new(task_queue, "w-1").build()
}

fn at_most(max_steps: u64) -> TestOptions {
    TestOptions::new().limits(Limits {
        max_steps,
        ..Limits::default()
    })
}

async fn greets(env: &TestWorkflowEnvironment) -> TestResult {
    let handle = env
        .client()
        .start_workflow(Greeter::run, "Ann".to_owned(), on("greetings"))
        .await?;
    handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

/// An activity that cannot do other.
struct Broken;

#[activities]
impl Broken {
    #[activity]
    async fn panics(_ctx: ActivityContext) -> Result<(), ActivityError> {
        panic!("out of paper")
    }
}

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

/// Calls an activity on a task queue of its own.
#[workflow]
#[derive(Default)]
struct Elsewhere;

#[workflow_methods]
impl Elsewhere {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let options = ActivityOptions::with_start_to_close_timeout(DAY)
            .task_queue("printers")
            .build();
        Ok(ctx.execute_activity(Broken::panics, (), options).await?)
    }
}

/// Calls an activity that has a minute.
#[workflow]
#[derive(Default)]
struct InTime;

#[workflow_methods]
impl InTime {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let options = ActivityOptions::schedule_to_close_timeout(Duration::from_mins(1));
        Ok(ctx.execute_activity(Broken::panics, (), options).await?)
    }
}

/// Starts a child and waits for it.
#[workflow]
#[derive(Default)]
struct Parent;

#[workflow_methods]
impl Parent {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let options = ChildWorkflowOptions::workflow_id("child-1".to_owned());
        Ok(ctx
            .start_child_workflow(Elsewhere::run, (), options)
            .await?
            .result()
            .await?)
    }
}

/// Takes numbers.
#[workflow]
#[derive(Default)]
struct Mailbox {
    numbers: Vec<u32>,
}

#[workflow_methods]
impl Mailbox {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<usize> {
        ctx.wait_condition(|state| !state.numbers.is_empty())
            .await?;
        Ok(ctx.state(|state| state.numbers.len()))
    }

    #[signal]
    fn put(&mut self, _ctx: &mut SyncWorkflowContext<Self>, number: u32) {
        self.numbers.push(number);
    }
}

/// Waits a second, again and again.
#[workflow]
#[derive(Default)]
struct Forever;

#[workflow_methods]
impl Forever {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        loop {
            ctx.timer(Duration::from_secs(1)).await;
        }
    }
}

#[test]
fn a_workflow_without_a_worker_is_stuck() {
    insta::assert_snapshot!(report(|env| async move { greets(&env).await }.boxed_local()));
}

#[test]
fn a_query_that_no_worker_is_there_to_answer_is_told_so() {
    insta::assert_snapshot!(report(|env| {
        async move {
            let handle = env
                .client()
                .start_workflow(Approval::run, "ring".to_owned(), on("shop"))
                .await?;
            handle
                .query(Approval::status, (), WorkflowQueryOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    }));
}

#[test]
fn a_wrong_task_queue_is_told_beside_the_right_one() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("greeting").workflow::<Greeter>().start()?;
            greets(&env).await
        }
        .boxed_local()
    }));
}

#[test]
fn a_worker_without_any_activity_lacks_the_one_that_is_called() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("greetings").workflow::<Greeter>().start()?;
            greets(&env).await
        }
        .boxed_local()
    }));
}

/// The activity may wait for a worker no longer than this, so that the run is not stuck.
#[test]
fn an_activity_that_times_out_for_want_of_a_worker_is_told_as_unregistered() {
    for elsewhere in [false, true] {
        let report = report(move |env| {
            async move {
                env.worker("printers").workflow::<InTime>().start()?;
                if elsewhere {
                    env.worker("presses").activity(Broken::panics).start()?;
                }
                let handle = env
                    .client()
                    .start_workflow(InTime::run, (), on("printers"))
                    .await?;
                handle
                    .get_result(WorkflowGetResultOptions::default())
                    .await?;
                Ok::<_, TestError>(())
            }
            .boxed_local()
        });
        insta::assert_snapshot!(report);
    }
}

#[test]
fn an_activity_that_nobody_took_may_time_out_in_a_test_that_fails_of_something_else() {
    let failure = failure(|env| {
        async move {
            env.worker("printers").workflow::<InTime>().start()?;
            let handle = env
                .client()
                .start_workflow(InTime::run, (), on("printers"))
                .await?;
            assert!(
                handle
                    .get_result(WorkflowGetResultOptions::default())
                    .await
                    .is_ok(),
                "no paper"
            );
            Ok::<_, TestError>(())
        }
        .boxed_local()
    });
    assert_eq!(failure.code, FailureCode::Panic, "{failure}");
}

#[test]
fn a_worker_without_any_workflow_lacks_the_one_that_is_started() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("greetings")
                .mock_activity(Greetings::greet, |call| async move { Ok(call.input) })
                .start()?;
            greets(&env).await
        }
        .boxed_local()
    }));
}

#[test]
fn a_parent_awaits_its_child_and_the_child_what_is_not_registered() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("greetings")
                .workflow::<Parent>()
                .workflow::<Elsewhere>()
                .start()?;
            let handle = env
                .client()
                .start_workflow(Parent::run, (), on("greetings"))
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    }));
}

#[test]
fn a_test_that_awaits_nothing_of_this_world_is_stuck() {
    insta::assert_snapshot!(report(
        |_env| std::future::pending::<TestResult>().boxed_local()
    ));
}

#[test]
fn a_sleep_beyond_the_end_of_the_run_is_a_limit() {
    for years in [100, u64::MAX / DAY.as_secs() / 366] {
        let report = report(move |env| {
            async move {
                env.sleep(Duration::from_secs(years * 365 * DAY.as_secs()))
                    .await
            }
            .boxed_local()
        });
        insta::assert_snapshot!("a_sleep_beyond_the_end_of_the_run_is_a_limit", report);
    }
}

#[test]
fn a_loop_that_waits_for_nothing_is_a_limit() {
    for pause in [Duration::ZERO, Duration::from_millis(10)] {
        let report = report_with(at_most(10_000), move |env| {
            async move {
                let end = env.now() + 365 * DAY;
                while env.now() < end {
                    env.sleep(pause).await;
                }
            }
            .boxed_local()
        });
        insta::assert_snapshot!("a_loop_that_waits_for_nothing_is_a_limit", report);
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
        line.is_some_and(|line| line.file.ends_with("verdicts.rs")),
        "{failure}"
    );
    let message = failure.message.unwrap();
    assert!(
        message
            .starts_with("mock of Greetings::greet: assertion `left == right` failed: wrong guest")
    );
}

#[test]
fn an_activity_that_panics_for_ever_ends_the_test_at_its_line() {
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
        line.is_some_and(|line| line.file.ends_with("verdicts.rs")),
        "{failure}"
    );
    assert_eq!(
        failure.what,
        "an activity panics, 10 attempts so far, and nothing bounds its retries"
    );
    assert_eq!(
        failure.message.unwrap(),
        "Print#1/Broken::panics: out of paper"
    );
}

#[test]
fn an_activity_that_fails_for_ever_is_named_when_the_run_reaches_its_limit() {
    insta::assert_snapshot!(report_with(at_most(5_000), |env| {
        async move {
            env.worker("greetings")
                .workflow::<Greeter>()
                .mock_activity(Greetings::greet, |_| async {
                    Err(ActivityError::from(std::fmt::Error))
                })
                .start()?;
            greets(&env).await
        }
        .boxed_local()
    }));
}

#[test]
fn a_run_that_outgrows_the_services_limit_says_so() {
    let failure = failure(|env| {
        async move {
            env.worker("greetings").workflow::<Forever>().start()?;
            let handle = env
                .client()
                .start_workflow(Forever::run, (), on("greetings"))
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    });
    let expected = "the service terminated a workflow, as Temporal would: Workflow history count exceeds limit";
    assert_eq!(
        (failure.code.name(), failure.what.as_str()),
        ("limit", expected)
    );
}

#[test]
fn an_unknown_type_of_heartbeat_details_is_told_with_the_call_that_names_it() {
    #[derive(serde::Serialize)]
    struct Progress {
        line: u32,
    }
    struct Files;
    #[activities]
    impl Files {
        #[activity]
        async fn copy(ctx: ActivityContext) -> Result<(), ActivityError> {
            Ok(ctx.record_heartbeat(Progress { line: 1 }).await?)
        }
    }
    #[workflow]
    #[derive(Default)]
    struct Copy;
    #[workflow_methods]
    impl Copy {
        #[run]
        async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
            let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
            Ok(ctx.execute_activity(Files::copy, (), options).await?)
        }
    }
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("files")
                .workflow::<Copy>()
                .activity(Files::copy)
                .start()?;
            let handle = env
                .client()
                .start_workflow(Copy::run, (), on("files"))
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    }));
}

#[test]
fn an_input_of_another_type_is_told_with_the_reason() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("patience").workflow::<Patience>().start()?;
            let patience = UntypedWorkflow::new("Patience");
            let handle = env
                .client()
                .start_workflow(patience, RawValue::empty(), on("patience"))
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    }));
}

#[test]
fn a_signal_with_an_input_of_another_type_is_told_with_the_reason() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("mail").workflow::<Mailbox>().start()?;
            let handle = env
                .client()
                .start_workflow(Mailbox::run, (), on("mail"))
                .await?;
            let word = RawValue::from_value(&"seven".to_owned(), &PayloadConverter::default());
            let untyped = env.client().get_workflow_handle::<UntypedWorkflow>("w-1");
            untyped
                .signal(
                    UntypedSignal::new("put"),
                    word,
                    WorkflowSignalOptions::default(),
                )
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    }));
}

#[test]
fn a_workflow_that_only_some_workers_of_a_queue_have_is_told_so() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("greetings").workflow::<Patience>().start()?;
            env.worker("greetings").workflow::<Greeter>().start()?;
            greets(&env).await
        }
        .boxed_local()
    }));
}
