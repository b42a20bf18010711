//! Invoice numbers from a static, which all runs of a process share and no replay restores.

use std::{cell::Cell, time::Duration};

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

thread_local! {
    // The flaw. The static is thread-local only so that worlds simulated side by side do not
    // disturb one another; the workflows of one world share it all the same.
    static LAST_NUMBER: Cell<u32> = const { Cell::new(0) };
}

/// Sends a customer an invoice.
#[workflow]
#[derive(Default)]
pub struct InvoiceWorkflow;

#[workflow_methods]
impl InvoiceWorkflow {
    /// Returns the invoice.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, customer: String) -> WorkflowResult<String> {
        let number = LAST_NUMBER.get() + 1;
        LAST_NUMBER.set(number);
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
        Ok(ctx
            .execute_activity(
                Invoices::send,
                format!("no. {number} to {customer}"),
                options,
            )
            .await?)
    }
}

/// The sending of invoices.
pub struct Invoices;

#[activities]
impl Invoices {
    #[activity]
    pub async fn send(_ctx: ActivityContext, invoice: String) -> Result<String, ActivityError> {
        Ok(invoice)
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/static_state",
    about: "invoice numbers come from a static that all workflows of a process share",
    flaw: Some(Flaw {
        twin: "renewal",
        code: FailureCode::Replay,
        faults: 0,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![InvoiceWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("invoices")
        .activity(Invoices::send)
        .workflow::<InvoiceWorkflow>()
        .start()?;
    for customer in ["ann", "bob"] {
        let options = on("invoices", &format!("invoice-of-{customer}"));
        let handle = env
            .client()
            .start_workflow(InvoiceWorkflow::run, customer.to_owned(), options)
            .await?;
        handle
            .get_result(WorkflowGetResultOptions::default())
            .await?;
    }
    Ok(())
}
