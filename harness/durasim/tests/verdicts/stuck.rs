//! Tests that wait for something that never comes, and worlds that do not end.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use durasim::{advanced::TestOptions, prelude::*, report::FailureCode};
use futures::FutureExt;
use temporalio_client::schedules::{CreateScheduleOptions, ScheduleAction, ScheduleSpec};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ChildWorkflowOptions, WorkflowContext, WorkflowResult, activities::ActivityError,
};

use crate::{
    Elsewhere,
    common::{Approval, Greeter, Greetings},
    failing::{report, report_with},
    greets, on,
};

const DAY: Duration = Duration::from_hours(24);

fn at_most(max_steps: u64) -> TestOptions {
    TestOptions::new().limits(Limits {
        max_steps,
        ..Limits::default()
    })
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
fn a_query_without_a_worker_reports_the_missing_worker() {
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
fn a_parent_waits_for_its_child_and_the_child_for_an_unregistered_activity() {
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
fn a_test_that_awaits_something_outside_its_world_is_stuck() {
    insta::assert_snapshot!(report(
        |_env| std::future::pending::<TestResult>().boxed_local()
    ));
}

#[test]
fn a_test_that_gives_up_waiting_reports_what_its_workflow_waits_for() {
    let bounded = |fails: fn(Result<(), tokio::time::error::Elapsed>) -> TestResult| {
        report(move |env| {
            async move {
                env.worker("shop").workflow::<Approval>().start()?;
                let handle = env
                    .client()
                    .start_workflow(Approval::run, "ring".to_owned(), on("shop"))
                    .await?;
                let result = handle.get_result(WorkflowGetResultOptions::default());
                let bounded = tokio::time::timeout(Duration::from_mins(10), result).await;
                fails(bounded.map(drop))
            }
            .boxed_local()
        })
    };
    insta::assert_snapshot!(bounded(|result| Ok(result?)));
    let panicked = bounded(|result| {
        result.expect("a result in time");
        Ok(())
    });
    assert_eq!(panicked.failure.code, FailureCode::Panic);
    let diagnosis = panicked.failure.diagnosis.expect("what is open");
    let gave_up = diagnosis.gave_up.expect("the wait");
    assert_eq!(gave_up.what, "the result of Approval w-1");
}

#[test]
fn an_error_in_the_midst_of_a_workflow_shows_what_is_open() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("shop").workflow::<Approval>().start()?;
            let handle = env
                .client()
                .start_workflow(Approval::run, "ring".to_owned(), on("shop"))
                .await?;
            let status = handle
                .query(Approval::status, (), WorkflowQueryOptions::default())
                .await?;
            status.parse::<u32>()?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    }));
}

#[test]
fn a_sleep_beyond_the_last_moment_of_the_world_is_a_limit() {
    for years in [100, u64::MAX / DAY.as_secs() / 366] {
        let report = report(move |env| {
            async move {
                env.sleep(Duration::from_secs(years * 365 * DAY.as_secs()))
                    .await;
            }
            .boxed_local()
        });
        insta::assert_snapshot!(
            "a_sleep_beyond_the_last_moment_of_the_world_is_a_limit",
            report
        );
    }
}

#[test]
fn a_polling_loop_is_a_limit() {
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
        insta::assert_snapshot!("a_polling_loop_is_a_limit", report);
    }
}

/// Fails this often, and then greets.
fn fails_before(
    attempts: u32,
) -> impl Fn(ActivityCall<String>) -> std::future::Ready<Result<String, ActivityError>> {
    move |call| {
        std::future::ready(if call.attempt > attempts {
            Ok(call.input)
        } else {
            Err(ActivityError::from(std::fmt::Error))
        })
    }
}

#[test]
fn a_test_that_polls_a_workflow_is_not_said_to_wait_for_something_outside() {
    let report = report_with(at_most(1_000), |env| {
        async move {
            env.worker("greetings").workflow::<Approval>().start()?;
            let client = env.client();
            let item = "ring".to_owned();
            let handle = client
                .start_workflow(Approval::run, item, on("greetings"))
                .await?;
            loop {
                handle.describe(WorkflowDescribeOptions::default()).await?;
                env.sleep(Duration::from_millis(1)).await;
            }
            #[expect(unreachable_code, reason = "the type of the test")]
            TestResult::Ok(())
        }
        .boxed_local()
    });
    let text = report.to_string();
    assert!(text.contains("Approval w-1 is open"), "{text}");
    assert!(!text.contains("outside its world"), "{text}");
}

#[test]
fn an_activity_that_always_fails_is_named_soon() {
    let report = report(|env| {
        async move {
            env.worker("greetings")
                .workflow::<Greeter>()
                .mock_activity(Greetings::greet, fails_before(u32::MAX))
                .start()?;
            greets(&env).await
        }
        .boxed_local()
    });
    assert!(report.found.spent.steps < 20_000, "{report}");
    insta::assert_snapshot!(report);
}

#[workflow_test]
async fn an_activity_that_polls_by_its_retries_is_sound(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("greetings")
        .workflow::<Greeter>()
        .mock_activity(Greetings::greet, fails_before(1_500))
        .start()?;
    greets(&env).await
}

/// Nothing but the retries happens for a hundred days, and then the test mends the activity.
#[workflow_test]
async fn an_activity_that_the_test_mends_after_thousands_of_attempts_is_sound(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let mended = Arc::new(AtomicBool::new(false));
    let looks = mended.clone();
    env.worker("greetings")
        .workflow::<Greeter>()
        .mock_activity(Greetings::greet, move |call| {
            let mended = looks.load(Ordering::Relaxed);
            std::future::ready(if mended {
                Ok(call.input)
            } else {
                Err(ActivityError::from(std::fmt::Error))
            })
        })
        .start()?;
    env.spawn(async move {
        tokio::time::sleep(3 * DAY).await;
        mended.store(true, Ordering::Relaxed);
    });
    greets(&env).await?;
    assert!(env.calls(Greetings::greet).len() > 2_000);
    Ok(())
}

/// Waits for so many timers of so many seconds.
#[workflow]
#[derive(Default)]
struct Timers;

#[workflow_methods]
impl Timers {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        (timers, secs): (u32, u64),
    ) -> WorkflowResult<()> {
        for _ in 0..timers {
            ctx.timer(Duration::from_secs(secs)).await;
        }
        Ok(())
    }
}

async fn waits(env: &TestWorkflowEnvironment, timers: u32, secs: u64) -> TestResult {
    env.worker("greetings").workflow::<Timers>().start()?;
    let timers = env
        .client()
        .start_workflow(Timers::run, (timers, secs), on("greetings"))
        .await?;
    timers
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

#[workflow_test]
async fn a_workflow_of_seven_months_of_hourly_timers_is_sound(
    env: TestWorkflowEnvironment,
) -> TestResult {
    waits(&env, 5_000, 3_600).await
}

#[workflow_test]
async fn a_workflow_that_waits_for_an_hour_by_the_second_is_sound(
    env: TestWorkflowEnvironment,
) -> TestResult {
    waits(&env, 3_600, 1).await
}

#[workflow_test(limits = Limits { max_steps: 2_500_000, ..Limits::default() })]
async fn the_remedy_for_many_short_timers_works(env: TestWorkflowEnvironment) -> TestResult {
    waits(&env, 5_000, 1).await
}

async fn runs_forever(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("greetings").workflow::<Forever>().start()?;
    let handle = env
        .client()
        .start_workflow(Forever::run, (), on("greetings"))
        .await?;
    handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

#[test]
fn a_loop_of_timers_ends_soon() {
    insta::assert_snapshot!(report(|env| runs_forever(env).boxed_local()));
}

#[test]
fn a_schedule_does_not_keep_alive_a_test_that_waits_in_vain() {
    insta::assert_snapshot!(report(|env| greets_each_hour(env).boxed_local()));
}

/// Waits for a workflow that no worker takes, beside a schedule.
async fn greets_each_hour(env: TestWorkflowEnvironment) -> TestResult {
    let every_hour = ScheduleSpec::from_interval(Duration::from_hours(1));
    let greet = ScheduleAction::start_workflow(Greeter::run, "you".to_owned(), "q", "hi");
    let options = CreateScheduleOptions::builder()
        .action(greet)
        .spec(every_hour)
        .build();
    env.client().create_schedule("hourly", options).await?;
    greets(&env).await
}

#[test]
fn a_run_that_outgrows_the_services_limit_is_a_limit() {
    let options = at_most(300_000);
    let failure = report_with(options, |env| runs_forever(env).boxed_local()).failure;
    let expected = "the service terminated a workflow, as Temporal would: \
                    Workflow history count exceeds limit";
    assert_eq!(
        (failure.code.name(), failure.what.as_str()),
        ("limit", expected)
    );
}
