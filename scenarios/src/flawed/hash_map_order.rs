//! A workflow that iterates over a `HashMap`, whose order differs on replay.

use std::time::Duration;

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    scenario::{Flaw, Scenario, workflows},
    support::on,
};

/// Writes to everybody on a list.
#[workflow]
#[derive(Default)]
pub struct MailingWorkflow;

#[workflow_methods]
impl MailingWorkflow {
    #[run]
    #[allow(
        clippy::disallowed_types,
        reason = "the order of a HashMap is the flaw"
    )]
    pub async fn run(
        ctx: &mut WorkflowContext<Self>,
        readers: Vec<String>,
    ) -> WorkflowResult<usize> {
        // The flaw: the order of a `HashMap` differs in every process. A `BTreeMap`, or the list
        // itself, has a fixed order.
        let greetings: std::collections::HashMap<String, String> = readers
            .into_iter()
            .map(|reader| (reader.clone(), format!("Dear {reader}")))
            .collect();
        for greeting in greetings.values() {
            let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
            ctx.execute_activity(Mail::send, greeting.clone(), options)
                .await?;
        }
        Ok(greetings.len())
    }
}

/// The sending of mail.
pub struct Mail;

#[activities]
impl Mail {
    #[activity]
    pub async fn send(_ctx: ActivityContext, _letter: String) -> Result<(), ActivityError> {
        Ok(())
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/hash_map_order",
    about: "the workflow calls activities in the order of a HashMap",
    flaw: Some(Flaw {
        twin: "batch",
        code: FailureCode::Replay,
        faults: 0,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![MailingWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let readers = ["ann", "bob", "cem", "dan", "eva", "fay"]
        .map(str::to_owned)
        .into();
    env.worker("hash-map-order")
        .activity(Mail::send)
        .workflow::<MailingWorkflow>()
        .start()?;
    let handle = env
        .client()
        .start_workflow(
            MailingWorkflow::run,
            readers,
            on("hash-map-order", "hash-map-order-1"),
        )
        .await?;
    handle
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}
