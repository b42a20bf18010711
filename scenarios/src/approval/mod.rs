//! Three items await a decision: one is approved, one is disputed, one is forgotten.

pub mod workflow;

use std::time::Duration;

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::{
    Client, WorkflowGetResultOptions, WorkflowHandle, WorkflowQueryOptions, WorkflowSignalOptions,
    errors::WorkflowStartError,
};
use temporalio_common::HasWorkflowDefinition;

use crate::{
    scenario::{Scenario, workflows},
    support::{accepted, on, same},
};
use workflow::{ApprovalWorkflow, Items};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "approval",
    about: "a person approves or rejects by signal; after 24 hours the item expires",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![ApprovalWorkflow],
};

type Approval = WorkflowHandle<Client, <ApprovalWorkflow as HasWorkflowDefinition>::Run>;

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("approvals")
        .activity(Items::process)
        .workflow::<ApprovalWorkflow>()
        .start()?;

    let approved = start(&env, "item-1").await?;
    let disputed = start(&env, "item-2").await?;
    let forgotten = start(&env, "item-3").await?;
    env.observe_result(&forgotten);

    for item in [&approved, &disputed] {
        let (env, item) = (env.clone(), same(item));
        env.clone().spawn(async move {
            env.sleep(Duration::from_hours(1)).await;
            accepted(
                item.signal(
                    ApprovalWorkflow::approve,
                    (),
                    WorkflowSignalOptions::default(),
                )
                .await,
            )
        });
    }
    let rejecter = same(&disputed);
    let rejection = env.spawn(async move {
        let reason = "too dear".to_owned();
        accepted(
            rejecter
                .signal(
                    ApprovalWorkflow::reject,
                    reason,
                    WorkflowSignalOptions::default(),
                )
                .await,
        )
    });
    rejection.await?;

    // A delayed signal may arrive after the deadline; the item has expired by then.
    let ends = [
        (
            &approved,
            vec![("processed item-1", "approved"), ("expired", "expired")],
        ),
        (
            &disputed,
            vec![
                ("processed item-2", "approved"),
                ("rejected: too dear", "rejected: too dear"),
                ("expired", "expired"),
            ],
        ),
        (&forgotten, vec![("expired", "expired")]),
    ];
    for (item, ends) in ends {
        let result = item.get_result(WorkflowGetResultOptions::default()).await?;
        let status = item
            .query(
                ApprovalWorkflow::status,
                (),
                WorkflowQueryOptions::default(),
            )
            .await?;
        let end = (result.as_str(), status.as_str());
        assert!(ends.contains(&end), "{end:?} is none of {ends:?}");
    }
    Ok(())
}

async fn start(env: &TestWorkflowEnvironment, item: &str) -> Result<Approval, WorkflowStartError> {
    let options = on("approvals", &format!("approval-of-{item}"));
    env.client()
        .start_workflow(ApprovalWorkflow::run, item.to_owned(), options)
        .await
}
