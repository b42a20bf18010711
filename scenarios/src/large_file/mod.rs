//! A file of twelve lines, transcribed at ten seconds each by workers that may die in between.

pub mod workflow;

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use durasim::{TestResult, TestWorkflowEnvironment};
use temporalio_client::WorkflowGetResultOptions;

use crate::{
    scenario::{Scenario, workflows},
    support::on,
};
use workflow::{Archive, Files, LargeFileWorkflow};

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "large_file",
    about: "a long activity heartbeats, and a retry resumes from the progress it last reported",
    flaw: None,
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: workflows![LargeFileWorkflow],
};

/// The number of lines of the file.
pub(crate) const LINES: u32 = 12;

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let archive = env.shared(FakeArchive::default());
    env.worker("files")
        .implementer(Files::new(archive.clone()))
        .activity(Files::transcribe)
        .workflow::<LargeFileWorkflow>()
        .graceful_shutdown_period(std::time::Duration::from_secs(5))
        .start()?;
    env.recovers_within(Duration::from_mins(5));
    let stored = archive.clone();
    env.observe("the transcript", move || stored.lines());

    let file = env
        .client()
        .start_workflow(
            LargeFileWorkflow::run,
            "minutes.txt".to_owned(),
            on("files", "file-1"),
        )
        .await?;
    let lines = file.get_result(WorkflowGetResultOptions::default()).await?;

    assert_eq!(lines, LINES);
    assert_eq!(archive.lines(), (0..LINES).collect());
    Ok(())
}

/// An archive that remembers which lines were stored.
#[derive(Default)]
pub(crate) struct FakeArchive {
    stored: Mutex<BTreeSet<u32>>,
}

impl FakeArchive {
    pub(crate) fn lines(&self) -> BTreeSet<u32> {
        self.stored
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Archive for FakeArchive {
    fn lines(&self, _path: &str) -> u32 {
        LINES
    }

    fn store(&self, _path: &str, line: u32) {
        self.stored
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(line);
    }
}
