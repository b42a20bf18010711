//! Faults in the middle of an activity: at its awaits and its heartbeats.

use std::sync::{Arc, Mutex};

use durasim::{
    advanced::{WorldOptions, run_world},
    prelude::*,
};
use futures::{FutureExt, future::LocalBoxFuture};
use pretty_assertions::assert_eq;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use super::on;

/// The steps that the code of the attempts took, in order.
type Log = Arc<Mutex<Vec<String>>>;

/// An importer of five rows.
struct Rows(Log);

impl Rows {
    fn note(&self, text: String) {
        self.0.lock().unwrap().push(text);
    }

    /// Notes the beginning of an attempt; returns the row that comes next.
    fn begin(&self, ctx: &ActivityContext) -> Result<u32, ActivityError> {
        let details: Option<u32> = ctx.heartbeat_details().deserialize()?;
        self.note(format!("attempt {} gets {details:?}", ctx.info().attempt));
        Ok(details.unwrap_or(0) + 1)
    }
}

#[activities]
impl Rows {
    /// Takes a second for each row.
    #[activity]
    async fn import(self: Arc<Self>, ctx: ActivityContext) -> Result<(), ActivityError> {
        for row in self.begin(&ctx)?..=5 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.note(format!("row {row}"));
            ctx.record_heartbeat(row).await?;
        }
        Ok(())
    }

    /// Imports the rows without waiting for anything.
    #[activity]
    async fn import_at_once(self: Arc<Self>, ctx: ActivityContext) -> Result<(), ActivityError> {
        for row in self.begin(&ctx)?..=5 {
            self.note(format!("row {row}"));
            ctx.record_heartbeat(row).await?;
        }
        Ok(())
    }

    /// Takes a second for each row; a task of its own sends the heartbeats.
    #[expect(
        clippy::disallowed_methods,
        reason = "activity code may spawn tasks, and they send heartbeats too"
    )]
    #[activity]
    async fn import_beside(self: Arc<Self>, ctx: ActivityContext) -> Result<(), ActivityError> {
        let next = self.begin(&ctx)?;
        let beats = ctx.clone();
        let beating = tokio::spawn(async move {
            for beat in 1.. {
                tokio::time::sleep(Duration::from_millis(1_300)).await;
                if beats.record_heartbeat(beat).await.is_err() {
                    break;
                }
            }
        });
        for row in next..=5 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.note(format!("row {row}"));
        }
        beating.abort();
        Ok(())
    }
}

/// Imports the rows by the activity of this name, with a heartbeat timeout of so many seconds.
#[workflow]
#[derive(Default)]
struct Import;

#[workflow_methods]
impl Import {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        (name, heartbeat): (String, u64),
    ) -> WorkflowResult<()> {
        let options = ActivityOptions::with_start_to_close_timeout(Duration::from_mins(2))
            .heartbeat_timeout(Duration::from_secs(heartbeat))
            .build();
        match name.as_str() {
            "at once" => {
                ctx.execute_activity(Rows::import_at_once, (), options)
                    .await?;
            }
            "beside" => {
                ctx.execute_activity(Rows::import_beside, (), options)
                    .await?;
            }
            _ => {
                ctx.execute_activity(Rows::import, (), options).await?;
            }
        }
        Ok(())
    }
}

/// Runs a world with this fault; returns the steps that the attempts took.
fn steps(name: &'static str, heartbeat: u64, fault: Fault) -> Vec<String> {
    let log = Log::default();
    let kept = log.clone();
    let body = move |env: TestWorkflowEnvironment| {
        let log = log.clone();
        async move {
            env.worker("queue")
                .workflow::<Import>()
                .implementer(Rows(log))
                .activity(Rows::import)
                .activity(Rows::import_at_once)
                .activity(Rows::import_beside)
                .start()?;
            let input = (name.to_owned(), heartbeat);
            let client = env.client();
            let import = client
                .start_workflow(Import::run, input, on("import"))
                .await?;
            import.get_result(Default::default()).await?;
            Ok(())
        }
        .boxed_local() as LocalBoxFuture<'static, TestResult>
    };
    let mut options = WorldOptions::default();
    options.faults = fault.into();
    let report = run_world(&body, &options);
    assert!(report.failure.is_none(), "{:?}", report.failure);
    kept.lock().unwrap().clone()
}

/// Returns the steps of an attempt.
fn attempt(number: u32, details: Option<u32>, rows: std::ops::RangeInclusive<u32>) -> Vec<String> {
    let begins = format!("attempt {number} gets {details:?}");
    let rows = rows.map(|row| format!("row {row}"));
    std::iter::once(begins).chain(rows).collect()
}

#[test]
fn a_crash_at_a_heartbeat_leaves_the_retry_the_details_that_the_worker_sent() {
    let fault = Fault::worker_crash().during_activity(Rows::import);
    // Every heartbeat is sent: the throttle holds none for as long as a second.
    let steps = steps("", 1, fault.at_heartbeat(3));
    assert_eq!(
        steps,
        [attempt(1, None, 1..=3), attempt(2, Some(3), 4..=5)].concat()
    );
}

#[test]
fn heartbeats_that_the_throttle_holds_back_die_with_the_process() {
    let fault = Fault::worker_crash().during_activity(Rows::import);
    // One heartbeat is sent in 24 seconds: the service has heard of the first only.
    let steps = steps("", 30, fault.at_heartbeat(3));
    assert_eq!(
        steps,
        [attempt(1, None, 1..=3), attempt(2, Some(1), 2..=5)].concat()
    );
}

#[test]
fn a_crash_strikes_at_the_await_that_is_named() {
    let fault = Fault::worker_crash().during_activity(Rows::import);
    let steps = steps("", 1, fault.at_await(3));
    assert_eq!(
        steps,
        [attempt(1, None, 1..=2), attempt(2, Some(2), 3..=5)].concat()
    );
}

#[test]
fn a_crash_strikes_between_heartbeats_of_code_that_never_waits() {
    let fault = Fault::worker_crash().during_activity(Rows::import_at_once);
    let steps = steps("at once", 30, fault.at_heartbeat(2));
    assert_eq!(
        steps,
        [attempt(1, None, 1..=2), attempt(2, Some(1), 2..=5)].concat()
    );
}

#[test]
fn a_crash_strikes_at_a_heartbeat_that_a_task_of_the_activity_sends() {
    let fault = Fault::worker_crash().during_activity(Rows::import_beside);
    let steps = steps("beside", 3, fault.at_heartbeat(2));
    assert_eq!(
        steps,
        [attempt(1, None, 1..=2), attempt(2, Some(1), 2..=5)].concat()
    );
}

#[test]
fn a_failure_in_the_middle_carries_the_details_that_the_throttle_held_back() {
    let fault = Fault::activity_failure().during_activity(Rows::import);
    let steps = steps("", 30, fault.at_heartbeat(3));
    assert_eq!(
        steps,
        [attempt(1, None, 1..=3), attempt(2, Some(3), 4..=5)].concat()
    );
}

#[test]
fn an_attempt_that_stands_still_in_the_middle_goes_on_beside_its_retry() {
    let fault = Fault::activity_overlap().during_activity(Rows::import);
    let steps = steps("", 3, fault.at_await(2));
    let of_both = steps.iter().filter(|step| *step == "row 5").count();
    assert_eq!(of_both, 2, "{steps:?}");
    assert_eq!(steps[..2], attempt(1, None, 1..=1));
    assert_eq!(steps[2], "attempt 2 gets Some(1)");
}

#[test]
fn a_lost_heartbeat_is_the_nth_of_the_code() {
    let fault = Fault::heartbeat_loss().during_activity(Rows::import);
    // The worker tells of the third together with the fourth.
    let steps = steps("", 2, fault.at_heartbeat(3));
    assert!(
        steps.contains(&"attempt 2 gets Some(2)".to_owned()),
        "{steps:?}"
    );
}
