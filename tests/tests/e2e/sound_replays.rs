//! Sound differences between processes that must raise no alarm: maps, codecs, trace ids,
//! deployments.
//!
//! Each test runs worlds in which runs are rebuilt, and replayed in full at the end, as
//! `#[workflow_test]` does.

#![expect(
    clippy::unused_async,
    reason = "an activity that is not async would leave the simulated thread"
)]
#![allow(clippy::disallowed_types, reason = "users pass maps around")]
#![allow(unreachable_pub, reason = "workflows as their users ship them")]
#![allow(clippy::unused_self, reason = "a handler may look away")]

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use durasim::prelude::*;
use futures::{FutureExt, future::BoxFuture};
use temporalio_client::ClientOptions;
use temporalio_common::data_converters::{
    DataConverter, DefaultFailureConverter, PayloadCodec, PayloadConversionError, PayloadConverter,
    SerializationContextData,
};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_protos::temporal::api::common::v1::Payload;
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    workflow_interceptors::{
        CancellableWorkflowOutboundFuture, ScheduleActivityInput, ScheduleActivityResult,
        WorkflowInterceptor, WorkflowInterceptorConstructor, WorkflowInterceptorContext,
        WorkflowNext,
    },
};

use shift::{first, second};

type Prices = HashMap<String, u32>;

struct Shop;

#[activities]
impl Shop {
    #[activity]
    async fn raise(_ctx: ActivityContext, prices: Prices) -> Result<Prices, ActivityError> {
        Ok(prices
            .into_iter()
            .map(|(article, price)| (article, price + 1))
            .collect())
    }
}

fn briefly() -> ActivityOptions {
    ActivityOptions::start_to_close_timeout(Duration::from_secs(30))
}

/// Passes maps as its input, to an activity, from one, and as its result.
#[workflow]
#[derive(Default)]
struct Pricing;

#[workflow_methods]
impl Pricing {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, prices: Prices) -> WorkflowResult<Prices> {
        let raised = ctx.execute_activity(Shop::raise, prices, briefly()).await?;
        ctx.timer(Duration::from_mins(1)).await;
        Ok(ctx.execute_activity(Shop::raise, raised, briefly()).await?)
    }
}

fn prices() -> Prices {
    (0..20)
        .map(|number| (format!("article {number}"), number))
        .collect()
}

#[workflow_test(seeds = 8, faults = FaultProfile::crashes())]
async fn a_map_is_the_same_in_any_order(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("shop")
        .workflow::<Pricing>()
        .activity(Shop::raise)
        .start()?;
    let options = WorkflowStartOptions::new("shop", "pricing").build();
    let pricing = env
        .client()
        .start_workflow(Pricing::run, prices(), options)
        .await?;
    env.observe_result(&pricing);
    pricing
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

/// A codec that hides payloads behind a new key each time, as encryption does with its nonce.
struct Encryption;

impl Encryption {
    fn hide(data: &mut [u8], key: u8) {
        for byte in data {
            *byte ^= key;
        }
    }
}

type Coded = BoxFuture<'static, Result<Vec<Payload>, PayloadConversionError>>;

impl PayloadCodec for Encryption {
    fn encode(&self, _: &SerializationContextData, mut payloads: Vec<Payload>) -> Coded {
        for payload in &mut payloads {
            let nonce = RandomState::new().hash_one(0).to_le_bytes()[0];
            Self::hide(&mut payload.data, nonce);
            payload.data.push(nonce);
        }
        futures::future::ready(Ok(payloads)).boxed()
    }

    fn decode(&self, _: &SerializationContextData, mut payloads: Vec<Payload>) -> Coded {
        for payload in &mut payloads {
            if let Some(nonce) = payload.data.pop() {
                Self::hide(&mut payload.data, nonce);
            }
        }
        futures::future::ready(Ok(payloads)).boxed()
    }
}

fn encrypting() -> DataConverter {
    DataConverter::new(
        PayloadConverter::default(),
        DefaultFailureConverter::default(),
        Encryption,
    )
}

#[workflow_test(seeds = 8, faults = FaultProfile::all())]
async fn payloads_encrypted_with_a_new_key_are_the_same(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("shop")
        .workflow::<Pricing>()
        .activity(Shop::raise)
        .options(|options| options.data_converter = encrypting())
        .start()?;
    let client = env.client_with(
        ClientOptions::new("default")
            .data_converter(encrypting())
            .build(),
    );
    let options = WorkflowStartOptions::new("shop", "pricing").build();
    let pricing = client
        .start_workflow(Pricing::run, prices(), options)
        .await?;
    env.observe_result(&pricing);
    let raised = pricing
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    assert_eq!(raised["article 3"], 5);
    Ok(())
}

/// An interceptor that passes the current span to activities, as tracing does.
struct Tracing;

impl WorkflowInterceptor for Tracing {
    fn schedule_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: ScheduleActivityInput,
        next: WorkflowNext<
            'static,
            ScheduleActivityInput,
            CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        let span = RandomState::new().hash_one(0).to_le_bytes().to_vec();
        input.headers_mut().insert(
            "span".to_owned(),
            Payload {
                data: span,
                ..Payload::default()
            },
        );
        next.run(input)
    }
}

#[workflow_test(seeds = 8, faults = FaultProfile::crashes())]
async fn trace_ids_may_differ(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("shop")
        .workflow::<Pricing>()
        .workflow_interceptor(WorkflowInterceptorConstructor::new(|_| Tracing))
        .activity(Shop::raise)
        .start()?;
    let options = WorkflowStartOptions::new("shop", "pricing").build();
    let pricing = env
        .client()
        .start_workflow(Pricing::run, prices(), options)
        .await?;
    pricing
        .get_result(WorkflowGetResultOptions::default())
        .await?;
    Ok(())
}

/// Two versions of one workflow type: the second passes other inputs, which Core tolerates.
mod shift {
    use super::*;

    pub(super) mod first {
        use super::*;

        #[workflow]
        #[derive(Default)]
        pub struct Shift {
            pub over: bool,
        }

        #[workflow_methods]
        impl Shift {
            #[run(name = "Shift")]
            pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
                let prices = ctx
                    .execute_activity(Shop::raise, Prices::new(), briefly())
                    .await?;
                ctx.wait_condition(|state| state.over).await?;
                ctx.execute_activity(Shop::raise, prices, briefly()).await?;
                Ok(1)
            }

            #[signal(name = "end")]
            pub fn end(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
                self.over = true;
            }
        }
    }

    pub(super) mod second {
        use super::*;

        #[workflow]
        #[derive(Default)]
        pub struct Shift {
            pub over: bool,
        }

        #[workflow_methods]
        impl Shift {
            #[run(name = "Shift")]
            pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
                let more = Prices::from([("tea".to_owned(), 1)]);
                ctx.execute_activity(Shop::raise, more.clone(), briefly())
                    .await?;
                ctx.wait_condition(|state| state.over).await?;
                ctx.execute_activity(Shop::raise, more, briefly()).await?;
                Ok(2)
            }

            #[signal(name = "end")]
            pub fn end(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
                self.over = true;
            }
        }
    }
}

async fn shifts(env: TestWorkflowEnvironment) -> TestResult<Vec<u32>> {
    env.worker("shop")
        .workflow::<first::Shift>()
        .activity(Shop::raise)
        .version("v2", |code| {
            code.workflow::<second::Shift>().activity(Shop::raise)
        })
        .start()?;
    let mut results = Vec::new();
    for number in 1..=2 {
        let options = WorkflowStartOptions::new("shop", format!("shift-{number}")).build();
        let shift = env
            .client()
            .start_workflow(first::Shift::run, (), options)
            .await?;
        env.sleep(Duration::from_hours(8)).await;
        shift
            .signal(first::Shift::end, (), WorkflowSignalOptions::default())
            .await?;
        results.push(
            shift
                .get_result(WorkflowGetResultOptions::default())
                .await?,
        );
    }
    Ok(results)
}

/// The run that is open when the code changes continues with other inputs.
#[workflow_test(faults = Fault::worker_deploy().after_workflow_task())]
async fn a_new_version_may_pass_other_inputs(env: TestWorkflowEnvironment) -> TestResult {
    assert!(matches!(shifts(env).await?.as_slice(), [1 | 2, 1 | 2]));
    Ok(())
}

#[workflow_test(seeds = 16, faults = FaultProfile::all())]
async fn a_new_version_may_pass_other_inputs_at_any_time(
    env: TestWorkflowEnvironment,
) -> TestResult {
    shifts(env).await.map(drop)
}

/// Behaves differently from the first version: no run of that may be open when it is deployed.
#[workflow]
#[derive(Default)]
struct Rewritten;

#[workflow_methods]
impl Rewritten {
    #[run(name = "Shift")]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        ctx.timer(Duration::from_hours(1)).await;
        Ok(3)
    }

    #[signal(name = "end")]
    fn end(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {}
}

/// The new version is not blamed for a run that closed before it was deployed.
#[workflow_test(faults = Fault::worker_deploy().before_workflow_task().at("Shift#2"))]
async fn a_closed_run_is_replayed_by_the_code_that_ran_it(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("shop")
        .workflow::<first::Shift>()
        .activity(Shop::raise)
        .version("v2", |code| {
            code.workflow::<Rewritten>().activity(Shop::raise)
        })
        .start()?;
    for number in 1..=2 {
        let options = WorkflowStartOptions::new("shop", format!("shift-{number}")).build();
        let shift = env
            .client()
            .start_workflow(first::Shift::run, (), options)
            .await?;
        shift
            .signal(first::Shift::end, (), WorkflowSignalOptions::default())
            .await?;
        shift
            .get_result(WorkflowGetResultOptions::default())
            .await?;
    }
    Ok(())
}
