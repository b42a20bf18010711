//! One end-to-end test that also passes under `RUSTFLAGS="--cfg madsim"`, on madsim's runtime.

use durasim::prelude::*;
use scenarios::approval::workflow::{ApprovalWorkflow, Items};

#[workflow_test(seeds = 4)]
async fn an_item_is_approved_on_either_runtime(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("approvals")
        .activity(Items::process)
        .workflow::<ApprovalWorkflow>()
        .start()?;
    let options = WorkflowStartOptions::new("approvals", "approval-1").build();
    let approval = env
        .client()
        .start_workflow(ApprovalWorkflow::run, "item-1".into(), options)
        .await?;
    env.sleep(Duration::from_hours(1)).await;
    approval
        .signal(
            ApprovalWorkflow::approve,
            (),
            WorkflowSignalOptions::default(),
        )
        .await?;
    assert_eq!(
        approval
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        "processed item-1"
    );
    Ok(())
}
