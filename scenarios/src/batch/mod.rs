//! Four pages: one does not exist, one is requested while the library is closed.

pub mod workflow;

use std::sync::atomic::{AtomicBool, Ordering};

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::{WorkflowGetResultOptions, WorkflowQueryOptions};

use crate::{
    scenario::{Scenario, workflows},
    support::on,
};
use workflow::{BatchWorkflow, Library, LibraryError, Pages};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "batch",
    about: "many activities in turn; the workflow catches errors and keeps them in its state",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![BatchWorkflow],
};

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let library = env.shared(SmallLibrary::default());
    env.worker("batches")
        .implementer(Pages::new(library))
        .activity(Pages::read)
        .workflow::<BatchWorkflow>()
        .start()?;

    let names: Vec<String> = ["preface", "chapter", "missing", "index"]
        .map(str::to_owned)
        .into();
    let batch = env
        .client()
        .start_workflow(BatchWorkflow::run, names.clone(), on("batches", "batch-1"))
        .await?;
    let report = batch
        .get_result(WorkflowGetResultOptions::default())
        .await?;

    let mut accounted: Vec<_> = report
        .read
        .iter()
        .map(|page| page.trim_start_matches("the "))
        .collect();
    accounted.extend(report.failed.iter().map(|(name, _)| name.as_str()));
    accounted.sort_unstable();
    let mut asked_for: Vec<_> = names.iter().map(String::as_str).collect();
    asked_for.sort_unstable();
    assert_eq!(
        accounted, asked_for,
        "every page is read or failed, and none is both"
    );
    assert!(report.failed.iter().any(|(name, _)| name == "missing"));

    let progress = batch
        .query(BatchWorkflow::progress, (), WorkflowQueryOptions::default())
        .await?;
    assert_eq!(progress, report, "a closed workflow still answers");
    Ok(())
}

/// A library that is closed for the first request of the chapter.
#[derive(Default)]
struct SmallLibrary {
    open: AtomicBool,
}

impl Library for SmallLibrary {
    fn page(&self, name: &str) -> Result<String, LibraryError> {
        match name {
            "missing" => Err(LibraryError::NotFound(name.to_owned())),
            "chapter" if !self.open.swap(true, Ordering::Relaxed) => Err(LibraryError::Closed),
            _ => Ok(format!("the {name}")),
        }
    }
}
