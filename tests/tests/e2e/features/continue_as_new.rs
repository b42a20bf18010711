//! Continue-as-new: what the next run inherits, and which signals reach it.

use durasim::prelude::*;
use serde::{Deserialize, Serialize};
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_common::{
    Memo, MemoValue, MemoValues, RetryPolicy,
    search_attributes::{SearchAttributeKey, SearchAttributes},
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_sdk::{
    ContinueAsNewOptions, SyncWorkflowContext, TimerResult, WorkflowContext, WorkflowContextView,
    WorkflowResult,
};

use super::on;

/// Continues as new the given number of times, a minute each.
#[workflow]
#[derive(Default)]
struct Chain;

/// The facts that a run knows about its chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Link {
    is_first: bool,
    continued: bool,
    attempt: u32,
}

fn link(info: &WorkflowContextView) -> Link {
    Link {
        is_first: info.first_execution_run_id() == info.run_id(),
        continued: info.continued_from_run_id().is_some(),
        attempt: info.attempt(),
    }
}

#[workflow_methods]
impl Chain {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        (runs, mut links): (u32, Vec<Link>),
    ) -> WorkflowResult<Vec<Link>> {
        links.push(link(&ctx.info()));
        ctx.timer(Duration::from_mins(1)).await;
        if runs > 1 {
            ctx.continue_as_new((runs - 1, links), ContinueAsNewOptions::default())?;
            unreachable!("it always is an error");
        }
        Ok(links)
    }
}

feature! {
    /// A client that waits for the result follows the chain.
    [Chain]
    async fn the_result_is_that_of_the_last_run(env) {
        env.worker("queue").workflow::<Chain>().start()?;
        let chain = env
            .client()
            .start_workflow(Chain::run, (3, Vec::new()), on("chain"))
            .await?;
        let links = chain.get_result(Default::default()).await?;
        let later = Link {
            is_first: false,
            continued: true,
            attempt: 1,
        };
        assert_eq!(
            links,
            [
                Link {
                    is_first: true,
                    continued: false,
                    attempt: 1
                },
                later.clone(),
                later
            ]
        );
        Ok(())
    }
}

#[workflow_test(core_replay = true)]
async fn a_client_may_wait_for_one_run_only(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Chain>().start()?;
    let chain = env
        .client()
        .start_workflow(Chain::run, (2, Vec::new()), on("chain"))
        .await?;
    let options = WorkflowGetResultOptions::builder()
        .follow_runs(false)
        .build();
    let end = chain.get_result(options).await;
    assert!(
        matches!(end, Err(WorkflowGetResultError::ContinuedAsNew)),
        "{end:?}"
    );
    chain.get_result(Default::default()).await?;
    Ok(())
}

/// The options that a workflow runs with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Setting {
    task_queue: String,
    run_timeout: Option<Duration>,
    task_timeout: Option<Duration>,
    execution_timeout: Option<Duration>,
    attempts: Option<u32>,
    color: Option<String>,
    city: Option<String>,
}

const CITY: SearchAttributeKey<String> = SearchAttributeKey::keyword("City");

fn setting(info: &WorkflowContextView, memo: &Memo, attributes: &SearchAttributes) -> Setting {
    Setting {
        task_queue: info.task_queue().to_owned(),
        run_timeout: info.run_timeout().filter(|timeout| !timeout.is_zero()),
        task_timeout: info.task_timeout(),
        execution_timeout: info
            .execution_timeout()
            .filter(|timeout| !timeout.is_zero()),
        attempts: info.retry_policy().map(|policy| policy.maximum_attempts()),
        color: memo.get("color").ok().flatten(),
        city: attributes.get(&CITY),
    }
}

/// Upserts, then continues as new with the same options or with others; returns the options of the
/// second run.
#[workflow]
#[derive(Default)]
struct Settings;

#[workflow_methods]
impl Settings {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        (replaces, is_second): (bool, bool),
    ) -> WorkflowResult<Setting> {
        if is_second {
            return Ok(setting(&ctx.info(), &ctx.memo(), &ctx.search_attributes()));
        }
        ctx.upsert_memo([("color", Some(MemoValue::new("green".to_owned())))])?;
        ctx.upsert_search_attributes([CITY.value_set("Rome".to_owned())]);
        ctx.timer(Duration::from_secs(2)).await;
        let mut options = ContinueAsNewOptions::default();
        if replaces {
            options.task_queue = Some("elsewhere".to_owned());
            options.run_timeout = Some(Duration::from_mins(50));
            options.task_timeout = Some(Duration::from_secs(7));
            options.retry_policy = Some(RetryPolicy::builder().maximum_attempts(9).build());
            options.memo = Some(color("blue"));
            options.search_attributes =
                Some(SearchAttributes::new([CITY.value_set("Oslo".to_owned())]));
        }
        Err(ctx.continue_as_new((replaces, true), options).unwrap_err())
    }
}

fn color(color: &str) -> MemoValues {
    let mut memo = MemoValues::new();
    memo.insert("color", color.to_owned());
    memo
}

async fn settings(env: &TestWorkflowEnvironment, replaces: bool) -> TestResult<Setting> {
    env.worker("queue").workflow::<Settings>().start()?;
    env.worker("elsewhere").workflow::<Settings>().start()?;
    let mut options = on("settings");
    options.run_timeout = Some(Duration::from_secs(4000));
    options.task_timeout = Some(Duration::from_secs(8));
    options.execution_timeout = Some(Duration::from_secs(50_000));
    options.retry_policy = Some(RetryPolicy::builder().maximum_attempts(4).build());
    options.memo = Some(color("red"));
    options.search_attributes = Some(SearchAttributes::new([CITY.value_set("Bern".to_owned())]));
    let settings = env
        .client()
        .start_workflow(Settings::run, (replaces, false), options)
        .await?;
    Ok(settings.get_result(Default::default()).await?)
}

feature! {
    /// The memo is that of the start: Core carries upserted search attributes over, but not an
    /// upserted memo.
    [Settings]
    async fn options_that_are_not_replaced_carry_over(env) {
        let expected = Setting {
            task_queue: "queue".to_owned(),
            run_timeout: Some(Duration::from_secs(4000)),
            task_timeout: Some(Duration::from_secs(8)),
            execution_timeout: Some(Duration::from_secs(50_000)),
            attempts: Some(4),
            color: Some("red".to_owned()),
            city: Some("Rome".to_owned()),
        };
        assert_eq!(settings(&env, false).await?, expected);
        Ok(())
    }
}

feature! {
    [Settings]
    async fn options_can_be_replaced(env) {
        let expected = Setting {
            task_queue: "elsewhere".to_owned(),
            run_timeout: Some(Duration::from_mins(50)),
            task_timeout: Some(Duration::from_secs(7)),
            execution_timeout: Some(Duration::from_secs(50_000)),
            attempts: Some(9),
            color: Some("blue".to_owned()),
            city: Some("Oslo".to_owned()),
        };
        assert_eq!(settings(&env, true).await?, expected);
        Ok(())
    }
}

/// Continues as another type.
#[workflow]
#[derive(Default)]
struct Caterpillar;

#[workflow_methods]
impl Caterpillar {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, name: String) -> WorkflowResult<String> {
        let mut options = ContinueAsNewOptions::default();
        options.workflow_type = Some("Butterfly".to_owned());
        options.backoff_start_interval = Some(Duration::from_hours(24));
        Err(ctx
            .continue_as_new(format!("{name}, grown"), options)
            .unwrap_err())
    }
}

#[workflow]
#[derive(Default)]
struct Butterfly;

#[workflow_methods]
impl Butterfly {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, name: String) -> WorkflowResult<String> {
        Ok(format!("{name}, a {}", ctx.info().workflow_type()))
    }
}

feature! {
    [Caterpillar, Butterfly]
    async fn the_next_run_is_of_another_type_and_begins_later(env) {
        env.worker("queue")
            .workflow::<Caterpillar>()
            .workflow::<Butterfly>()
            .start()?;
        let began = env.now();
        let bug = env
            .client()
            .start_workflow(Caterpillar::run, "Ada".to_owned(), on("bug"))
            .await?;
        assert_eq!(
            bug.get_result(Default::default()).await?,
            "Ada, grown, a Butterfly"
        );
        assert!(env.now().duration_since(began)? >= Duration::from_hours(24));
        Ok(())
    }
}

/// The server does not let a chain spin: the next run begins a second after this one began.
#[workflow_test(core_replay = true)]
async fn a_run_lasts_at_least_a_second(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Spin>().start()?;
    let began = env.now();
    let spin = env
        .client()
        .start_workflow(Spin::run, 4, on("spin"))
        .await?;
    spin.get_result(Default::default()).await?;
    assert_eq!(env.now().duration_since(began)?, Duration::from_secs(4));
    Ok(())
}

#[workflow]
#[derive(Default)]
struct Spin;

#[workflow_methods]
impl Spin {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, left: u32) -> WorkflowResult<()> {
        if left > 0 {
            ctx.continue_as_new(left - 1, ContinueAsNewOptions::default())?;
        }
        Ok(())
    }
}

/// Counts signals in runs of five seconds until a signal ends it.
#[workflow]
#[derive(Default)]
struct Meter {
    count: u32,
    ended: bool,
}

#[workflow_methods]
impl Meter {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, count: u32) -> WorkflowResult<u32> {
        ctx.state_mut(|state| state.count += count);
        ctx.timer(Duration::from_secs(5)).await;
        let (count, ended) = ctx.state(|state| (state.count, state.ended));
        if ended {
            return Ok(count);
        }
        Err(ctx
            .continue_as_new(count, ContinueAsNewOptions::default())
            .unwrap_err())
    }

    #[signal]
    fn tick(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.count += 1;
    }

    #[signal]
    fn end(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.ended = true;
    }
}

feature! {
    /// A run does not close before it has seen every signal: the task that would close it is
    /// retried.
    [Meter]
    async fn no_signal_is_lost_between_two_runs(env) {
        env.worker("queue").workflow::<Meter>().start()?;
        let client = env.client();
        let meter = client.start_workflow(Meter::run, 0, on("meter")).await?;
        let actors: Vec<_> = (0..6)
            .map(|index| {
                let meter = client.get_workflow_handle::<Meter>("meter");
                let sleeper = env.clone();
                env.spawn(async move {
                    sleeper
                        .sleep(Duration::from_millis(4_999 + 1_667 * index))
                        .await;
                    meter.signal(Meter::tick, (), Default::default()).await
                })
            })
            .collect();
        let mut sent = 0;
        for actor in actors {
            actor.await?;
            sent += 1;
        }
        // The workflow learns that its run is the last only from this signal.
        client
            .get_workflow_handle::<Meter>("meter")
            .signal(Meter::end, (), Default::default())
            .await?;
        assert_eq!(meter.get_result(Default::default()).await?, sent);
        Ok(())
    }
}

/// Makes its history longer until the service suggests to continue as new.
#[workflow]
#[derive(Default)]
struct Scribe;

#[workflow_methods]
impl Scribe {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, is_second: bool) -> WorkflowResult<u32> {
        if is_second {
            return Ok(ctx.history_length());
        }
        while !ctx.continue_as_new_suggested() {
            for index in 0..100_u32 {
                ctx.upsert_memo([("page", Some(MemoValue::new(index)))])?;
            }
            ctx.timer(Duration::from_secs(1)).await;
        }
        Err(ctx
            .continue_as_new(true, ContinueAsNewOptions::default())
            .unwrap_err())
    }
}

/// The suggestion comes from 4,096 events on (`limit.historyCount.suggestContinueAsNew`).
#[workflow_test(core_replay = true)]
async fn continue_as_new_is_suggested_when_history_is_long(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue").workflow::<Scribe>().start()?;
    let scribe = env
        .client()
        .start_workflow(Scribe::run, false, on("scribe"))
        .await?;
    assert!(
        scribe.get_result(Default::default()).await? < 10,
        "the new history is short"
    );
    let first = scribe.describe(Default::default()).await?.history_length();
    assert!((4096..4096 + 200).contains(&first), "{first}");
    Ok(())
}

/// Is cancelled and continues as another run, which is not cancelled.
#[workflow]
#[derive(Default)]
struct Deaf;

#[workflow_methods]
impl Deaf {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, is_second: bool) -> WorkflowResult<bool> {
        if !is_second {
            ctx.cancelled().await;
            ctx.continue_as_new(true, ContinueAsNewOptions::default())?;
        }
        Ok(ctx.timer(Duration::from_mins(1)).await == TimerResult::Fired)
    }
}

feature! {
    [Deaf]
    async fn a_cancellation_does_not_carry_over(env) {
        env.worker("queue").workflow::<Deaf>().start()?;
        let deaf = env
            .client()
            .start_workflow(Deaf::run, false, on("deaf"))
            .await?;
        env.sleep(Duration::from_secs(1)).await;
        deaf.cancel(Default::default()).await?;
        assert!(
            deaf.get_result(Default::default()).await?,
            "the second run is not cancelled"
        );
        assert!(
            !env.history("deaf")
                .event_types()
                .contains(&EventType::WorkflowExecutionCancelRequested)
        );
        Ok(())
    }
}
