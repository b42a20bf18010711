//! Sound workflows close to their limits, under every fault: no injected fault may make them fail.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use durasim::prelude::*;
use temporalio_client::errors::{WorkflowGetResultError, WorkflowUpdateError};
use temporalio_common::{ActivityCloseTimeouts, RetryPolicy};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityCancellationType, ActivityOptions, ApplicationFailure, ContinueAsNewOptions,
    SyncWorkflowContext, WorkflowCancellationToken, WorkflowContext, WorkflowContextView,
    WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// An activity that takes its time and fails on its first calls, whichever attempts they are.
struct Errand {
    fails: u32,
    takes: Duration,
    calls: AtomicU32,
}

impl Errand {
    fn new(fails: u32, takes: Duration) -> Self {
        Self {
            fails,
            takes,
            calls: AtomicU32::new(0),
        }
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

/// Runs the errand with a maximum of attempts and a maximum time, and rests afterwards; times in
/// seconds.
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
        let options = ActivityOptions::with_close_timeouts(timeouts)
            .retry_policy(retry)
            .build();
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
    env.worker("errands")
        .workflow::<Day>()
        .activity(Errand::run)
        .implementer(errand)
        .start()?;
    let day = env
        .client()
        .start_workflow(Day::run, limits, options)
        .await?;
    env.observe_result(&day);
    day.get_result(WorkflowGetResultOptions::default()).await?;
    Ok(())
}

fn started() -> WorkflowStartOptions {
    WorkflowStartOptions::new("errands", "day-1").build()
}

#[workflow_test(seeds = 64, faults = FaultProfile::all().max_faults(20))]
async fn an_activity_may_need_all_of_its_attempts(env: TestWorkflowEnvironment) -> TestResult {
    day(
        env,
        Errand::new(2, Duration::from_secs(1)),
        (3, 10, 600, 0),
        started(),
    )
    .await
}

#[workflow_test(seeds = 64, faults = FaultProfile::all().max_faults(20))]
async fn an_activity_may_need_nearly_all_of_its_time(env: TestWorkflowEnvironment) -> TestResult {
    day(
        env,
        Errand::new(0, Duration::from_secs(50)),
        (0, 55, 52, 0),
        started(),
    )
    .await
}

#[workflow_test(seeds = 64, faults = FaultProfile::all().max_faults(20))]
async fn a_run_may_need_nearly_all_of_its_time(env: TestWorkflowEnvironment) -> TestResult {
    let options = WorkflowStartOptions::new("errands", "day-1")
        .run_timeout(Duration::from_hours(1))
        .build();
    day(
        env,
        Errand::new(0, Duration::from_secs(1)),
        (0, 1_200, 3_000, 3_000),
        options,
    )
    .await
}

/// Works with heartbeats until it is cancelled.
struct Shift;

#[activities]
impl Shift {
    #[activity]
    async fn work(ctx: ActivityContext, hours: u32) -> Result<(), ActivityError> {
        for minute in 0..60 * hours {
            tokio::time::sleep(Duration::from_mins(1)).await;
            ctx.record_heartbeat(minute).await?;
            if ctx.is_cancelled() {
                return Err(ActivityError::cancelled());
            }
        }
        Ok(())
    }

    #[activity]
    async fn tidy(_ctx: ActivityContext) -> Result<(), ActivityError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(())
    }
}

/// Works an hour, then until it is cancelled, and tidies up before it closes.
#[workflow]
#[derive(Default)]
struct Work;

#[workflow_methods]
impl Work {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let options = || {
            ActivityOptions::with_start_to_close_timeout(Duration::from_hours(24))
                .heartbeat_timeout(Duration::from_mins(10))
                .cancellation_type(ActivityCancellationType::WaitCancellationCompleted)
                .build()
        };
        ctx.execute_activity(Shift::work, 1_u32, options()).await?;
        let worked = ctx.execute_activity(Shift::work, 23_u32, options()).await;
        // What follows must not be cancelled too.
        let shielded = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(30))
            .cancellation_token(WorkflowCancellationToken::new())
            .build();
        ctx.execute_activity(Shift::tidy, (), shielded).await?;
        Ok(worked?)
    }
}

/// An attempt that dies is retried, unless its activity is to be cancelled: then it fails. No fault
/// may turn what is cancelled into what fails.
#[workflow_test(seeds = 256, faults = FaultProfile::all().max_faults(20))]
async fn a_workflow_is_cancelled_while_an_activity_runs(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("shifts")
        .workflow::<Work>()
        .activity(Shift::work)
        .activity(Shift::tidy)
        .implementer(Shift)
        .start()?;
    let options = WorkflowStartOptions::new("shifts", "work-1").build();
    let work = env.client().start_workflow(Work::run, (), options).await?;
    env.sleep(Duration::from_hours(5)).await;
    work.cancel(WorkflowCancelOptions::default()).await?;
    let ended = work.get_result(WorkflowGetResultOptions::default()).await;
    assert!(
        matches!(ended, Err(WorkflowGetResultError::Cancelled { .. })),
        "{ended:?}"
    );
    Ok(())
}

/// Fails in its first run, at once, and succeeds in the next.
#[workflow]
#[derive(Default)]
struct SecondThought;

#[workflow_methods]
impl SecondThought {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        let attempt = ctx.info().attempt();
        if attempt == 1 {
            return Err(ApplicationFailure::new("not yet".to_owned()).into());
        }
        ctx.timer(Duration::from_mins(1)).await;
        Ok(attempt)
    }
}

/// A start whose answer is lost is made again. The run that retries the first does not know the
/// request: no fault may lose the answer then.
#[workflow_test(
    seeds = 256,
    faults = FaultProfile::all().with_odds(FaultKind::ClientUnavailable, 0.5).max_faults(20)
)]
async fn a_workflow_is_started_whose_first_run_fails_at_once(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("thoughts").workflow::<SecondThought>().start()?;
    let retry = RetryPolicy::builder().maximum_attempts(2).build();
    let options = WorkflowStartOptions::new("thoughts", "thought-1")
        .retry_policy(retry)
        .build();
    let thought = env
        .client()
        .start_workflow(SecondThought::run, (), options)
        .await?;
    let attempt = thought
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(attempt, 2);
    Ok(())
}

/// Books updates, and continues as new after a few of them.
#[workflow]
struct Account {
    cents: u32,
    booked: u32,
    closing: bool,
}

#[workflow_methods]
impl Account {
    #[init]
    fn new(_ctx: &WorkflowContextView, cents: u32) -> Self {
        Self {
            cents,
            booked: 0,
            closing: false,
        }
    }

    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        ctx.wait_condition(|state| state.closing || state.booked >= 3)
            .await?;
        ctx.wait_condition(|_| ctx.all_handlers_finished()).await?;
        let cents = ctx.state(|state| state.cents);
        if !ctx.state(|state| state.closing) {
            ctx.continue_as_new(cents, ContinueAsNewOptions::default())?;
        }
        Ok(cents)
    }

    #[update]
    async fn deposit(ctx: &mut WorkflowContext<Self>, cents: u32) -> u32 {
        let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(5));
        let errand = ctx.execute_activity(Errand::run, (), options).await;
        assert!(errand.is_ok(), "an errand is retried for ever");
        ctx.state_mut(|state| {
            state.booked += 1;
            state.cents += cents;
            state.cents
        })
    }

    #[query]
    fn cents(&self, _ctx: &WorkflowContextView) -> u32 {
        self.cents
    }

    #[signal]
    fn close(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.closing = true;
    }
}

/// A query waits for its worker while updates and activity results come in: none of them is lost or
/// delivered twice.
#[workflow_test(seeds = 256, faults = FaultProfile::all())]
async fn queries_and_updates_mix_while_a_workflow_continues_as_new(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let errand = Errand::new(0, Duration::from_millis(300));
    env.worker("errands")
        .workflow::<Account>()
        .activity(Errand::run)
        .implementer(errand)
        .start()?;
    let options = WorkflowStartOptions::new("errands", "account-1").build();
    env.client()
        .start_workflow(Account::run, 0, options)
        .await?;
    let account = || env.client().get_workflow_handle::<Account>("account-1");
    let deposits: Vec<_> = (0..5_u32)
        .map(|number| {
            let (env, account) = (env.clone(), account());
            env.clone().spawn(async move {
                env.sleep(Duration::from_millis(700) * number).await;
                // An update that falls between two runs is sent again.
                let update = || {
                    account.execute_update(
                        Account::deposit,
                        number + 1,
                        WorkflowExecuteUpdateOptions::default(),
                    )
                };
                while let Err(error) = update().await {
                    assert!(is_between_runs(&error), "{error:?}");
                    env.sleep(Duration::from_secs(1)).await;
                }
            })
        })
        .collect();
    let cents = account()
        .query(Account::cents, (), WorkflowQueryOptions::default())
        .await?;
    assert!(cents <= 15, "{cents}");
    for deposit in deposits {
        deposit.await;
    }
    account()
        .signal(Account::close, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        account()
            .get_result(WorkflowGetResultOptions::default())
            .await?,
        15
    );
    Ok(())
}

/// Returns `true` if an update was not accepted because its run had closed.
fn is_between_runs(error: &WorkflowUpdateError) -> bool {
    match error {
        WorkflowUpdateError::NotFound(_) => true,
        WorkflowUpdateError::Failed(failure) => failure.message.contains("completed before"),
        _ => false,
    }
}
