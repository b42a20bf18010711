//! Data converters: payload codecs, which every payload passes, and failure converters.

use durasim::prelude::*;
use futures::{FutureExt, future::BoxFuture};
use temporalio_client::{ClientOptions, errors::WorkflowGetResultError};
use temporalio_common::{
    ActivityError, MemoValue,
    data_converters::{
        DataConverter, DefaultFailureConverter, PayloadCodec, PayloadConversionError,
        PayloadConverter, SerializationContextData,
    },
};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_sdk::{
    ActivityOptions, ApplicationFailure, ChildWorkflowOptions, LocalActivityOptions,
    SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowTermination,
    activities::ActivityContext,
};

use super::on;

/// A codec that hides payloads, badly.
struct Rot;

impl PayloadCodec for Rot {
    fn encode(
        &self,
        _context: &SerializationContextData,
        payloads: Vec<Payload>,
    ) -> BoxFuture<'static, Result<Vec<Payload>, PayloadConversionError>> {
        let rotate = |mut payload: Payload| {
            payload
                .data
                .iter_mut()
                .for_each(|byte| *byte = byte.wrapping_add(1));
            payload
                .metadata
                .insert("rotated".to_owned(), b"yes".to_vec());
            payload
        };
        async move { Ok(payloads.into_iter().map(rotate).collect()) }.boxed()
    }

    fn decode(
        &self,
        _context: &SerializationContextData,
        payloads: Vec<Payload>,
    ) -> BoxFuture<'static, Result<Vec<Payload>, PayloadConversionError>> {
        let rotate = |mut payload: Payload| {
            if payload.metadata.remove("rotated").is_some() {
                payload
                    .data
                    .iter_mut()
                    .for_each(|byte| *byte = byte.wrapping_sub(1));
            }
            payload
        };
        async move { Ok(payloads.into_iter().map(rotate).collect()) }.boxed()
    }
}

fn secret() -> DataConverter {
    DataConverter::new(
        PayloadConverter::default(),
        DefaultFailureConverter::new(true),
        Rot,
    )
}

struct Vault;

#[activities]
impl Vault {
    #[activity]
    async fn open(ctx: ActivityContext, word: String) -> Result<String, ActivityError> {
        ctx.record_heartbeat(word.clone()).await?;
        if word == "sesame-wrong" {
            let failure = ApplicationFailure::builder(anyhow::anyhow!("{word} does not open"));
            return Err(ActivityError::application(
                failure.non_retryable(true).details(word).build(),
            ));
        }
        Ok(format!("{word} opens"))
    }
}

/// Passes a secret through every kind of payload.
#[workflow]
#[derive(Default)]
struct Secret {
    word: String,
}

#[workflow_methods]
impl Secret {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        (word, is_child): (String, bool),
    ) -> WorkflowResult<Vec<String>> {
        let minute = Duration::from_mins(1);
        let options = ActivityOptions::start_to_close_timeout(minute);
        let mut told = vec![
            ctx.execute_activity(Vault::open, word.clone(), options)
                .await?,
        ];
        if is_child {
            return Ok(told);
        }
        ctx.upsert_memo([("word", Some(MemoValue::new(word.clone())))])?;
        let options = LocalActivityOptions::builder()
            .start_to_close_timeout(minute)
            .build();
        told.push(
            ctx.execute_local_activity(Vault::open, word.clone(), options)
                .await?,
        );
        let options = ChildWorkflowOptions::workflow_id("child".to_owned());
        let child = ctx
            .start_child_workflow(Secret::run, (word, true), options)
            .await?;
        told.extend(child.result().await?);
        ctx.wait_condition(|state| !state.word.is_empty()).await?;
        told.push(ctx.state(|state| state.word.clone()));
        let options = ActivityOptions::start_to_close_timeout(minute);
        let refused = ctx
            .execute_activity(Vault::open, "sesame-wrong".to_owned(), options)
            .await;
        match refused {
            Ok(_) => Ok(told),
            Err(error) => {
                let cause = error.reason().map(ToString::to_string).unwrap_or_default();
                let failure = ApplicationFailure::builder(anyhow::anyhow!("{told:?}, but {cause}"));
                Err(WorkflowTermination::failed_application(failure.build()))
            }
        }
    }

    #[signal]
    fn say(&mut self, _ctx: &mut SyncWorkflowContext<Self>, word: String) {
        self.word = word;
    }

    #[query]
    fn said(&self, _ctx: &WorkflowContextView, prefix: String) -> String {
        format!("{prefix} {}", self.word)
    }

    #[update]
    fn whisper(&mut self, _ctx: &mut SyncWorkflowContext<Self>, word: String) -> String {
        self.word.clone_from(&word);
        format!("sh, {word}")
    }
}

async fn keep(env: &TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<Secret>()
        .implementer(Vault)
        .activity(Vault::open)
        .options(|options| options.data_converter = secret())
        .start()?;
    let client = env.client_with(
        ClientOptions::new("default")
            .data_converter(secret())
            .build(),
    );
    let word = || "sesame".to_owned();
    let handle = client
        .start_workflow(Secret::run, (word(), false), on("secret"))
        .await?;
    assert_eq!(
        handle
            .execute_update(Secret::whisper, word(), Default::default())
            .await?,
        "sh, sesame"
    );
    handle
        .signal(Secret::say, word(), Default::default())
        .await?;
    let asked = handle
        .query(Secret::said, "it is".to_owned(), Default::default())
        .await?;
    assert_eq!(asked, "it is sesame");
    let end = handle.get_result(Default::default()).await;
    let Err(WorkflowGetResultError::Failed(error)) = end else {
        panic!("{end:?}")
    };
    let message = error.to_string();
    let opened = r#"["sesame opens", "sesame opens", "sesame opens", "sesame"]"#;
    let says = format!("{opened}, but sesame-wrong does not open");
    assert!(message.contains(&says), "{message}");
    let described = handle.describe(Default::default()).await?;
    assert_eq!(
        described.memo().get::<String>("word")?.as_deref(),
        Some("sesame")
    );
    for workflow in ["secret", "child"] {
        let history = env.history(workflow);
        let all = format!("{:?}", history.events());
        let bytes = format!("{:?}", b"sesame").replace(['[', ']'], "");
        assert!(
            !all.contains("sesame") && !all.contains(&bytes),
            "the service never sees it: {all}"
        );
    }
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn every_payload_passes_the_codec(env: TestWorkflowEnvironment) -> TestResult {
    keep(&env).await
}

#[workflow_test(core_replay = true, cache = false)]
async fn without_a_cache(env: TestWorkflowEnvironment) -> TestResult {
    keep(&env).await
}

#[workflow_test(seeds = 12, faults = FaultProfile::all())]
async fn under_faults(env: TestWorkflowEnvironment) -> TestResult {
    keep(&env).await
}
