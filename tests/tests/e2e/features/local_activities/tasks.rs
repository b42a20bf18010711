//! Local activities and the workflow tasks that they keep open.

use pretty_assertions::assert_eq;
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContextView,
    workflows::{join_all, select},
};

use super::*;

/// Takes half a minute.
async fn long(_call: ActivityCall<()>) -> Result<String, ActivityError> {
    tokio::time::sleep(Duration::from_secs(30)).await;
    Ok("long".to_owned())
}

#[workflow_test(core_replay = true)]
async fn a_long_local_activity_keeps_its_workflow_task_alive(
    env: TestWorkflowEnvironment,
) -> TestResult {
    assert_eq!(
        run(&env, Settings::default(), long).await?,
        "completed: long"
    );
    assert_eq!(env.calls(Work::work).len(), 1);
    assert_eq!(
        seconds_of(&env, "one", EventType::WorkflowTaskCompleted),
        [8, 16, 24, 30]
    );
    assert_eq!(
        seconds_of(&env, "one", EventType::WorkflowTaskTimedOut),
        Vec::<u64>::new()
    );
    Ok(())
}

/// Runs several, some after a pause; accepts signals and updates and reports them.
#[workflow]
#[derive(Default)]
struct Several {
    heard: Vec<String>,
}

#[workflow_methods]
impl Several {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, pauses: Vec<u64>) -> WorkflowResult<Vec<String>> {
        for pause in pauses {
            if pause > 0 {
                ctx.timer(Duration::from_secs(pause)).await;
            }
            let options = Settings {
                schedule_to_close: Some(1000),
                ..Settings::default()
            }
            .options();
            let ended = end(ctx.execute_local_activity(Work::work, (), options).await);
            ctx.state_mut(|state| state.heard.push(ended));
        }
        Ok(ctx.state(|state| state.heard.clone()))
    }

    #[signal]
    fn tell(&mut self, _ctx: &mut SyncWorkflowContext<Self>, what: String) {
        self.heard.push(what);
    }

    #[update]
    fn ask(&mut self, _ctx: &mut SyncWorkflowContext<Self>, what: String) -> usize {
        self.heard.push(what);
        self.heard.len()
    }

    #[query]
    fn heard(&self, _ctx: &WorkflowContextView) -> Vec<String> {
        self.heard.clone()
    }
}

/// Each task's heartbeats count from the start of that task.
#[workflow_test(core_replay = true)]
async fn each_task_has_its_own_heartbeats(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<Several>()
        .mock_activity(Work::work, |_| async {
            tokio::time::sleep(Duration::from_secs(6)).await;
            Ok("done".to_owned())
        })
        .start()?;
    let handle = env
        .client()
        .start_workflow(Several::run, vec![0, 1, 0], on("one"))
        .await?;
    handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    // The first activity ends at 6. After the timer, at 7, one ends at 13 and the next begins in
    // the same task, which has eight seconds from 7.
    assert_eq!(
        seconds_of(&env, "one", EventType::WorkflowTaskCompleted),
        [6, 15, 19]
    );
    Ok(())
}

/// Events that arrive while a task runs a local activity wait for the task's next heartbeat.
#[workflow_test(core_replay = true)]
async fn events_during_a_local_activity_wait_for_the_heartbeat(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<Several>()
        .mock_activity(Work::work, long)
        .start()?;
    let began = env.now();
    let seconds =
        |env: &TestWorkflowEnvironment| env.now().duration_since(began).map(|d| d.as_secs());
    let handle = env
        .client()
        .start_workflow(Several::run, vec![0], on("one"))
        .await?;
    env.sleep(Duration::from_secs(3)).await;
    handle
        .signal(
            Several::tell,
            "signal".to_owned(),
            WorkflowSignalOptions::default(),
        )
        .await?;
    let heard = handle
        .query(Several::heard, (), WorkflowQueryOptions::default())
        .await?;
    assert_eq!((heard, seconds(&env)?), (vec!["signal".to_owned()], 8));
    env.sleep(Duration::from_secs(3)).await;
    let updated = handle.execute_update(
        Several::ask,
        "update".to_owned(),
        WorkflowExecuteUpdateOptions::default(),
    );
    // The update comes with the task that begins at 16; the answer is sent when that task
    // completes.
    assert_eq!((updated.await?, seconds(&env)?), (2, 24));
    let heard = handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(heard, ["signal", "update", "completed: long"]);
    assert_eq!(seconds(&env)?, 30);
    Ok(())
}

/// Runs several at once.
#[workflow]
#[derive(Default)]
struct AtOnce;

#[workflow_methods]
impl AtOnce {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, count: u32) -> WorkflowResult<Vec<String>> {
        let all = (0..count).map(|_| {
            let options = Settings {
                schedule_to_close: Some(1000),
                ..Settings::default()
            }
            .options();
            ctx.execute_local_activity(Work::work, (), options)
        });
        Ok(join_all(all).await.into_iter().map(end).collect())
    }
}

feature! {
    not_official [AtOnce]
    async fn several_run_at_once(env) {
        env.worker("queue")
            .workflow::<AtOnce>()
            .mock_activity(Work::work, |call| async move {
                // The first takes longest.
                let id: u64 = call.info().activity_id.parse().unwrap_or(1);
                tokio::time::sleep(Duration::from_secs(10 - id)).await;
                Ok(format!("activity {id}"))
            })
            .start()?;
        let handle = env
            .client()
            .start_workflow(AtOnce::run, 3, on("one"))
            .await?;
        let ended = handle
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        assert_eq!(
            ended,
            [
                "completed: activity 1",
                "completed: activity 2",
                "completed: activity 3"
            ]
        );
        Ok(())
    }
}

/// Races a local activity with a timer.
#[workflow]
#[derive(Default)]
struct Race;

#[workflow_methods]
impl Race {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let options = Settings {
            schedule_to_close: Some(1000),
            ..Settings::default()
        }
        .options();
        select! {
            ended = ctx.execute_local_activity(Work::work, (), options) => Ok(end(ended)),
            _ = ctx.timer(Duration::from_secs(1)) => Ok("the timer".to_owned()),
        }
    }
}

/// The timer's command is sent with the first heartbeat, so the timer begins then. The loser is
/// cancelled when its workflow closes.
#[workflow_test(core_replay = true)]
async fn a_timer_beside_a_local_activity_starts_with_the_heartbeat(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let cancelled = env.shared(std::sync::atomic::AtomicBool::default());
    let heard = cancelled.clone();
    env.worker("queue")
        .workflow::<Race>()
        .mock_activity(Work::work, move |call| {
            let heard = heard.clone();
            async move {
                call.cancelled().await;
                heard.store(true, std::sync::atomic::Ordering::SeqCst);
                Err(ActivityError::cancelled())
            }
        })
        .start()?;
    let handle = env
        .client()
        .start_workflow(Race::run, (), on("one"))
        .await?;
    assert_eq!(
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "the timer"
    );
    assert_eq!(seconds_of(&env, "one", EventType::TimerStarted), [8]);
    assert_eq!(seconds_of(&env, "one", EventType::TimerFired), [9]);
    env.sleep(Duration::from_secs(1)).await;
    assert!(cancelled.load(std::sync::atomic::Ordering::SeqCst));
    Ok(())
}

/// An activity that uses the client of its context.
struct Postman;

#[activities]
impl Postman {
    #[activity]
    async fn deliver(ctx: ActivityContext, what: String) -> Result<(), ActivityError> {
        let other = ctx.client().get_workflow_handle::<Several>("other");
        other
            .signal(Several::tell, what, Default::default())
            .await?;
        Ok(())
    }
}

/// Delivers once as a local activity and once as a regular one.
#[workflow]
#[derive(Default)]
struct Sender;

#[workflow_methods]
impl Sender {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.execute_local_activity(Postman::deliver, "local".to_owned(), Default::default())
            .await?;
        let options = ActivityOptions::start_to_close_timeout(Duration::from_mins(1));
        ctx.execute_activity(Postman::deliver, "remote".to_owned(), options)
            .await?;
        Ok(())
    }
}

#[workflow_test(core_replay = true)]
async fn local_activities_have_the_client_of_other_activities(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<Sender>()
        .workflow::<Several>()
        .implementer(Postman)
        .activity(Postman::deliver)
        .mock_activity(Work::work, |_| async { Ok("done".to_owned()) })
        .start()?;
    let other = env
        .client()
        .start_workflow(Several::run, vec![60], on("other"))
        .await?;
    let sender = env
        .client()
        .start_workflow(Sender::run, (), on("sender"))
        .await?;
    sender.get_result(Default::default()).await?;
    assert_eq!(
        other.get_result(Default::default()).await?,
        ["local", "remote", "completed: done"]
    );
    Ok(())
}
