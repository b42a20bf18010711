//! Replay of local activities: results come from markers; only activities without a marker run
//! again.

use pretty_assertions::assert_eq;

use super::*;

/// Calls a local activity, waits an hour, and calls another.
#[workflow]
#[derive(Default)]
struct Twice;

#[workflow_methods]
impl Twice {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<(String, String)> {
        let options = || {
            LocalActivityOptions::builder()
                .include_arguments_in_marker(true)
                .build()
        };
        let first = end(ctx.execute_local_activity(Work::work, (), options()).await);
        ctx.timer(Duration::from_hours(1)).await;
        let second = end(ctx.execute_local_activity(Work::work, (), options()).await);
        ctx.timer(Duration::from_hours(1)).await;
        Ok((first, second))
    }
}

async fn twice(env: &TestWorkflowEnvironment) -> TestResult<usize> {
    env.worker("queue")
        .workflow::<Twice>()
        .mock_activity(Work::work, |_| async { Ok("done".to_owned()) })
        .start()?;
    let handle = env
        .client()
        .start_workflow(Twice::run, (), on("one"))
        .await?;
    let ended = handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(
        ended,
        ("completed: done".to_owned(), "completed: done".to_owned())
    );
    Ok(env.calls(Work::work).len())
}

#[workflow_test(core_replay = true, cache = false)]
async fn a_local_activity_with_a_marker_does_not_run_again(
    env: TestWorkflowEnvironment,
) -> TestResult {
    assert_eq!(twice(&env).await?, 2);
    Ok(())
}

#[workflow_test(core_replay = true, faults = Fault::worker_crash().before_workflow_task().nth(1))]
async fn a_local_activity_without_a_marker_runs_again(env: TestWorkflowEnvironment) -> TestResult {
    let calls = twice(&env).await?;
    env.sometimes("the local activity ran once more", calls == 3);
    Ok(())
}

feature! {
    not_official [Twice]
    async fn the_result_is_the_same(env) {
        twice(&env).await?;
        Ok(())
    }
}

/// If its worker dies, a long local activity runs again from the start, with new timeouts.
#[workflow_test(core_replay = true, faults = Fault::worker_crash().after_workflow_task().nth(2))]
async fn a_crash_between_heartbeats_starts_it_over(env: TestWorkflowEnvironment) -> TestResult {
    let settings = Settings {
        schedule_to_close: Some(40),
        ..Settings::default()
    };
    let ended = run(&env, settings, |_| async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        Ok("long".to_owned())
    });
    assert_eq!(ended.await?, "completed: long");
    env.sometimes(
        "the local activity ran twice",
        env.calls(Work::work).len() == 2,
    );
    Ok(())
}
