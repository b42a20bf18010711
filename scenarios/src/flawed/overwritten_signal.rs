//! A workflow with room for one message: a second message overwrites the first.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use durasim::{TestError, TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::{WorkflowGetResultOptions, WorkflowSignalOptions};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflows::select,
};

use crate::{
    scenario::{Flaw, Scenario, workflows},
    support::{accepted, on, same},
};

/// A printer.
pub trait Printer: Send + Sync {
    /// Prints a page, once however often it is asked.
    fn print(&self, page: &str);
}

/// Prints pages as they arrive, until none has arrived for an hour.
#[workflow]
#[derive(Default)]
pub struct PrintWorkflow {
    next: Option<String>,
}

#[workflow_methods]
impl PrintWorkflow {
    /// Returns the number of pages that were printed.
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        let mut printed = 0;
        loop {
            select! {
                page = ctx.wait_condition(|state| state.next.is_some()) => page?,
                _ = ctx.timer(Duration::from_hours(1)) => return Ok(printed),
            }
            if let Some(page) = ctx.state_mut(|state| state.next.take()) {
                let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
                ctx.execute_activity(Pages::print, page, options).await?;
                printed += 1;
            }
        }
    }

    #[signal]
    pub fn print(&mut self, _ctx: &mut SyncWorkflowContext<Self>, page: String) {
        // The flaw: a queue would keep both pages.
        self.next = Some(page);
    }
}

/// The printing of pages.
pub struct Pages {
    printer: Arc<dyn Printer>,
}

#[activities]
impl Pages {
    #[activity]
    pub async fn print(
        self: Arc<Self>,
        _ctx: ActivityContext,
        page: String,
    ) -> Result<(), ActivityError> {
        self.printer.print(&page);
        Ok(())
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/overwritten_signal",
    about: "a second signal overwrites the first before the workflow has read it",
    // The pages are sent seconds apart: only pages that are delayed can meet.
    flaw: Some(Flaw {
        twin: "subscription",
        code: FailureCode::Panic,
        faults: 2,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![PrintWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let printer = env.shared(FakePrinter::default());
    env.worker("prints")
        .implementer(Pages {
            printer: printer.clone(),
        })
        .activity(Pages::print)
        .workflow::<PrintWorkflow>()
        .start()?;
    let prints = env
        .client()
        .start_workflow(PrintWorkflow::run, (), on("prints", "prints-1"))
        .await?;

    let senders: Vec<_> = (1..=3)
        .map(|page| {
            let (env, prints) = (env.clone(), same(&prints));
            env.clone().spawn(async move {
                env.sleep(Duration::from_secs(10 * page)).await;
                let page = format!("page {page}");
                let options = WorkflowSignalOptions::default();
                let sent = accepted(
                    prints
                        .signal(PrintWorkflow::print, page.clone(), options)
                        .await,
                )?;
                Ok::<_, TestError>(sent.then_some(page))
            })
        })
        .collect();
    let mut sent = Vec::new();
    for sender in senders {
        sent.extend(sender.await?);
    }

    prints
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    for page in sent {
        assert!(
            printer.printed().contains(&page),
            "{page} was accepted and never printed"
        );
    }
    Ok(())
}

/// The pages that were printed.
#[derive(Default)]
struct FakePrinter(Mutex<BTreeSet<String>>);

impl FakePrinter {
    fn printed(&self) -> BTreeSet<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Printer for FakePrinter {
    fn print(&self, page: &str) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(page.to_owned());
    }
}
