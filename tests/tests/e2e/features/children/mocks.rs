//! Children mocked by closures, beside real ones, with recorded calls.

use durasim::{WorkflowCallOutcome, prelude::*};
use temporalio_client::UntypedUpdate;
use temporalio_common::{RetryPolicy, UntypedWorkflow, data_converters::RawValue};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ChildWorkflowCancellationType, ChildWorkflowOptions, ParentClosePolicy, WorkflowContext,
    WorkflowResult, WorkflowTermination, workflows::join,
};

use super::{Child, Does, broken, child, end};
use crate::features::on;

/// The workflow that is mocked.
#[workflow]
#[derive(Default)]
struct Errand;

#[workflow_methods]
impl Errand {
    #[run]
    async fn run(_ctx: &mut WorkflowContext<Self>, what: String) -> WorkflowResult<String> {
        Ok(format!("{what}, really"))
    }
}

/// Has one mocked child and one real child; returns how both ended.
#[workflow]
#[derive(Default)]
struct Household;

#[workflow_methods]
impl Household {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        attempts: u32,
    ) -> WorkflowResult<(String, String)> {
        let mut options: ChildWorkflowOptions = child("errand");
        options.run_timeout = Some(Duration::from_hours(24));
        options.task_queue = Some("errands".to_owned());
        if attempts > 1 {
            options.retry_policy = Some(RetryPolicy::builder().maximum_attempts(attempts).build());
        }
        let errand = ctx
            .start_child_workflow(Errand::run, "bread".to_owned(), options)
            .await?;
        let real = ctx
            .start_child_workflow(Child::run, Does::Complete, child("real"))
            .await?;
        let (errand, real) = join!(errand.result(), real.result());
        Ok((end(errand), end(real)))
    }
}

async fn keeps_house<R>(
    env: &TestWorkflowEnvironment,
    attempts: u32,
    mock: impl Fn(durasim::WorkflowCall<String>) -> R + 'static,
) -> TestResult<String>
where
    R: Future<Output = WorkflowResult<String>> + 'static,
{
    env.worker("queue")
        .workflow::<Household>()
        .workflow::<Child>()
        .start()?;
    env.worker("errands")
        .mock_workflow(Errand::run, mock)
        .start()?;
    let household = env
        .client()
        .start_workflow(Household::run, attempts, on("household"))
        .await?;
    env.observe_result(&household);
    let (errand, real) = household.get_result(Default::default()).await?;
    assert_eq!(real, "completed: done in attempt 1");
    assert!(
        env.workflow_calls(Child::run).is_empty(),
        "a real child is not recorded"
    );
    Ok(errand)
}

macro_rules! mocked {
    ($(#[$meta:meta])* async fn $name:ident($env:ident) $body:block) => {
        $(#[$meta])*
        mod $name {
            use pretty_assertions::assert_eq;

            use super::*;

            worlds! { seeds = 24, async fn world($env) $body }
        }
    };
}

mocked! {
    /// A mock stands for something durable: it is called once, whatever happens to the workers.
    async fn it_completes_after_an_hour(env) {
        let ended = keeps_house(&env, 1, |call| async move {
            tokio::time::sleep(Duration::from_hours(1)).await;
            Ok(format!(
                "{} for {}",
                call.input,
                call.parent_workflow_id.unwrap_or_default()
            ))
        });
        assert_eq!(ended.await?, "completed: bread for household");
        let calls = env.workflow_calls(Errand::run);
        assert_eq!(calls.len(), 1);
        assert_eq!(
            (
                calls[0].workflow_id.as_str(),
                calls[0].input::<String>()?.as_str()
            ),
            ("errand", "bread")
        );
        assert!(
            calls[0]
                .finished_ms
                .is_some_and(|at| at >= calls[0].started_ms + 3_600_000)
        );
        Ok(())
    }
}

mocked! {
    async fn it_fails(env) {
        let ended = keeps_house(&env, 1, |_| async { Err(broken()) });
        assert_eq!(
            ended.await?,
            "failed: the child broke (Broken), RetryPolicyNotSet"
        );
        let calls = env.workflow_calls(Errand::run);
        assert!(
            matches!(calls[0].outcome, WorkflowCallOutcome::Failed(_)),
            "{:?}",
            calls[0].outcome
        );
        Ok(())
    }
}

mocked! {
    async fn it_is_retried_as_another_run(env) {
        let ended = keeps_house(&env, 3, |call| async move {
            if call.attempt < 3 {
                Err(broken())
            } else {
                Ok(format!("attempt {}", call.attempt))
            }
        });
        assert_eq!(ended.await?, "completed: attempt 3");
        let attempts: Vec<_> = env
            .workflow_calls(Errand::run)
            .iter()
            .map(|call| call.attempt)
            .collect();
        assert_eq!(attempts, [1, 2, 3]);
        Ok(())
    }
}

mocked! {
    async fn it_times_out(env) {
        let ended = keeps_house(&env, 1, |call| async move {
            tokio::time::sleep(Duration::from_hours(48)).await;
            Ok(call.input)
        });
        assert_eq!(ended.await?, "timed out: StartToClose, RetryPolicyNotSet");
        let calls = env.workflow_calls(Errand::run);
        assert_eq!(calls[0].outcome, WorkflowCallOutcome::Abandoned);
        Ok(())
    }
}

/// Starts a mocked child and cancels it.
#[workflow]
#[derive(Default)]
struct Impatient;

#[workflow_methods]
impl Impatient {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        let mut options = child("errand");
        options.cancel_type = ChildWorkflowCancellationType::WaitCancellationCompleted;
        let errand = ctx
            .start_child_workflow(Errand::run, "bread".to_owned(), options)
            .await?;
        ctx.timer(Duration::from_mins(1)).await;
        errand.cancel("too slow".to_owned());
        Ok(end(errand.result().await))
    }
}

mocked! {
    /// The mock itself decides how to react to the cancellation.
    async fn its_parent_cancels_it(env) {
        env.worker("queue")
            .workflow::<Impatient>()
            .mock_workflow(Errand::run, |call| async move {
                call.cancelled().await;
                tokio::time::sleep(Duration::from_mins(5)).await;
                Err(WorkflowTermination::cancelled())
            })
            .start()?;
        let impatient = env
            .client()
            .start_workflow(Impatient::run, (), on("impatient"))
            .await?;
        assert_eq!(impatient.get_result(Default::default()).await?, "cancelled");
        let calls = env.workflow_calls(Errand::run);
        assert!(
            matches!(calls[0].outcome, WorkflowCallOutcome::Canceled(_)),
            "{:?}",
            calls[0].outcome
        );
        Ok(())
    }
}

/// Starts a mocked child and closes.
#[workflow]
#[derive(Default)]
struct Forgetful;

#[workflow_methods]
impl Forgetful {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let mut options = child("errand");
        options.parent_close_policy = ParentClosePolicy::Terminate;
        ctx.start_child_workflow(Errand::run, "bread".to_owned(), options)
            .await?;
        Ok(())
    }
}

mocked! {
    async fn its_parent_closes_first(env) {
        env.worker("queue")
            .workflow::<Forgetful>()
            .mock_workflow(Errand::run, |call| async move {
                tokio::time::sleep(Duration::from_hours(1)).await;
                Ok(call.input)
            })
            .start()?;
        let forgetful = env
            .client()
            .start_workflow(Forgetful::run, (), on("forgetful"))
            .await?;
        forgetful.get_result(Default::default()).await?;
        let errand = env.client().get_workflow_handle::<Errand>("errand");
        assert!(
            errand.get_result(Default::default()).await.is_err(),
            "the mock is terminated"
        );
        env.sleep(Duration::from_hours(2)).await;
        // The mock may be terminated before it has begun.
        let calls = env.workflow_calls(Errand::run);
        assert!(calls.len() <= 1, "{calls:?}");
        for call in calls {
            assert_eq!(call.outcome, WorkflowCallOutcome::Abandoned);
        }
        Ok(())
    }
}

/// A mock has no handlers: signals have no effect, updates and queries are refused.
#[workflow_test]
async fn a_mock_has_no_handlers(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .mock_workflow(Errand::run, |call| async move {
            tokio::time::sleep(Duration::from_hours(1)).await;
            Ok(call.input)
        })
        .start()?;
    let errand = env
        .client()
        .start_workflow(Errand::run, "bread".to_owned(), on("errand"))
        .await?;
    let untyped = env
        .client()
        .get_workflow_handle::<UntypedWorkflow>("errand");
    let nothing = RawValue::default;
    untyped
        .signal(
            temporalio_client::UntypedSignal::new("hurry"),
            nothing(),
            Default::default(),
        )
        .await?;
    let asked = untyped
        .query(
            temporalio_client::UntypedQuery::new("where"),
            nothing(),
            Default::default(),
        )
        .await;
    assert!(asked.is_err_and(|error| error.to_string().contains("the workflow is mocked")));
    let updated = untyped
        .execute_update(UntypedUpdate::new("butter"), nothing(), Default::default())
        .await;
    assert!(updated.is_err());
    assert_eq!(errand.get_result(Default::default()).await?, "bread");
    Ok(())
}
