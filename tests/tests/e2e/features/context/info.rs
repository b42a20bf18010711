//! The info of a workflow.

use durasim::prelude::*;
use serde::{Deserialize, Serialize};
use temporalio_common::RetryPolicy;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ApplicationFailure, WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowTermination,
};

use crate::features::on;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Known {
    workflow_id: String,
    workflow_type: String,
    task_queue: String,
    namespace: String,
    attempt: u32,
    is_first_run: bool,
    has_parent: bool,
    timeouts: (Option<Duration>, Option<Duration>, Option<Duration>),
    retries: Option<(Duration, u32)>,
    cron: Option<String>,
}

fn known(info: &WorkflowContextView) -> Known {
    Known {
        workflow_id: info.workflow_id().to_owned(),
        workflow_type: info.workflow_type().to_owned(),
        task_queue: info.task_queue().to_owned(),
        namespace: info.namespace().to_owned(),
        attempt: info.attempt(),
        is_first_run: info.first_execution_run_id() == info.run_id(),
        has_parent: info.parent().is_some(),
        timeouts: (
            info.execution_timeout(),
            info.run_timeout(),
            info.task_timeout(),
        ),
        retries: info
            .retry_policy()
            .map(|policy| (policy.initial_interval(), policy.maximum_attempts())),
        cron: info.cron_schedule().map(ToOwned::to_owned),
    }
}

/// Returns its info, at its start and after a failure.
#[workflow]
struct Knowing {
    at_first: Known,
}

#[workflow_methods]
impl Knowing {
    #[init]
    fn new(ctx: &WorkflowContextView, _fails: bool) -> Self {
        Self {
            at_first: known(ctx),
        }
    }

    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Known> {
        let now = known(&ctx.info());
        assert_eq!(
            ctx.state(|state| state.at_first.clone()),
            now,
            "the info is the same throughout a run"
        );
        if now.attempt == 1 && now.retries.is_some() {
            let failure = ApplicationFailure::builder(anyhow::anyhow!("once more")).build();
            return Err(WorkflowTermination::failed_application(failure));
        }
        Ok(now)
    }
}

feature! {
    [Knowing]
    async fn a_run_with_nothing_special(env) {
        env.worker("queue").workflow::<Knowing>().start()?;
        let knowing = env
            .client()
            .start_workflow(Knowing::run, false, on("plain"))
            .await?;
        let expected = Known {
            workflow_id: "plain".to_owned(),
            workflow_type: "Knowing".to_owned(),
            task_queue: "queue".to_owned(),
            namespace: "default".to_owned(),
            attempt: 1,
            is_first_run: true,
            has_parent: false,
            timeouts: (None, None, Some(Duration::from_secs(10))),
            retries: None,
            cron: None,
        };
        assert_eq!(knowing.get_result(Default::default()).await?, expected);
        Ok(())
    }
}

feature! {
    [Knowing]
    async fn a_run_with_timeouts_and_retries(env) {
        env.worker("queue").workflow::<Knowing>().start()?;
        let mut options = on("special");
        options.execution_timeout = Some(Duration::from_hours(5));
        options.run_timeout = Some(Duration::from_hours(2));
        options.task_timeout = Some(Duration::from_secs(7));
        let policy = RetryPolicy::builder()
            .initial_interval(Duration::from_secs(3))
            .maximum_attempts(4);
        options.retry_policy = Some(policy.build());
        let knowing = env
            .client()
            .start_workflow(Knowing::run, true, options)
            .await?;
        let known = knowing.get_result(Default::default()).await?;
        assert_eq!((known.attempt, known.is_first_run), (2, false));
        let (hours, seconds) = (
            |hours| Some(Duration::from_hours(hours)),
            Some(Duration::from_secs(7)),
        );
        assert_eq!(known.timeouts, (hours(5), hours(2), seconds));
        assert_eq!(known.retries, Some((Duration::from_secs(3), 4)));
        Ok(())
    }
}

/// Notes the time and the length of its history in each of its tasks.
#[workflow]
#[derive(Default)]
struct Clockwork;

#[workflow_methods]
impl Clockwork {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<(u64, u32)>> {
        let start = ctx.info().start_time();
        let mut taken = Vec::new();
        for hours in [1, 2, 3] {
            ctx.timer(Duration::from_hours(hours)).await;
            let passed = ctx
                .workflow_time()
                .zip(start)
                .and_then(|(now, then)| now.duration_since(then).ok());
            taken.push((
                passed.unwrap_or_default().as_secs() / 3600,
                ctx.history_length(),
            ));
        }
        Ok(taken)
    }
}

/// Each task adds five events: the fired timer, the three events of the task, and the next timer.
#[workflow_test(core_replay = true)]
async fn time_passes_and_history_grows(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Clockwork>().start()?;
    let clockwork = env
        .client()
        .start_workflow(Clockwork::run, (), on("clockwork"))
        .await?;
    assert_eq!(
        clockwork.get_result(Default::default()).await?,
        [(1, 8), (3, 13), (6, 18)]
    );
    Ok(())
}

feature! {
    [Clockwork]
    async fn time_is_that_of_the_task(env) {
        env.worker("queue").workflow::<Clockwork>().start()?;
        let clockwork = env
            .client()
            .start_workflow(Clockwork::run, (), on("clockwork"))
            .await?;
        let hours: Vec<u64> = clockwork
            .get_result(Default::default())
            .await?
            .into_iter()
            .map(|(hours, _)| hours)
            .collect();
        assert!(hours[0] >= 1 && hours[1] >= 3 && hours[2] >= 6, "{hours:?}");
        Ok(())
    }
}
