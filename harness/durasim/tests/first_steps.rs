//! Tests of the first steps: activities, mocks, time that skips, signals, queries, recorded calls,
//! histories.

mod common;

use durasim::prelude::*;
use temporalio_client::{WorkflowExecutionStatus, WorkflowHistory};
use temporalio_sdk::ApplicationFailure;

use common::{Approval, Greeter, Greetings, Patience};

fn start(task_queue: &str, id: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new(task_queue, id).build()
}

#[workflow_test]
async fn a_workflow_runs_the_users_own_activity(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("greetings")
        .workflow::<Greeter>()
        .activity(Greetings::greet)
        .implementer(Greetings {
            greeting: "Hello".to_owned(),
        })
        .start()?;
    let handle = env
        .client()
        .start_workflow(Greeter::run, "world".to_owned(), start("greetings", "g-1"))
        .await?;
    assert_eq!(
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "Hello, world!"
    );
    Ok(())
}

#[workflow_test]
async fn a_mock_answers_instead_and_its_calls_are_recorded(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("greetings")
        .workflow::<Greeter>()
        .mock_activity(Greetings::greet, |call| async move {
            Ok(format!("mocked {}", call.input))
        })
        .start()?;
    let handle = env
        .client()
        .start_workflow(Greeter::run, "world".to_owned(), start("greetings", "g-1"))
        .await?;
    assert_eq!(
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "mocked world"
    );
    let calls = env.calls(Greetings::greet);
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].input::<String>()?, "world");
    assert_eq!(calls[0].attempt, 1);
    Ok(())
}

#[workflow_test]
async fn a_month_passes_at_once(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("patience").workflow::<Patience>().start()?;
    let before = env.now();
    let handle = env
        .client()
        .start_workflow(Patience::run, 30, start("patience", "p-1"))
        .await?;
    assert_eq!(
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "30 days later"
    );
    assert_eq!(
        env.now().duration_since(before)?,
        Duration::from_hours(30 * 24)
    );
    Ok(())
}

#[workflow_test]
async fn an_approval_is_signalled_and_queried(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("approvals").workflow::<Approval>().start()?;
    let handle = env
        .client()
        .start_workflow(
            Approval::run,
            "item-1".to_owned(),
            start("approvals", "a-1"),
        )
        .await?;
    assert_eq!(
        handle
            .query(Approval::status, (), WorkflowQueryOptions::default())
            .await?,
        "pending"
    );
    handle
        .signal(Approval::approve, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "approved item-1"
    );
    assert_eq!(
        handle
            .query(Approval::status, (), WorkflowQueryOptions::default())
            .await?,
        "approved"
    );
    Ok(())
}

#[workflow_test]
async fn an_approval_expires_after_a_day(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("approvals").workflow::<Approval>().start()?;
    let handle = env
        .client()
        .start_workflow(
            Approval::run,
            "item-1".to_owned(),
            start("approvals", "a-1"),
        )
        .await?;
    env.sleep(Duration::from_hours(25)).await;
    assert_eq!(
        handle
            .query(Approval::status, (), WorkflowQueryOptions::default())
            .await?,
        "expired"
    );
    Ok(())
}

#[workflow_test]
async fn everything_due_when_a_sleep_ends_happens_first(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<Patience>()
        .workflow::<Greeter>()
        .mock_activity(Greetings::greet, |call| async move {
            tokio::time::sleep(Duration::from_secs(4)).await;
            if call.attempt < 3 {
                Err(ApplicationFailure::new("not yet".to_owned()).into())
            } else {
                Ok(call.input)
            }
        })
        .start()?;
    let month = env
        .client()
        .start_workflow(Patience::run, 30, start("queue", "month"))
        .await?;
    let greeter = env
        .client()
        .start_workflow(Greeter::run, "Ann".to_owned(), start("queue", "greeter"))
        .await?;
    for (seconds, attempts) in [(4, 1), (1, 2), (4, 2), (2, 3)] {
        env.sleep(Duration::from_secs(seconds)).await;
        assert_eq!(env.calls(Greetings::greet).len(), attempts);
    }
    env.sleep(Duration::from_secs(4)).await;
    let described = greeter.describe(WorkflowDescribeOptions::default()).await?;
    assert_eq!(described.status(), WorkflowExecutionStatus::Completed);
    env.sleep(Duration::from_hours(30 * 24).saturating_sub(Duration::from_secs(15)))
        .await;
    let described = month.describe(WorkflowDescribeOptions::default()).await?;
    assert_eq!(described.status(), WorkflowExecutionStatus::Completed);
    Ok(())
}

#[workflow_test(cache = false)]
async fn without_a_cache_every_task_replays(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("approvals").workflow::<Approval>().start()?;
    let handle = env
        .client()
        .start_workflow(
            Approval::run,
            "item-1".to_owned(),
            start("approvals", "a-1"),
        )
        .await?;
    handle
        .signal(Approval::approve, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "approved item-1"
    );
    Ok(())
}

#[workflow_test(seeds = 20)]
async fn worlds_differ_in_order_and_latency_and_agree_in_the_end(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("approvals").workflow::<Approval>().start()?;
    let handle = env
        .client()
        .start_workflow(
            Approval::run,
            "item-1".to_owned(),
            start("approvals", "a-1"),
        )
        .await?;
    let client = env.client();
    env.spawn(async move {
        let handle = client.get_workflow_handle::<Approval>("a-1");
        handle
            .signal(Approval::approve, (), WorkflowSignalOptions::default())
            .await
    });
    assert_eq!(
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "approved item-1"
    );
    Ok(())
}

#[workflow_test]
async fn every_run_of_a_workflow_id_has_its_history(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("patience").workflow::<Patience>().start()?;
    for days in [1, 2] {
        let handle = env
            .client()
            .start_workflow(Patience::run, days, start("patience", "p-1"))
            .await?;
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?;
    }
    let histories = env.histories("p-1");
    assert_eq!(histories.len(), 2);
    assert_ne!(histories[0], histories[1]);
    assert_eq!(env.history("p-1"), histories[1]);
    assert_eq!(env.history(("p-1", histories[0].run_id())), histories[0]);
    Ok(())
}

#[workflow_test]
async fn a_history_is_temporals_own_json_or_the_sdks(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("patience").workflow::<Patience>().start()?;
    let handle = env
        .client()
        .start_workflow(Patience::run, 30, start("patience", "p-1"))
        .await?;
    handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    let history = env.history(&handle);

    let json: serde_json::Value = serde_json::from_str(&history.to_json())?;
    let types: Vec<_> = json["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["eventType"].clone())
        .collect();
    assert_eq!(types.len(), history.events().len());
    assert_eq!(types[0], "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED");
    let timer = &json["events"][4];
    assert_eq!(
        (&timer["eventId"], &timer["eventTime"]),
        (&"5".into(), &"2024-01-01T00:00:00Z".into())
    );
    assert_eq!(
        timer["timerStartedEventAttributes"]["startToFireTimeout"],
        "2592000s"
    );

    let read = WorkflowHistory::from_json(history.to_sdk_json().as_bytes())?;
    assert_eq!(read.into_events().await?, history.events());
    assert_eq!(
        WorkflowHistory::from(&history).into_events().await?,
        history.events()
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_sdks_own_replayer_accepts_what_the_service_wrote(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("greetings")
        .workflow::<Greeter>()
        .mock_activity(Greetings::greet, |call| async move {
            Ok(format!("mocked {}", call.input))
        })
        .start()?;
    let handle = env
        .client()
        .start_workflow(Greeter::run, "world".to_owned(), start("greetings", "g-1"))
        .await?;
    handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    insta::assert_snapshot!(env.history(&handle).outline());
    Ok(())
}
