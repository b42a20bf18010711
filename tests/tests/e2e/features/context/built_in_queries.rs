//! Current details, and the queries that the SDK itself answers.

use durasim::prelude::*;
use serde::Deserialize;
use temporalio_client::{Client, UntypedQuery, WorkflowHandle};
use temporalio_common::{
    UntypedWorkflow,
    data_converters::{PayloadConverter, RawValue},
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{SyncWorkflowContext, WorkflowContext, WorkflowResult};

use crate::features::on;

/// Reports its progress in its current details.
#[workflow]
#[derive(Default)]
struct Loading {
    done: bool,
}

#[workflow_methods]
impl Loading {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        ctx.set_current_details("waiting for the truck");
        ctx.timer(Duration::from_hours(1)).await;
        ctx.set_current_details("loading");
        ctx.wait_condition(|state| state.done).await?;
        Ok(())
    }

    #[signal]
    fn finish(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.done = true;
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    current_details: String,
}

async fn ask(
    handle: &WorkflowHandle<Client, UntypedWorkflow>,
    query: &str,
) -> TestResult<RawValue> {
    Ok(handle
        .query(
            UntypedQuery::new(query),
            RawValue::default(),
            Default::default(),
        )
        .await?)
}

async fn details(handle: &WorkflowHandle<Client, UntypedWorkflow>) -> TestResult<String> {
    let metadata = ask(handle, "__temporal_workflow_metadata").await?;
    Ok(metadata
        .to_value::<Metadata>(&PayloadConverter::default())
        .current_details)
}

feature! {
    [Loading]
    async fn current_details_are_in_the_metadata(env) {
        env.worker("queue").workflow::<Loading>().start()?;
        let loading = env
            .client()
            .start_workflow(Loading::run, (), on("loading"))
            .await?;
        let untyped = env
            .client()
            .get_workflow_handle::<UntypedWorkflow>("loading");
        let first = details(&untyped).await?;
        assert!(
            first == "waiting for the truck" || first == "loading",
            "{first}"
        );
        env.sleep(Duration::from_hours(2)).await;
        assert_eq!(details(&untyped).await?, "loading");
        loading
            .signal(Loading::finish, (), Default::default())
            .await?;
        loading.get_result(Default::default()).await?;
        assert_eq!(details(&untyped).await?, "loading", "a closed run answers too");
        Ok(())
    }
}

/// SDK 1.1 answers no other built-in query; it cannot report stacks.
#[workflow_test]
async fn stack_traces_are_not_supported(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Loading>().start()?;
    env.client()
        .start_workflow(Loading::run, (), on("loading"))
        .await?;
    let untyped = env
        .client()
        .get_workflow_handle::<UntypedWorkflow>("loading");
    for query in [
        "__stack_trace",
        "__enhanced_stack_trace",
        "nothing of the kind",
    ] {
        let refused = ask(&untyped, query)
            .await
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default();
        assert!(
            refused.contains(&format!("No query handler for '{query}'")),
            "{refused}"
        );
    }
    untyped.terminate(Default::default()).await?;
    Ok(())
}
