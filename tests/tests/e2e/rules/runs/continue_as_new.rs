//! Continue-as-new: the options that the next run inherits, those that are replaced, and its
//! beginning.

use std::collections::BTreeMap;

use durasim::{History, prelude::*};
use pretty_assertions::assert_eq;
use serde::{Deserialize, Serialize};
use temporalio_common::{
    MemoValue, MemoValues, RetryPolicy,
    search_attributes::{SearchAttributeKey, SearchAttributes},
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::{
    common::v1::Payload,
    enums::v1::{ContinueAsNewInitiator, EventType},
    history::v1::WorkflowExecutionStartedEventAttributes,
};
use temporalio_sdk::{
    ApplicationFailure, ContinueAsNewOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult,
};

use super::super::{chain, on, seconds, started};

const GIVEN: SearchAttributeKey<String> = SearchAttributeKey::<String>::keyword("Given");
const UPSERTED: SearchAttributeKey<String> = SearchAttributeKey::<String>::keyword("Upserted");

/// The behaviour of a run that continues as another run, which does nothing.
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a thing of its own, set by name"
)]
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Plan {
    continues: bool,
    /// The duration of the run in milliseconds.
    takes_ms: u64,
    /// True if the run's first attempt fails.
    fails_first: bool,
    /// True if the run upserts a memo and a search attribute.
    upserts: bool,
    /// True if the run replaces every option that it can.
    replaces: bool,
    /// The requested delay of the next run in milliseconds.
    backoff_ms: Option<u64>,
}

impl Plan {
    fn options(&self) -> ContinueAsNewOptions {
        let backoff = self.backoff_ms.map(Duration::from_millis);
        if !self.replaces {
            return ContinueAsNewOptions::builder()
                .maybe_backoff_start_interval(backoff)
                .build();
        }
        let mut memo = MemoValues::new();
        memo.insert("replaced", true);
        ContinueAsNewOptions::builder()
            .task_queue("other".to_owned())
            .run_timeout(seconds(7))
            .task_timeout(seconds(3))
            .memo(memo)
            .search_attributes(SearchAttributes::new([
                GIVEN.value_set("replaced".to_owned())
            ]))
            .retry_policy(RetryPolicy::builder().maximum_attempts(9).build())
            .maybe_backoff_start_interval(backoff)
            .build()
    }
}

#[workflow]
#[derive(Default)]
struct Continuing {
    signals: u32,
}

#[workflow_methods]
impl Continuing {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, plan: Plan) -> WorkflowResult<u32> {
        if plan.takes_ms > 0 {
            ctx.timer(Duration::from_millis(plan.takes_ms)).await;
        }
        if plan.fails_first && ctx.info().attempt() == 1 {
            return Err(ApplicationFailure::new("the first attempt".to_owned()).into());
        }
        if plan.upserts {
            ctx.upsert_memo([("upserted", Some(MemoValue::new(true)))])?;
            ctx.upsert_search_attributes([UPSERTED.value_set("upserted".to_owned())]);
        }
        if plan.continues {
            ctx.continue_as_new(Plan::default(), plan.options())?;
        }
        Ok(ctx.state(|state| state.signals))
    }

    #[signal]
    fn signal(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.signals += 1;
    }
}

/// Returns options that a run may pass on.
fn options() -> WorkflowStartOptions {
    let mut options = on("one");
    options.execution_timeout = Some(seconds(3600));
    options.run_timeout = Some(seconds(600));
    options.task_timeout = Some(seconds(5));
    options.retry_policy = Some(RetryPolicy::builder().maximum_attempts(4).build());
    let mut memo = MemoValues::new();
    memo.insert("given", true);
    options.memo = Some(memo);
    options.search_attributes = Some(SearchAttributes::new([GIVEN.value_set("given".to_owned())]));
    options
}

/// Runs the workflow and returns the histories of the first run and the last.
async fn run(
    env: &TestWorkflowEnvironment,
    plan: Plan,
    options: WorkflowStartOptions,
) -> Result<[History; 2], TestError> {
    for queue in ["queue", "other"] {
        env.worker(queue).workflow::<Continuing>().start()?;
    }
    let plan = Plan {
        continues: true,
        ..plan
    };
    let one = env
        .client()
        .start_workflow(Continuing::run, plan, options)
        .await?;
    one.get_result(WorkflowGetResultOptions::default()).await?;
    let mut runs = chain(env, "one");
    let last = runs.pop().expect("two runs");
    Ok([runs.swap_remove(0), last])
}

fn memo(started: &WorkflowExecutionStartedEventAttributes) -> Vec<String> {
    started
        .memo
        .iter()
        .flat_map(|memo| sorted(memo.fields.clone()))
        .map(|(name, _)| name)
        .collect()
}

fn search_attributes(started: &WorkflowExecutionStartedEventAttributes) -> Vec<(String, String)> {
    let fields = started
        .search_attributes
        .iter()
        .flat_map(|it| sorted(it.indexed_fields.clone()));
    fields
        .map(|(name, value)| (name, String::from_utf8_lossy(&value.data).into_owned()))
        .collect()
}

fn sorted(fields: impl IntoIterator<Item = (String, Payload)>) -> BTreeMap<String, Payload> {
    fields.into_iter().collect()
}

#[workflow_test(core_replay = true)]
async fn the_next_run_keeps_options_that_are_not_replaced(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let [first, next] = run(
        &env,
        Plan {
            takes_ms: 5000,
            ..Plan::default()
        },
        options(),
    )
    .await?;
    assert_eq!(
        *first.event_types().last().unwrap(),
        EventType::WorkflowExecutionContinuedAsNew
    );
    let (before, after) = (started(&first), started(&next));
    assert_eq!(after.first_execution_run_id, first.run_id());
    assert_eq!(after.continued_execution_run_id, first.run_id());
    assert_eq!(after.original_execution_run_id, next.run_id());
    assert_eq!(after.initiator(), ContinueAsNewInitiator::Workflow);
    assert_eq!(after.workflow_type, before.workflow_type);
    assert_eq!(after.task_queue.as_ref().unwrap().name, "queue");
    assert_eq!(
        after.workflow_execution_timeout,
        before.workflow_execution_timeout
    );
    assert_eq!(
        after.workflow_execution_expiration_time,
        before.workflow_execution_expiration_time
    );
    assert_eq!(after.workflow_run_timeout, before.workflow_run_timeout);
    assert_eq!(after.workflow_task_timeout, before.workflow_task_timeout);
    assert_eq!(after.retry_policy, before.retry_policy);
    assert_eq!(memo(&after), ["given"]);
    assert_eq!(
        search_attributes(&after),
        [("Given".to_owned(), "\"given\"".to_owned())]
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_next_run_has_the_replaced_options(env: TestWorkflowEnvironment) -> TestResult {
    let plan = Plan {
        takes_ms: 5000,
        replaces: true,
        ..Plan::default()
    };
    let [first, next] = run(&env, plan, options()).await?;
    let after = started(&next);
    assert_eq!(after.task_queue.as_ref().unwrap().name, "other");
    assert_eq!(after.workflow_run_timeout.unwrap().seconds, 7);
    assert_eq!(after.workflow_task_timeout.unwrap().seconds, 3);
    assert_eq!(after.retry_policy.as_ref().unwrap().maximum_attempts, 9);
    assert_eq!(memo(&after), ["replaced"]);
    assert_eq!(
        search_attributes(&after),
        [("Given".to_owned(), "\"replaced\"".to_owned())]
    );
    assert_eq!(
        after.first_execution_run_id,
        first.run_id(),
        "the chain is the same"
    );
    assert_eq!(
        after.workflow_execution_timeout,
        started(&first).workflow_execution_timeout
    );
    Ok(())
}

/// Core passes on the memo of the run's start and the current search attributes
/// (`workflow_machines.rs augment_continue_as_new_with_current_values`).
#[workflow_test(core_replay = true)]
async fn upserted_search_attributes_carry_over_and_an_upserted_memo_does_not(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let plan = Plan {
        takes_ms: 5000,
        upserts: true,
        ..Plan::default()
    };
    let [_, next] = run(&env, plan, options()).await?;
    let after = started(&next);
    assert_eq!(memo(&after), ["given"]);
    let names: Vec<_> = search_attributes(&after)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(names, ["Given", "Upserted"]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_run_of_less_than_a_second_delays_the_next_one(
    env: TestWorkflowEnvironment,
) -> TestResult {
    for (takes_ms, backoff_ms, waits_ms) in [
        (0, None, 1000),
        (300, None, 700),
        (1000, None, 0),
        (2500, None, 0),
        (0, Some(400), 1000),
        (300, Some(800), 800),
        (0, Some(5000), 5000),
    ] {
        let began = env.now();
        let plan = Plan {
            takes_ms,
            backoff_ms,
            ..Plan::default()
        };
        let [_, next] = run(&env, plan, on("one")).await?;
        let waited = started(&next)
            .first_workflow_task_backoff
            .unwrap_or_default();
        let waited_ms = waited.seconds * 1000 + i64::from(waited.nanos) / 1_000_000;
        assert_eq!(waited_ms, waits_ms, "{takes_ms} {backoff_ms:?}");
        let passed = env.now().duration_since(began)?;
        assert_eq!(
            passed,
            Duration::from_millis(takes_ms + u64::try_from(waits_ms)?),
            "{takes_ms} {backoff_ms:?}"
        );
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn signals_do_not_carry_over(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Continuing>().start()?;
    let plan = Plan {
        continues: true,
        takes_ms: 3000,
        backoff_ms: Some(4000),
        ..Plan::default()
    };
    let one = env
        .client()
        .start_workflow(Continuing::run, plan, on("one"))
        .await?;
    let latest = env.client().get_workflow_handle::<Continuing>("one");
    for _ in 0..2 {
        latest
            .signal(Continuing::signal, (), WorkflowSignalOptions::default())
            .await?;
    }
    env.sleep(seconds(5)).await;
    // The next run waits for its delayed beginning; the signal does not wake it.
    latest
        .signal(Continuing::signal, (), WorkflowSignalOptions::default())
        .await?;
    assert_eq!(
        one.get_result(WorkflowGetResultOptions::default()).await?,
        1
    );
    let signals: Vec<_> = chain(&env, "one")
        .iter()
        .map(|run| events!(run, WorkflowExecutionSignaledEventAttributes).len())
        .collect();
    assert_eq!(signals, [2, 1]);
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn the_next_run_of_a_retry_is_a_first_attempt(env: TestWorkflowEnvironment) -> TestResult {
    let plan = Plan {
        fails_first: true,
        takes_ms: 2000,
        ..Plan::default()
    };
    run(&env, plan, options()).await?;
    let attempts: Vec<_> = chain(&env, "one")
        .iter()
        .map(|run| started(run).attempt)
        .collect();
    assert_eq!(attempts, [1, 2, 1]);
    Ok(())
}
