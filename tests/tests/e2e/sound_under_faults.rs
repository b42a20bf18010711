//! Sound workflows that live close to their limits, under every fault: none of them may be failed by what is injected.

use durasim::prelude::*;
use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use temporalio_common::{ActivityCloseTimeouts, RetryPolicy};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// Fails on its first calls, whichever attempts they are; takes its time.
struct Errand {
    fails: u32,
    takes: Duration,
    calls: AtomicU32,
}

impl Errand {
    fn new(fails: u32, takes: Duration) -> Self {
        Self { fails, takes, calls: AtomicU32::new(0) }
    }
}

#[activities]
impl Errand {
    #[activity]
    async fn run(self: Arc<Self>, _ctx: ActivityContext) -> Result<u32, ActivityError> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        tokio::time::sleep(self.takes).await;
        if call <= self.fails {
            return Err(ActivityError::from(anyhow::anyhow!("call {call} fails")));
        }
        Ok(call)
    }
}

/// Runs the errand in so many attempts at most, in so much time, and rests for so long after it; all in seconds.
#[workflow]
#[derive(Default)]
struct Day;

#[workflow_methods]
impl Day {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        (attempts, start_to_close, schedule_to_close, rests): (i32, u64, u64, u64),
    ) -> WorkflowResult<()> {
        let retry = RetryPolicy::builder()
            .initial_interval(Duration::from_secs(3))
            .maximum_attempts(u32::try_from(attempts).unwrap_or(0))
            .build();
        let timeouts = ActivityCloseTimeouts::ScheduleAndStartToClose {
            schedule_to_close: Duration::from_secs(schedule_to_close),
            start_to_close: Duration::from_secs(start_to_close),
        };
        let options = ActivityOptions::with_close_timeouts(timeouts).retry_policy(retry).build();
        ctx.execute_activity(Errand::run, (), options).await?;
        ctx.timer(Duration::from_secs(rests)).await;
        Ok(())
    }
}

async fn day(
    env: TestWorkflowEnvironment,
    errand: Errand,
    limits: (i32, u64, u64, u64),
    options: WorkflowStartOptions,
) -> TestResult {
    env.worker("errands").workflow::<Day>().activity(Errand::run).implementer(errand).start()?;
    let day = env.client().start_workflow(Day::run, limits, options).await?;
    env.observe_result(&day);
    day.get_result(WorkflowGetResultOptions::default()).await?;
    Ok(())
}

fn started() -> WorkflowStartOptions {
    WorkflowStartOptions::new("errands", "day-1").build()
}

#[workflow_test(seeds = 64, faults = FaultProfile::all().max_faults(20))]
async fn an_activity_that_needs_all_of_its_attempts(env: TestWorkflowEnvironment) -> TestResult {
    day(env, Errand::new(2, Duration::from_secs(1)), (3, 10, 600, 0), started()).await
}

#[workflow_test(seeds = 64, faults = FaultProfile::all().max_faults(20))]
async fn an_activity_that_needs_nearly_all_of_its_time(env: TestWorkflowEnvironment) -> TestResult {
    day(env, Errand::new(0, Duration::from_secs(50)), (0, 55, 52, 0), started()).await
}

#[workflow_test(seeds = 64, faults = FaultProfile::all().max_faults(20))]
async fn a_run_that_needs_nearly_all_of_its_time(env: TestWorkflowEnvironment) -> TestResult {
    let options = WorkflowStartOptions::new("errands", "day-1").run_timeout(Duration::from_hours(1)).build();
    day(env, Errand::new(0, Duration::from_secs(1)), (0, 1_200, 3_000, 3_000), options).await
}
