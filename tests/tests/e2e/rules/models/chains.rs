//! Chains of runs with every mixture of retries, cron schedules, timeouts, delays and
//! continue-as-new.

use std::{collections::BTreeMap, time::UNIX_EPOCH};

use durasim::{History, prelude::*};
use pretty_assertions::assert_eq;
use temporalio_common::RetryPolicy;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::history::v1::{HistoryEvent, history_event::Attributes};
use temporalio_sdk::{ApplicationFailure, ContinueAsNewOptions, WorkflowContext, WorkflowResult};

use super::{
    Draws,
    chain_cases::{Case, Cron, End, How, Run, Seen, WATCHED_MS, case, chain, doing},
};
use crate::rules::{chain as runs_of, on, seconds};

/// Behaves like one of its runs, chosen by the time at which it begins.
#[workflow]
#[derive(Default)]
struct Links;

#[workflow_methods]
impl Links {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, runs: Vec<Run>) -> WorkflowResult<()> {
        let begins = ctx
            .workflow_time()
            .expect("a task has a time")
            .duration_since(UNIX_EPOCH)
            .unwrap();
        let begins_ms = u64::try_from(begins.as_millis()).unwrap();
        let mine = doing(&runs, begins_ms, ctx.info().attempt()).clone();
        ctx.timer(Duration::from_millis(mine.takes_ms)).await;
        match mine.ends {
            End::Well => Ok(()),
            End::ContinuesAsNew { delay_ms } => {
                let delay = delay_ms.map(Duration::from_millis);
                let options = ContinueAsNewOptions::builder()
                    .maybe_backoff_start_interval(delay)
                    .build();
                ctx.continue_as_new(runs, options)?;
                Ok(())
            }
            End::Badly {
                type_name,
                is_retryable,
                delay_ms,
            } => {
                let failure = ApplicationFailure::builder(format!("it was {type_name}"))
                    .type_name(type_name)
                    .non_retryable(!is_retryable)
                    .maybe_next_retry_delay(delay_ms.map(Duration::from_millis));
                Err(failure.build().into())
            }
        }
    }
}

fn options(case: &Case, workflow_id: &str) -> WorkflowStartOptions {
    let mut options = on(workflow_id);
    options.run_timeout = case.run_timeout.map(seconds);
    options.execution_timeout = case.execution_timeout.map(seconds);
    options.cron_schedule = case.cron.map(Cron::schedule);
    options.retry_policy = case.retry.as_ref().map(|retry| {
        RetryPolicy::builder()
            .initial_interval(seconds(retry.initial_interval))
            .backoff_coefficient(retry.coefficient)
            .maybe_maximum_interval(retry.maximum_interval.map(seconds))
            .maximum_attempts(retry.maximum_attempts)
            .non_retryable_error_types(retry.non_retryable.clone())
            .build()
    });
    options
}

fn time_ms(event: &HistoryEvent) -> u64 {
    let time = event.event_time.unwrap();
    u64::try_from(time.seconds * 1000 + i64::from(time.nanos) / 1_000_000).unwrap()
}

/// Returns the beginning and end of a run.
fn seen(history: &History) -> Seen {
    let (first, last) = (&history.events()[0], history.events().last().unwrap());
    let Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) = &first.attributes
    else {
        panic!("a run starts")
    };
    let how = match last.attributes.as_ref().unwrap() {
        Attributes::WorkflowExecutionCompletedEventAttributes(_) => Some(How::Completed),
        Attributes::WorkflowExecutionFailedEventAttributes(it) => {
            Some(How::Failed(it.retry_state()))
        }
        Attributes::WorkflowExecutionTimedOutEventAttributes(it) => {
            Some(How::TimedOut(it.retry_state()))
        }
        Attributes::WorkflowExecutionContinuedAsNewEventAttributes(_) => Some(How::ContinuedAsNew),
        _ => None,
    };
    let delay = started.first_workflow_task_backoff.unwrap_or_default();
    Seen {
        started_ms: time_ms(first),
        delay_ms: u64::try_from(delay.seconds * 1000 + i64::from(delay.nanos) / 1_000_000).unwrap(),
        attempt: u32::try_from(started.attempt).unwrap(),
        initiator: started.initiator(),
        closed: how.map(|how| (time_ms(last), how)),
    }
}

#[workflow_test(core_replay = true)]
async fn chains_with_random_options_continue_as_the_model_says(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let started_ms = u64::try_from(env.now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let mut draws = Draws(1);
    let mut cases: Vec<(Case, Vec<Seen>)> = Vec::new();
    while cases.len() < 200 {
        let case = case(&mut draws);
        if let Some(runs) = chain(&case, started_ms) {
            cases.push((case, runs));
        }
    }
    env.worker("queue").workflow::<Links>().start()?;
    for (number, (case, _)) in cases.iter().enumerate() {
        let options = options(case, &number.to_string());
        env.client()
            .start_workflow(Links::run, case.runs.clone(), options)
            .await?;
    }
    env.sleep(Duration::from_millis(WATCHED_MS)).await;
    let mut ways: BTreeMap<String, u32> = BTreeMap::new();
    for (number, (case, runs)) in cases.iter().enumerate() {
        let histories = runs_of(&env, number.to_string().as_str());
        let all: Vec<Seen> = histories.iter().map(seen).collect();
        assert_eq!(&all, runs, "case {number}: {case:#?}");
        for (run, next) in runs.iter().zip(runs.iter().skip(1).map(Some).chain([None])) {
            let way = format!(
                "{:?} {:?}",
                run.closed.map(|it| it.1),
                next.map(|it| it.initiator)
            );
            *ways.entry(way).or_default() += 1;
        }
    }
    assert!(
        ways.len() >= 14,
        "some ways to close are missing: {ways:#?}"
    );
    Ok(())
}
