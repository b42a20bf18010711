//! Signals, and runs without a cache: `workflow_task_state_machine.go`,
//! `api/respondworkflowtaskcompleted/`.

use durasim::prelude::*;
use pretty_assertions::assert_eq;

use super::super::{
    Counter,
    activities::{OneActivity, Settings, Work},
    on,
};

/// Signals arrive in any order and at any moment, also while the workflow completes. Each accepted
/// signal is seen, because a completion is refused while a signal is buffered.
#[workflow_test(seeds = 32, core_replay = true)]
async fn a_completing_workflow_loses_no_signal(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Counter>().start()?;
    let client = env.client();
    let counter = client
        .start_workflow(Counter::run, (), on("counter"))
        .await?;
    let actors: Vec<_> = (0..3)
        .map(|_| {
            let counter = client.get_workflow_handle::<Counter>("counter");
            env.spawn(async move {
                counter
                    .signal(Counter::add, (), WorkflowSignalOptions::default())
                    .await
                    .is_ok()
            })
        })
        .collect();
    counter
        .signal(Counter::finish, (), WorkflowSignalOptions::default())
        .await?;
    let counted = counter
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    let mut accepted = 0;
    for actor in actors {
        accepted += u32::from(actor.await);
    }
    assert_eq!(counted, accepted);
    Ok(())
}

async fn one_activity(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<OneActivity>()
        .mock_activity(Work::work, |_| async { Ok("done".to_owned()) })
        .start()?;
    let handle = env
        .client()
        .start_workflow(OneActivity::run, Settings::default(), on("one"))
        .await?;
    assert_eq!(
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "done"
    );
    Ok(())
}

#[workflow_test(seeds = 4, core_replay = true)]
async fn a_run_works_without_a_cache(env: TestWorkflowEnvironment) -> TestResult {
    one_activity(env).await
}

#[workflow_test(seeds = 4, cache = false, core_replay = true)]
async fn without_a_cache_each_task_brings_the_full_history(
    env: TestWorkflowEnvironment,
) -> TestResult {
    one_activity(env).await
}
