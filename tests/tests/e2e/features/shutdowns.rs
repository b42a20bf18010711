//! Workers that shut down: they finish what they have, or are killed. Successors take over.

use std::sync::{Arc, Mutex};

use durasim::{
    advanced::{WorldOptions, WorldReport, run_world},
    prelude::*,
};
use futures::{FutureExt, future::LocalBoxFuture};
use pretty_assertions::assert_eq;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, LocalActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use super::on;

const SECOND: Duration = Duration::from_secs(1);

/// The steps that the code of the attempts took, in order, each with its second.
type Log = Arc<Mutex<Vec<String>>>;

/// A reader of twenty pages, at a second each.
struct Reader {
    log: Log,
    began: tokio::time::Instant,
}

impl Reader {
    fn note(&self, text: &str) {
        let second = self.began.elapsed().as_secs();
        self.log.lock().unwrap().push(format!("{second}: {text}"));
    }

    async fn pages(&self, ctx: &ActivityContext, heeds: bool) -> Result<(), ActivityError> {
        let attempt = ctx.info().attempt;
        let read: u32 = ctx.heartbeat_details().deserialize()?.unwrap_or(0);
        self.note(&format!("attempt {attempt} begins after page {read}"));
        for page in read + 1..=20 {
            if heeds && ctx.is_cancelled() {
                self.note(&format!("attempt {attempt} stops"));
                return Err(ActivityError::cancelled());
            }
            tokio::time::sleep(SECOND).await;
            if !ctx.info().is_local {
                ctx.record_heartbeat(page).await?;
            }
        }
        self.note(&format!("attempt {attempt} ends"));
        Ok(())
    }
}

#[activities]
impl Reader {
    /// Stops when it is asked to.
    #[activity]
    async fn read(self: Arc<Self>, ctx: ActivityContext) -> Result<(), ActivityError> {
        self.pages(&ctx, true).await
    }

    /// Reads on, whatever happens.
    #[activity]
    async fn read_on(self: Arc<Self>, ctx: ActivityContext) -> Result<(), ActivityError> {
        self.pages(&ctx, false).await
    }
}

/// The activity that reads.
#[derive(Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
enum Reading {
    Heeding,
    Heedless,
    Local,
}

#[workflow]
#[derive(Default)]
struct Evening;

#[workflow_methods]
impl Evening {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, reading: Reading) -> WorkflowResult<()> {
        let options = ActivityOptions::with_start_to_close_timeout(60 * SECOND)
            .heartbeat_timeout(40 * SECOND)
            .build();
        match reading {
            Reading::Heeding => ctx.execute_activity(Reader::read, (), options).await?,
            Reading::Heedless => ctx.execute_activity(Reader::read_on, (), options).await?,
            Reading::Local => {
                let options = LocalActivityOptions::default();
                ctx.execute_local_activity(Reader::read_on, (), options)
                    .await?;
            }
        }
        Ok(())
    }
}

/// Runs one evening with this fault and this grace period; returns the log and the report.
fn evening(reading: Reading, fault: Fault, grace: Option<Duration>) -> (Vec<String>, WorldReport) {
    let log = Log::default();
    let of_world = log.clone();
    let world = move |env: TestWorkflowEnvironment| -> LocalBoxFuture<'static, TestResult> {
        let log = of_world.clone();
        async move {
            let began = tokio::time::Instant::now();
            let mut worker = env
                .worker("queue")
                .workflow::<Evening>()
                .activity(Reader::read)
                .activity(Reader::read_on)
                .implementer(Reader { log, began });
            if let Some(grace) = grace {
                worker = worker.graceful_shutdown_period(grace);
            }
            worker.start()?;
            let evening = env
                .client()
                .start_workflow(Evening::run, reading, on("evening"))
                .await?;
            evening
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok(())
        }
        .boxed_local()
    };
    let mut options = WorldOptions::default();
    options.faults = fault.into();
    let report = run_world(&world, &options);
    if let Some(failure) = &report.failure {
        panic!("{failure}");
    }
    let log = log.lock().unwrap().clone();
    (log, report)
}

fn during(reading: Reading) -> Fault {
    match reading {
        Reading::Heeding => Fault::worker_shutdown().during_activity(Reader::read),
        _ => Fault::worker_shutdown().during_activity(Reader::read_on),
    }
}

#[test]
fn a_worker_without_a_grace_period_waits_for_its_attempts() {
    let (log, _) = evening(Reading::Heeding, during(Reading::Heeding), None);
    assert_eq!(
        log,
        ["0: attempt 1 begins after page 0", "20: attempt 1 ends"]
    );
}

#[test]
fn an_attempt_that_stops_after_the_grace_period_is_retried_where_it_stopped() {
    let grace = Some(Duration::from_millis(4_500));
    let (log, report) = evening(Reading::Heeding, during(Reading::Heeding), grace);
    assert_eq!(
        log,
        [
            "0: attempt 1 begins after page 0",
            "5: attempt 1 stops",
            "6: attempt 2 begins after page 5",
            "21: attempt 2 ends"
        ]
    );
    let history = report.histories[0].to_string();
    let words = "Worker is shutting down and this activity did not complete in time";
    assert!(history.contains(words), "{history}");
}

#[test]
fn an_attempt_that_does_not_stop_may_still_complete() {
    let (log, _) = evening(
        Reading::Heedless,
        during(Reading::Heedless),
        Some(5 * SECOND),
    );
    assert_eq!(
        log,
        ["0: attempt 1 begins after page 0", "20: attempt 1 ends"]
    );
}

#[test]
fn an_attempt_that_still_runs_when_the_time_is_over_is_lost() {
    let fault = during(Reading::Heedless).at_await(3).by(10 * SECOND);
    let (log, _) = evening(Reading::Heedless, fault, Some(5 * SECOND));
    // Of the heartbeats the service got the first alone: the next one was to come after 32 seconds.
    assert_eq!(
        log,
        [
            "0: attempt 1 begins after page 0",
            "42: attempt 2 begins after page 1",
            "61: attempt 2 ends"
        ]
    );
}

#[test]
fn a_worker_that_shuts_down_finishes_its_local_activities() {
    let fault = Fault::worker_shutdown().before_workflow_task();
    let (log, report) = evening(Reading::Local, fault, Some(5 * SECOND));
    assert_eq!(
        log,
        ["0: attempt 1 begins after page 0", "20: attempt 1 ends"]
    );
    assert_eq!(report.histories.len(), 1);
}

fn shutdowns() -> FaultProfile {
    FaultProfile::none()
        .with_odds(FaultKind::WorkerShutdown, 0.5)
        .max_faults(1_000)
}

#[workflow_test(seeds = 64, faults = shutdowns(), core_replay = true)]
async fn no_row_of_shutdowns_keeps_a_sound_workflow_from_its_end(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let (log, began) = (Log::default(), tokio::time::Instant::now());
    env.worker("queue")
        .workflow::<Evening>()
        .activity(Reader::read)
        .activity(Reader::read_on)
        .implementer(Reader { log, began })
        .graceful_shutdown_period(3 * SECOND)
        .start()?;
    for (id, reading) in [
        ("a", Reading::Heeding),
        ("b", Reading::Heedless),
        ("c", Reading::Local),
    ] {
        let evening = env
            .client()
            .start_workflow(Evening::run, reading, on(id))
            .await?;
        evening
            .get_result(WorkflowGetResultOptions::default())
            .await?;
    }
    Ok(())
}
