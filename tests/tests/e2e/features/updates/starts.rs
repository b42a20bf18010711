//! Updates that come with the start of their workflow, or before any worker runs it.

use durasim::prelude::*;
use temporalio_client::{
    WorkflowIdConflictPolicy, WorkflowUpdateWithStartOptions, errors::WorkflowUpdateWithStartError,
};

use super::{Clerks, Shelf};
use crate::features::on;

fn with_start(policy: WorkflowIdConflictPolicy) -> WorkflowUpdateWithStartOptions {
    WorkflowUpdateWithStartOptions::new("queue", "shelf", policy).build()
}

feature! {
    /// The first call starts the workflow; the second finds it running.
    [Shelf]
    async fn an_update_with_start(env) {
        env.worker("queue")
            .workflow::<Shelf>()
            .activity(Clerks::count)
            .start()?;
        let client = env.client();
        for (items, expected) in [(5, 5), (2, 7)] {
            let options = with_start(WorkflowIdConflictPolicy::UseExisting);
            let total = client
                .execute_update_with_start_workflow(Shelf::run, (), Shelf::add, items, options)
                .await?;
            assert_eq!(total, expected);
        }
        let shelf = client.get_workflow_handle::<Shelf>("shelf");
        shelf
            .signal(Shelf::close, (), WorkflowSignalOptions::default())
            .await?;
        assert_eq!(
            shelf
                .get_result(WorkflowGetResultOptions::default())
                .await?,
            7
        );
        Ok(())
    }
}

#[workflow_test(core_replay = true)]
async fn an_update_with_start_fails_on_a_running_workflow_if_told_to(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<Shelf>()
        .activity(Clerks::count)
        .start()?;
    let client = env.client();
    let shelf = client.start_workflow(Shelf::run, (), on("shelf")).await?;
    let options = with_start(WorkflowIdConflictPolicy::Fail);
    let refused = client
        .execute_update_with_start_workflow(Shelf::run, (), Shelf::add, 1, options)
        .await;
    assert!(
        matches!(refused, Err(WorkflowUpdateWithStartError::Start(_))),
        "{refused:?}"
    );
    shelf
        .signal(Shelf::close, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        shelf
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        0
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn an_update_with_start_that_is_refused_starts_the_workflow(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<Shelf>()
        .activity(Clerks::count)
        .start()?;
    let client = env.client();
    let options = with_start(WorkflowIdConflictPolicy::UseExisting);
    let refused = client
        .execute_update_with_start_workflow(Shelf::run, (), Shelf::add, 0, options)
        .await;
    assert!(refused.is_err(), "{refused:?}");
    let shelf = client.get_workflow_handle::<Shelf>("shelf");
    shelf
        .signal(Shelf::close, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        shelf
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        0
    );
    Ok(())
}

feature! {
    /// No worker runs the workflow yet: its first task brings the update.
    [Shelf]
    async fn an_update_before_the_first_task(env) {
        let client = env.client();
        let shelf = client.start_workflow(Shelf::run, (), on("shelf")).await?;
        let early = client.get_workflow_handle::<Shelf>("shelf");
        let update = env.spawn(async move {
            early
                .execute_update(Shelf::add, 5, WorkflowExecuteUpdateOptions::default())
                .await
        });
        env.sleep(Duration::from_secs(30)).await;
        env.worker("queue")
            .workflow::<Shelf>()
            .activity(Clerks::count)
            .start()?;
        assert_eq!(update.await?, 5);
        shelf
            .signal(Shelf::close, (), WorkflowSignalOptions::default())
            .await?;
        assert_eq!(
            shelf
                .get_result(WorkflowGetResultOptions::default())
                .await?,
            5
        );
        Ok(())
    }
}
