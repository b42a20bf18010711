//! The workflow that executes programs.

use std::{
    fmt::{Debug, Display},
    time::Duration,
};

use futures::future::{FutureExt, LocalBoxFuture, join_all, select_all};
use temporalio_common::{MemoValue, RetryPolicy, search_attributes::SearchAttributeKey};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityCancellationType, ActivityOptions, ApplicationFailure, CancellableFuture,
    ChildWorkflowCancellationType, ChildWorkflowOptions, ContinueAsNewOptions, ParentClosePolicy,
    SignalWorkflowOptions, SyncWorkflowContext, TimerOptions, WaitConditionOptions,
    WorkflowCancellationToken as Token, WorkflowContext, WorkflowContextView, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflows::select,
};

use super::program::{Activity, Child, Step};

pub struct Work;

#[activities]
impl Work {
    /// Works for the given time, a second at a time.
    #[activity]
    pub async fn work(
        ctx: ActivityContext,
        (takes, fails, heartbeats): (u64, u32, bool),
    ) -> Result<String, ActivityError> {
        let mut left = takes;
        while left > 0 {
            let now = left.min(1000);
            tokio::time::sleep(Duration::from_millis(now)).await;
            left -= now;
            if heartbeats {
                ctx.record_heartbeat(left).await?;
                if ctx.is_cancelled() {
                    return Err(ActivityError::cancelled());
                }
            }
        }
        if ctx.info().attempt <= fails {
            return Err(ActivityError::application(
                ApplicationFailure::builder("not yet".to_owned()).build(),
            ));
        }
        Ok(format!("worked for {takes}"))
    }
}

/// Executes a program and describes the result of each step.
#[workflow]
#[derive(Default)]
pub struct Generated {
    told: u32,
}

const CITY: SearchAttributeKey<String> = SearchAttributeKey::keyword("City");

type Ctx = WorkflowContext<Generated>;
type Refusal = Box<dyn std::error::Error + Send + Sync>;

/// The reason why a program stops.
enum Stop {
    Fail,
    ContinueAsNew,
}

#[workflow_methods]
impl Generated {
    #[run]
    pub async fn run(
        ctx: &mut WorkflowContext<Self>,
        program: Vec<Step>,
    ) -> WorkflowResult<Vec<String>> {
        match all(ctx, &program, ctx.cancellation_token()).await {
            Ok(done) => Ok(done),
            Err(Stop::Fail) => Err(ApplicationFailure::builder("as told".to_owned())
                .build()
                .into()),
            Err(Stop::ContinueAsNew) => {
                let rest: Vec<Step> = program
                    .into_iter()
                    .filter(|step| !continues_as_new(step))
                    .collect();
                Err(ctx
                    .continue_as_new(rest, ContinueAsNewOptions::default())
                    .unwrap_err())
            }
        }
    }

    #[signal]
    pub fn tell(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.told += 1;
    }

    #[query]
    pub fn told(&self, _ctx: &WorkflowContextView) -> u32 {
        self.told
    }

    #[signal]
    pub async fn act(ctx: &mut WorkflowContext<Self>, steps: Vec<Step>) {
        let _ = all(ctx, &steps, ctx.cancellation_token()).await;
        ctx.state_mut(|state| state.told += 1);
    }

    #[allow(
        clippy::unused_self,
        reason = "the SDK's macros say what the signature of a validator is"
    )]
    #[update_validator(change)]
    fn validate_change(
        &self,
        _ctx: &WorkflowContextView,
        (refused, _): &(bool, Vec<Step>),
    ) -> Result<(), Refusal> {
        if *refused {
            Err("refused".into())
        } else {
            Ok(())
        }
    }

    #[update]
    pub async fn change(
        ctx: &mut WorkflowContext<Self>,
        (_, steps): (bool, Vec<Step>),
    ) -> Result<Vec<String>, Refusal> {
        let done = all(ctx, &steps, ctx.cancellation_token()).await;
        ctx.state_mut(|state| state.told += 1);
        done.map_err(|_| "it ended otherwise".into())
    }
}

fn continues_as_new(step: &Step) -> bool {
    format!("{step:?}").contains("ContinueAsNew")
}

fn all<'a>(
    ctx: &'a Ctx,
    steps: &'a [Step],
    token: Token,
) -> LocalBoxFuture<'a, Result<Vec<String>, Stop>> {
    async move {
        let mut done = Vec::new();
        for step in steps {
            done.push(one(ctx, step, token.clone()).await?);
        }
        Ok(done)
    }
    .boxed_local()
}

async fn one(ctx: &Ctx, step: &Step, token: Token) -> Result<String, Stop> {
    Ok(match step {
        Step::Timer(ms) => format!("{:?}", ctx.timer(timer(*ms, token)).await),
        Step::Activity(activity) => worked(ctx, activity, token).await,
        Step::Child(child) => raised(ctx, child, token).await,
        Step::WaitTold(times) => words(
            ctx.wait_condition_with_options(|state| state.told >= *times, waiting(token))
                .await,
        ),
        Step::WaitHandlers => words(
            ctx.wait_condition_with_options(|_| ctx.all_handlers_finished(), waiting(token))
                .await,
        ),
        Step::Patch(id, true) => ctx.deprecate_patch(id).to_string(),
        Step::Patch(id, false) => ctx.patched(id).to_string(),
        Step::Memo(value) => words(ctx.upsert_memo([("field", value.map(MemoValue::new))])),
        Step::Attribute(value) => {
            // The server refuses what the SDK sends to unset an attribute.
            let value = value.map_or_else(String::new, |value| value.to_string());
            ctx.upsert_search_attributes([CITY.value_set(value)]);
            format!("{:?}", ctx.search_attributes().get(&CITY))
        }
        Step::Join(branches) => {
            let branches = branches
                .iter()
                .map(|branch| all(ctx, branch, token.clone()));
            let done: Result<Vec<_>, Stop> = join_all(branches).await.into_iter().collect();
            format!("{:?}", done?)
        }
        Step::Select {
            branches,
            cancels,
            awaits,
        } => first(ctx, branches, *cancels, *awaits, token.child_token()).await?,
        Step::Scope {
            steps,
            cancelled_after,
        } => {
            let scope = token.child_token();
            let mut body = all(ctx, steps, scope.clone()).fuse();
            let mut late = ctx.timer(timer(*cancelled_after, token));
            let in_time = select! {
                done = body => Some(done?),
                _ = late => None,
            };
            if let Some(done) = in_time {
                late.cancel();
                return Ok(format!("{done:?}"));
            }
            scope.cancel_with_reason("late");
            format!("late: {:?}", body.await?)
        }
        Step::Detached(steps) => format!("{:?}", all(ctx, steps, Token::new()).await?),
        Step::SignalTo(id) => {
            let options = SignalWorkflowOptions::builder()
                .cancellation_token(token)
                .build();
            words(
                ctx.external_workflow(id.clone(), None)
                    .signal(Generated::tell, (), options)
                    .await,
            )
        }
        Step::CancelTo(id) => words(ctx.external_workflow(id.clone(), None).cancel(None).await),
        Step::Random => format!("{} {}", ctx.random::<u32>(), ctx.uuid4()),
        Step::Fail => return Err(Stop::Fail),
        Step::ContinueAsNew => return Err(Stop::ContinueAsNew),
    })
}

/// Waits for the first of several branches, and for the others if they are cancelled and awaited.
async fn first(
    ctx: &Ctx,
    branches: &[Vec<Step>],
    cancels: bool,
    awaits: bool,
    token: Token,
) -> Result<String, Stop> {
    let (done, index, others) = select_all(
        branches
            .iter()
            .map(|branch| all(ctx, branch, token.clone())),
    )
    .await;
    let mut words = format!("{index}: {:?}", done?);
    if cancels {
        token.cancel_with_reason("lost");
        if awaits {
            let others: Result<Vec<_>, Stop> = join_all(others).await.into_iter().collect();
            words = format!("{words}, {:?}", others?);
        }
    }
    Ok(words)
}

async fn worked(ctx: &Ctx, activity: &Activity, token: Token) -> String {
    let types = [
        ActivityCancellationType::TryCancel,
        ActivityCancellationType::WaitCancellationCompleted,
        ActivityCancellationType::Abandon,
    ];
    let policy = RetryPolicy::builder()
        .initial_interval(Duration::from_secs(2))
        .maximum_attempts(activity.attempts)
        .build();
    let options = ActivityOptions::with_start_to_close_timeout(Duration::from_secs(20))
        .maybe_heartbeat_timeout(activity.heartbeat_timeout.map(Duration::from_millis))
        .cancellation_type(pick(&types, activity.cancellation))
        .cancellation_token(token)
        .retry_policy(policy)
        .build();
    let input = (activity.takes, activity.fails, activity.heartbeats);
    words(ctx.execute_activity(Work::work, input, options).await)
}

async fn raised(ctx: &Ctx, child: &Child, token: Token) -> String {
    let policies = [
        ParentClosePolicy::Unspecified,
        ParentClosePolicy::Terminate,
        ParentClosePolicy::Abandon,
        ParentClosePolicy::RequestCancel,
    ];
    let types = [
        ChildWorkflowCancellationType::Abandon,
        ChildWorkflowCancellationType::TryCancel,
        ChildWorkflowCancellationType::WaitCancellationCompleted,
        ChildWorkflowCancellationType::WaitCancellationRequested,
    ];
    let mut options = ChildWorkflowOptions::workflow_id(child.workflow_id.clone());
    options.parent_close_policy = pick(&policies, child.parent_close_policy);
    options.cancel_type = pick(&types, child.cancellation);
    options.cancellation_token = Some(token.clone());
    options.run_timeout = Some(Duration::from_mins(5));
    options.task_queue = child.elsewhere.then(|| "elsewhere".to_owned());
    options.retry_policy = (child.attempts > 0).then(|| {
        RetryPolicy::builder()
            .maximum_attempts(child.attempts)
            .build()
    });
    let started = match ctx
        .start_child_workflow(Generated::run, child.steps.clone(), options)
        .await
    {
        Ok(started) => started,
        Err(error) => return error.to_string(),
    };
    if child.is_told {
        let options = SignalWorkflowOptions::builder()
            .cancellation_token(token.clone())
            .build();
        let _ = started.signal(Generated::tell, (), options).await;
    }
    if let Some(ms) = child.cancelled_after {
        ctx.timer(timer(ms, token)).await;
        started.cancel("enough".to_owned());
    }
    if child.is_left_alone {
        "left alone".to_owned()
    } else {
        words(started.result().await)
    }
}

fn timer(ms: u64, token: Token) -> TimerOptions {
    TimerOptions::builder(Duration::from_millis(ms))
        .cancellation_token(token)
        .build()
}

fn waiting(token: Token) -> WaitConditionOptions {
    WaitConditionOptions::builder()
        .cancellation_token(token)
        .build()
}

fn pick<T: Copy>(choices: &[T], drawn: u64) -> T {
    choices[usize::try_from(drawn).expect("an index")]
}

fn words<T: Debug, E: Display>(result: Result<T, E>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    }
}
