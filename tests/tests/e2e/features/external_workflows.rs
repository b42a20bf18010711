//! Signals and cancel requests to other workflows, and their failures.

use durasim::prelude::*;
use temporalio_client::{UntypedSignal, errors::WorkflowGetResultError};
use temporalio_common::{
    UntypedWorkflow,
    data_converters::{PayloadConverter, RawValue},
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_sdk::{
    CancelExternalWorkflowError, CancellableFuture, SignalWorkflowOptions, SyncWorkflowContext,
    WorkflowCancellationToken, WorkflowContext, WorkflowResult, WorkflowSignalError,
};

use super::on;

/// Listens until it gets a signal to stop or is cancelled.
#[workflow]
#[derive(Default)]
struct Listener {
    heard: Vec<String>,
    stopped: bool,
}

#[workflow_methods]
impl Listener {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        ctx.wait_condition(|state| state.stopped).await?;
        Ok(ctx.state(|state| state.heard.clone()))
    }

    #[signal]
    fn hear(&mut self, _ctx: &mut SyncWorkflowContext<Self>, what: String) {
        self.heard.push(what);
    }

    #[signal]
    fn stop(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.stopped = true;
    }
}

fn told(result: Result<(), WorkflowSignalError>) -> &'static str {
    match result {
        Ok(()) => "delivered",
        Err(WorkflowSignalError::NotFound(_)) => "not found",
        Err(WorkflowSignalError::Failed(_)) => "failed",
        Err(_) => "another error",
    }
}

async fn speak(
    ctx: &WorkflowContext<Speaker>,
    workflow_id: &str,
    run_id: Option<String>,
    what: &str,
) -> &'static str {
    let options = SignalWorkflowOptions::builder()
        .summary(what.to_owned())
        .build();
    let listener = ctx.external_workflow(workflow_id, run_id);
    told(
        listener
            .signal(Listener::hear, what.to_owned(), options)
            .await,
    )
}

/// Signals a listener by each of its names, and workflows that do not exist.
#[workflow]
#[derive(Default)]
struct Speaker;

#[workflow_methods]
impl Speaker {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, run_id: String) -> WorkflowResult<Vec<String>> {
        let another = "4d9c6c8e-0000-4000-8000-000000000000".to_owned();
        let mut results = vec![
            speak(ctx, "listener", None, "by id").await,
            speak(ctx, "listener", Some(run_id), "by run id").await,
            speak(ctx, "listener", Some(another), "another run").await,
            speak(ctx, "nobody", None, "nobody").await,
            speak(ctx, ctx.workflow_id(), None, "myself").await,
        ];
        let untyped = UntypedSignal::<UntypedWorkflow>::new("hear");
        let raw = RawValue::from_value(&"untyped".to_owned(), &PayloadConverter::default());
        results.push(told(
            ctx.external_workflow("listener", None)
                .signal(untyped, raw, Default::default())
                .await,
        ));
        let stop =
            ctx.external_workflow("listener", None)
                .signal(Listener::stop, (), Default::default());
        results.push(told(stop.await));
        ctx.timer(Duration::from_hours(1)).await;
        results.push(speak(ctx, "listener", None, "too late").await);
        Ok(results.into_iter().map(ToOwned::to_owned).collect())
    }
}

feature! {
    [Speaker, Listener]
    async fn signals(env) {
        env.worker("queue")
            .workflow::<Speaker>()
            .workflow::<Listener>()
            .start()?;
        let client = env.client();
        let listener = client
            .start_workflow(Listener::run, (), on("listener"))
            .await?;
        let run_id = listener.info().run_id.clone().unwrap_or_default();
        let speaker = client
            .start_workflow(Speaker::run, run_id, on("speaker"))
            .await?;
        let (gone, done) = ("not found", "delivered");
        assert_eq!(
            speaker.get_result(Default::default()).await?,
            [done, done, gone, gone, gone, done, done, gone]
        );
        assert_eq!(
            listener.get_result(Default::default()).await?,
            ["by id", "by run id", "untyped"]
        );
        Ok(())
    }
}

/// Cancels signals before they are sent, and sends one although it is cancelled itself.
#[workflow]
#[derive(Default)]
struct Hesitant;

#[workflow_methods]
impl Hesitant {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        let listener = ctx.external_workflow("listener", None);
        let speak = |what: &str, options| listener.signal(Listener::hear, what.to_owned(), options);
        let hesitant = speak("hesitant", SignalWorkflowOptions::default());
        hesitant.cancel();
        let mut results = vec![told(hesitant.await)];
        ctx.cancelled().await;
        results.push(told(
            speak(
                "with the workflow's token",
                SignalWorkflowOptions::default(),
            )
            .await,
        ));
        let own = SignalWorkflowOptions::builder()
            .cancellation_token(WorkflowCancellationToken::new())
            .build();
        results.push(told(speak("with a token of its own", own).await));
        Ok(results.into_iter().map(ToOwned::to_owned).collect())
    }
}

feature! {
    [Hesitant, Listener]
    async fn signals_that_are_cancelled(env) {
        env.worker("queue")
            .workflow::<Hesitant>()
            .workflow::<Listener>()
            .start()?;
        let client = env.client();
        let listener = client
            .start_workflow(Listener::run, (), on("listener"))
            .await?;
        let hesitant = client
            .start_workflow(Hesitant::run, (), on("hesitant"))
            .await?;
        env.sleep(Duration::from_secs(1)).await;
        hesitant.cancel(Default::default()).await?;
        assert_eq!(
            hesitant.get_result(Default::default()).await?,
            ["failed", "failed", "delivered"]
        );
        listener
            .signal(Listener::stop, (), Default::default())
            .await?;
        assert_eq!(
            listener.get_result(Default::default()).await?,
            ["with a token of its own"]
        );
        Ok(())
    }
}

/// Cancels a listener, twice, and workflows that do not exist.
#[workflow]
#[derive(Default)]
struct Canceller;

#[workflow_methods]
impl Canceller {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<String>> {
        let mut results = Vec::new();
        for id in ["nobody", ctx.workflow_id(), "listener", "listener"] {
            let asked = ctx
                .external_workflow(id, None)
                .cancel(Some("enough".to_owned()))
                .await;
            results.push(match asked {
                Ok(()) => "asked".to_owned(),
                Err(CancelExternalWorkflowError::NotFound(_)) => "not found".to_owned(),
                Err(other) => format!("{other}"),
            });
        }
        Ok(results)
    }
}

feature! {
    /// A cancel request to a closed or cancelled workflow succeeds.
    [Canceller, Listener]
    async fn cancel_requests(env) {
        env.worker("queue")
            .workflow::<Canceller>()
            .workflow::<Listener>()
            .start()?;
        let client = env.client();
        let listener = client
            .start_workflow(Listener::run, (), on("listener"))
            .await?;
        let canceller = client
            .start_workflow(Canceller::run, (), on("canceller"))
            .await?;
        assert_eq!(
            canceller.get_result(Default::default()).await?,
            ["not found", "not found", "asked", "asked"]
        );
        let end = listener.get_result(Default::default()).await;
        assert!(
            matches!(end, Err(WorkflowGetResultError::Cancelled { .. })),
            "{end:?}"
        );
        Ok(())
    }
}
