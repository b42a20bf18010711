//! A workflow that reads a file, whose contents have changed by the time of a replay.

use std::{
    env, fs,
    path::PathBuf,
    process,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use durasim::{TestResult, TestWorkflowEnvironment, report::FailureCode};
use temporalio_client::WorkflowGetResultOptions;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    scenario::{Flaw, Scenario, Workflows},
    support::on,
};

/// Quotes a price at the rate of the day, then publishes the rate of the next day.
#[workflow]
pub struct QuoteWorkflow {
    rate_file: PathBuf,
}

impl QuoteWorkflow {
    /// Returns the workflow of a worker that is configured with this file.
    pub fn new(rate_file: PathBuf) -> Self {
        Self { rate_file }
    }
}

#[workflow_methods(factory_only)]
impl QuoteWorkflow {
    #[run]
    pub async fn run(ctx: &mut WorkflowContext<Self>, customer: String) -> WorkflowResult<String> {
        // The flaw: an activity should read the file, because replay remembers its result.
        let rate =
            fs::read_to_string(ctx.state(|state| state.rate_file.clone())).unwrap_or_default();
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(30));
        let quote = format!("{customer}: {}", rate.trim());
        let sent = ctx
            .execute_activity(Rates::send_quote, quote, options.clone())
            .await?;
        ctx.execute_activity(Rates::publish, "1.25", options)
            .await?;
        Ok(sent)
    }
}

/// The activities for quotes and rates.
pub struct Rates {
    rate_file: PathBuf,
}

#[activities]
impl Rates {
    #[activity]
    pub async fn send_quote(_ctx: ActivityContext, quote: String) -> Result<String, ActivityError> {
        Ok(quote)
    }

    #[activity]
    pub async fn publish(
        self: Arc<Self>,
        _ctx: ActivityContext,
        rate: String,
    ) -> Result<(), ActivityError> {
        Ok(fs::write(&self.rate_file, rate)?)
    }
}

/// The scenario.
pub const SCENARIO: Scenario = Scenario {
    name: "flawed/file_read",
    about: "the workflow reads a file whose contents have changed by the time of a replay",
    flaw: Some(Flaw {
        twin: "fetch_and_process",
        code: FailureCode::Replay,
        faults: 0,
    }),
    exhausts_retries: false,
    world: |env| Box::pin(world(env)),
    workflows: Workflows {
        replayer: |options| {
            options
                .register_workflow_with_factory::<QuoteWorkflow, _>(elsewhere)
                .map(drop)
        },
        worker: |options| {
            options
                .register_workflow_with_factory::<QuoteWorkflow, _>(elsewhere)
                .map(drop)
        },
        definitions: |definitions| {
            definitions
                .register_with_factory::<QuoteWorkflow, _>(elsewhere)
                .map(drop)
        },
    },
};

/// Returns a workflow for histories that are replayed elsewhere; the file does not exist there.
fn elsewhere() -> QuoteWorkflow {
    QuoteWorkflow::new(PathBuf::new())
}

async fn world(env: TestWorkflowEnvironment) -> TestResult {
    let file = Arc::new(RateFile::new()?);
    env.worker("quotes")
        .implementer(Rates {
            rate_file: file.0.clone(),
        })
        .activity(Rates::send_quote)
        .activity(Rates::publish)
        // The factory keeps the file alive until the history is replayed.
        .workflow_with_factory(move || QuoteWorkflow::new(file.0.clone()))
        .start()?;
    let options = on("quotes", "quote-1");
    let quote = env
        .client()
        .start_workflow(QuoteWorkflow::run, "ann".to_owned(), options)
        .await?;
    quote
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

/// A file of one world, removed with the world.
struct RateFile(PathBuf);

impl RateFile {
    fn new() -> std::io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // The name is in no history, so it may differ from run to run.
        let path = env::temp_dir().join(format!("durasim-rates-{}-{count}", process::id()));
        fs::write(&path, "1.20")?;
        Ok(Self(path))
    }
}

impl Drop for RateFile {
    fn drop(&mut self) {
        // A file that stays behind does no harm.
        let _ = fs::remove_file(&self.0);
    }
}
