//! Names instead of types: for code that is elsewhere, or known only at run time.

use durasim::prelude::*;
use temporalio_client::{UntypedQuery, UntypedSignal, UntypedUpdate};
use temporalio_common::{
    UntypedActivity, UntypedWorkflow,
    data_converters::{PayloadConverter, RawValue},
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, ChildWorkflowOptions, LocalActivityOptions, SyncWorkflowContext,
    WorkflowContext, WorkflowContextView, WorkflowResult,
};

use super::on;

fn raw<T: temporalio_common::data_converters::TemporalSerializable + 'static>(
    value: &T,
) -> RawValue {
    RawValue::from_value(value, &PayloadConverter::default())
}

fn text(raw: RawValue) -> String {
    raw.to_value(&PayloadConverter::default())
}

/// Calls activities and a child by their names.
#[workflow]
#[derive(Default)]
struct Operator {
    heard: Vec<String>,
}

#[workflow_methods]
impl Operator {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, is_child: bool) -> WorkflowResult<Vec<String>> {
        if is_child {
            return Ok(vec!["a child".to_owned()]);
        }
        let minute = Duration::from_mins(1);
        let greet = || UntypedActivity::new("greet");
        let options = ActivityOptions::start_to_close_timeout(minute);
        let mut told = vec![text(
            ctx.execute_activity(greet(), raw(&"Ada".to_owned()), options)
                .await?,
        )];
        let options = LocalActivityOptions::builder()
            .start_to_close_timeout(minute)
            .build();
        told.push(text(
            ctx.execute_local_activity(greet(), raw(&"Bob".to_owned()), options)
                .await?,
        ));
        let options = ChildWorkflowOptions::workflow_id("child".to_owned());
        let child = ctx
            .start_child_workflow(UntypedWorkflow::new("Operator"), raw(&true), options)
            .await?;
        told.extend(
            child
                .result()
                .await?
                .to_value::<Vec<String>>(&PayloadConverter::default()),
        );
        ctx.wait_condition(|state| state.heard.len() >= 2).await?;
        told.extend(ctx.state(|state| state.heard.clone()));
        Ok(told)
    }

    #[signal]
    fn hear(&mut self, _ctx: &mut SyncWorkflowContext<Self>, what: String) {
        self.heard.push(what);
    }

    #[update(name = "ask for it")]
    fn ask(&mut self, _ctx: &mut SyncWorkflowContext<Self>, what: String) -> usize {
        self.heard.push(what);
        self.heard.len()
    }

    #[query]
    fn heard(&self, _ctx: &WorkflowContextView) -> Vec<String> {
        self.heard.clone()
    }
}

feature! {
    not_official [Operator]
    async fn everything_has_a_name(env) {
        env.worker("queue")
            .workflow::<Operator>()
            .mock_activity(
                UntypedActivity::new("greet"),
                |call: ActivityCall<RawValue>| async move {
                    Ok(raw(&format!("hello {}", text(call.input))))
                },
            )
            .start()?;
        let client = env.client();
        let operator = client
            .start_workflow(
                UntypedWorkflow::new("Operator"),
                raw(&false),
                on("operator"),
            )
            .await?;
        operator
            .signal(
                UntypedSignal::new("hear"),
                raw(&"signal".to_owned()),
                Default::default(),
            )
            .await?;
        let asked = operator
            .execute_update(
                UntypedUpdate::new("ask for it"),
                raw(&"update".to_owned()),
                Default::default(),
            )
            .await?;
        let count: usize = asked.to_value(&PayloadConverter::default());
        assert!(count == 1 || count == 2, "{count}");
        let heard = operator
            .query(
                UntypedQuery::new("heard"),
                RawValue::default(),
                Default::default(),
            )
            .await?;
        assert!(
            !heard
                .to_value::<Vec<String>>(&PayloadConverter::default())
                .is_empty()
        );
        let told = operator.get_result(Default::default()).await?;
        let mut told: Vec<String> = told.to_value(&PayloadConverter::default());
        told[3..].sort_unstable();
        assert_eq!(
            told,
            ["hello Ada", "hello Bob", "a child", "signal", "update"]
        );
        Ok(())
    }
}

/// A signal without a handler is dropped, as in the SDK.
#[workflow_test(core_replay = true)]
async fn an_unknown_signal_is_dropped(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<Operator>()
        .mock_activity(
            UntypedActivity::new("greet"),
            |call: ActivityCall<RawValue>| async move { Ok(call.input) },
        )
        .start()?;
    let operator = env
        .client()
        .start_workflow(Operator::run, false, on("operator"))
        .await?;
    let untyped = env
        .client()
        .get_workflow_handle::<UntypedWorkflow>("operator");
    untyped
        .signal(
            UntypedSignal::new("no such signal"),
            RawValue::default(),
            Default::default(),
        )
        .await?;
    for what in ["one", "two"] {
        operator
            .signal(Operator::hear, what.to_owned(), Default::default())
            .await?;
    }
    assert_eq!(operator.get_result(Default::default()).await?.len(), 5);
    Ok(())
}
