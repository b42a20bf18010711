//! Tests in which a payload is not of the type that code takes.

use durasim::prelude::*;
use futures::FutureExt;
use temporalio_client::UntypedSignal;
use temporalio_common::{
    UntypedWorkflow,
    data_converters::{PayloadConverter, RawValue},
};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{common::Patience, failing::report, on};

/// Takes numbers.
#[workflow]
#[derive(Default)]
struct Mailbox {
    numbers: Vec<u32>,
}

#[workflow_methods]
impl Mailbox {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<usize> {
        ctx.wait_condition(|state| !state.numbers.is_empty())
            .await?;
        Ok(ctx.state(|state| state.numbers.len()))
    }

    #[signal]
    fn put(&mut self, _ctx: &mut SyncWorkflowContext<Self>, number: u32) {
        self.numbers.push(number);
    }
}

#[test]
fn unknown_heartbeat_details_are_reported_with_the_call_that_names_them() {
    #[derive(serde::Serialize)]
    struct Progress {
        line: u32,
    }
    struct Files;
    #[activities]
    impl Files {
        #[activity]
        async fn copy(ctx: ActivityContext) -> Result<(), ActivityError> {
            Ok(ctx.record_heartbeat(Progress { line: 1 }).await?)
        }
    }
    #[workflow]
    #[derive(Default)]
    struct Copy;
    #[workflow_methods]
    impl Copy {
        #[run]
        async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
            let options = ActivityOptions::start_to_close_timeout(Duration::from_secs(10));
            Ok(ctx.execute_activity(Files::copy, (), options).await?)
        }
    }
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("files")
                .workflow::<Copy>()
                .activity(Files::copy)
                .start()?;
            let handle = env
                .client()
                .start_workflow(Copy::run, (), on("files"))
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    }));
}

#[test]
fn an_input_of_another_type_is_reported_with_the_reason() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("patience").workflow::<Patience>().start()?;
            let patience = UntypedWorkflow::new("Patience");
            let handle = env
                .client()
                .start_workflow(patience, RawValue::empty(), on("patience"))
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    }));
}

#[test]
fn a_signal_with_an_input_of_another_type_is_reported_with_the_reason() {
    insta::assert_snapshot!(report(|env| {
        async move {
            env.worker("mail").workflow::<Mailbox>().start()?;
            let handle = env
                .client()
                .start_workflow(Mailbox::run, (), on("mail"))
                .await?;
            let word = RawValue::from_value(&"seven".to_owned(), &PayloadConverter::default());
            let untyped = env.client().get_workflow_handle::<UntypedWorkflow>("w-1");
            untyped
                .signal(
                    UntypedSignal::new("put"),
                    word,
                    WorkflowSignalOptions::default(),
                )
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    }));
}
