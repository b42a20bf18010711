//! Update handlers and validators.

use durasim::prelude::*;
use pretty_assertions::assert_eq;
use temporalio_client::{
    Client, WorkflowHandle, WorkflowStartUpdateOptions, errors::WorkflowUpdateError,
};
use temporalio_protos::temporal::api::enums::v1::EventType;

use super::{Clerks, Shelf};
use crate::features::on;

type Handle = WorkflowHandle<Client, super::shelf::Run>;

async fn shelf(env: &TestWorkflowEnvironment) -> TestResult<Handle> {
    env.worker("queue")
        .workflow::<Shelf>()
        .activity(Clerks::count)
        .start()?;
    Ok(env
        .client()
        .start_workflow(Shelf::run, (), on("shelf"))
        .await?)
}

async fn close(shelf: &Handle) -> TestResult<u32> {
    shelf
        .signal(Shelf::close, (), WorkflowSignalOptions::default())
        .await?;
    Ok(shelf
        .get_result(WorkflowGetResultOptions::default())
        .await?)
}

fn message(result: Result<u32, WorkflowUpdateError>) -> String {
    match result {
        Err(WorkflowUpdateError::Failed(failure)) => failure.message,
        other => format!("{other:?}"),
    }
}

feature! {
    [Shelf]
    async fn an_update_is_answered(env) {
        let shelf = shelf(&env).await?;
        let options = WorkflowExecuteUpdateOptions::default;
        assert_eq!(shelf.execute_update(Shelf::add, 5, options()).await?, 5);
        assert_eq!(shelf.execute_update(Shelf::add, 2, options()).await?, 7);
        assert_eq!(close(&shelf).await?, 7);
        Ok(())
    }
}

feature! {
    [Shelf]
    async fn a_refused_update_changes_nothing(env) {
        let shelf = shelf(&env).await?;
        let options = WorkflowExecuteUpdateOptions::default;
        assert_eq!(
            message(shelf.execute_update(Shelf::add, 0, options()).await),
            "nothing to add"
        );
        let panicked = message(shelf.execute_update(Shelf::add, 13, options()).await);
        assert_eq!(panicked, "Update validator panicked: unlucky");
        assert_eq!(close(&shelf).await?, 0);
        Ok(())
    }
}

#[workflow_test(core_replay = true)]
async fn a_refused_update_leaves_no_event(env: TestWorkflowEnvironment) -> TestResult {
    let shelf = shelf(&env).await?;
    env.sleep(Duration::from_secs(1)).await;
    let before = env.history("shelf").event_types();
    let refused = shelf
        .execute_update(Shelf::add, 0, WorkflowExecuteUpdateOptions::default())
        .await;
    assert_eq!(message(refused), "nothing to add");
    assert_eq!(
        env.history("shelf").event_types(),
        before,
        "its workflow task vanishes with it"
    );
    close(&shelf).await?;
    Ok(())
}

feature! {
    [Shelf]
    async fn an_update_fails_after_it_was_accepted(env) {
        let shelf = shelf(&env).await?;
        let options = WorkflowExecuteUpdateOptions::default();
        let failed = shelf
            .execute_update(Shelf::spoil, "moths".to_owned(), options)
            .await;
        let Err(WorkflowUpdateError::Failed(failure)) = failed else {
            panic!("{failed:?}")
        };
        assert_eq!(failure.message, "moths");
        close(&shelf).await?;
        let types = env.history("shelf").event_types();
        assert!(types.contains(&EventType::WorkflowExecutionUpdateCompleted));
        Ok(())
    }
}

feature! {
    [Shelf]
    async fn an_update_without_a_handler_is_refused(env) {
        let shelf = shelf(&env).await?;
        let untyped = env
            .client()
            .get_workflow_handle::<temporalio_common::UntypedWorkflow>("shelf");
        let nothing = temporalio_common::data_converters::RawValue::new(Vec::new());
        let refused = untyped
            .execute_update(
                temporalio_client::UntypedUpdate::new("polish"),
                nothing,
                WorkflowExecuteUpdateOptions::default(),
            )
            .await
            .map(|_| 0);
        assert_eq!(
            message(refused),
            "No update handler registered for update name polish"
        );
        close(&shelf).await?;
        Ok(())
    }
}

feature! {
    /// The update is accepted at once, and completed when another update makes that possible.
    [Shelf]
    async fn a_handler_waits(env) {
        let shelf = shelf(&env).await?;
        let taking = shelf
            .start_update(Shelf::take, 3, WorkflowStartUpdateOptions::default())
            .await?;
        env.sleep(Duration::from_hours(1)).await;
        let types = env.history("shelf").event_types();
        assert!(types.contains(&EventType::WorkflowExecutionUpdateAccepted));
        assert!(!types.contains(&EventType::WorkflowExecutionUpdateCompleted));
        shelf
            .execute_update(Shelf::add, 5, WorkflowExecuteUpdateOptions::default())
            .await?;
        assert_eq!(taking.get_result(Default::default()).await?, 2);
        assert_eq!(close(&shelf).await?, 2);
        Ok(())
    }
}

feature! {
    /// A handler may do whatever a workflow does; the workflow lets its handlers finish before it
    /// ends.
    not_official [Shelf]
    async fn a_handler_runs_activities(env) {
        let shelf = shelf(&env).await?;
        let counting = shelf
            .start_update(Shelf::count, 4, WorkflowStartUpdateOptions::default())
            .await?;
        assert_eq!(close(&shelf).await?, 4);
        // The run has closed, but the outcomes of its updates are still known.
        assert_eq!(counting.get_result(Default::default()).await?, 4);
        Ok(())
    }
}

feature! {
    [Shelf]
    async fn updates_with_the_same_id_are_one_update(env) {
        let shelf = shelf(&env).await?;
        let same = || {
            WorkflowExecuteUpdateOptions::builder()
                .update_id("add-5".to_owned())
                .build()
        };
        assert_eq!(shelf.execute_update(Shelf::add, 5, same()).await?, 5);
        assert_eq!(shelf.execute_update(Shelf::add, 5, same()).await?, 5);
        let known = shelf.get_update_handle(Shelf::add, "add-5");
        assert_eq!(known.get_result(Default::default()).await?, 5);
        assert_eq!(close(&shelf).await?, 5);
        Ok(())
    }
}

feature! {
    [Shelf]
    async fn several_at_once(env) {
        let shelf = shelf(&env).await?;
        let actors: Vec<_> = (1..=4)
            .map(|items| {
                let shelf = env.client().get_workflow_handle::<Shelf>("shelf");
                env.spawn(async move {
                    shelf
                        .execute_update(Shelf::add, items, WorkflowExecuteUpdateOptions::default())
                        .await
                })
            })
            .collect();
        for actor in actors {
            actor.await?;
        }
        assert_eq!(close(&shelf).await?, 10);
        let calls = shelf
            .query(Shelf::calls, (), WorkflowQueryOptions::default())
            .await?;
        assert_eq!(calls.len(), 4);
        Ok(())
    }
}

feature! {
    [Shelf]
    async fn an_unknown_update_is_not_found(env) {
        let shelf = shelf(&env).await?;
        // The workflow has begun, so only the update is unknown.
        shelf
            .execute_update(Shelf::add, 1, WorkflowExecuteUpdateOptions::default())
            .await?;
        let unknown = shelf
            .get_update_handle(Shelf::add, "never sent")
            .get_result(Default::default())
            .await;
        assert!(
            matches!(unknown, Err(WorkflowUpdateError::NotFound(_))),
            "{unknown:?}"
        );
        close(&shelf).await?;
        Ok(())
    }
}
