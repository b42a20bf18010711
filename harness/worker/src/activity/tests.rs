//! Tests of activities, and the shop whose activities they run.

#![allow(
    clippy::unused_async,
    reason = "activities are async, whether or not they await"
)]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use futures::{FutureExt, executor::block_on};
use serde::{Deserialize, Serialize};
use temporalio_common::{
    ActivityError, UntypedActivity,
    data_converters::{
        GenericPayloadConverter, PayloadConverter, RawValue, SerializationContext,
        TemporalDeserializable, TemporalSerializable,
    },
    error::ApplicationFailure,
};
use temporalio_protos::{
    coresdk::{activity_result::activity_resolution, workflow_commands::ScheduleLocalActivity},
    temporal::api::{
        common::v1::{ActivityType, Payload, Payloads, WorkflowExecution, WorkflowType},
        failure::v1::{Failure, failure::FailureInfo},
        workflowservice::v1::PollActivityTaskQueueResponse,
    },
};
use temporalio_sdk::activities::{ActivityContext, ExecutableActivity, activities};

use super::{
    ActivityAttempt, ActivityCallOutcome, ActivityDefinitions, ActivityFault, ActivityOutcome,
    ActivityRegistrationError, AtHeartbeat, LocalActivityOrigin, payloads::ACTIVITY_CONTEXT,
};
use crate::LocalActivityTask;

mod calls;
mod converters;
mod heartbeats;
mod outcomes;
mod registration;

struct Shop {
    prefix: String,
}

/// Heartbeat details whose type has to be registered.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Progress {
    page: u32,
}

#[activities]
impl Shop {
    #[activity]
    async fn greet(
        self: Arc<Self>,
        _ctx: ActivityContext,
        name: String,
    ) -> Result<String, ActivityError> {
        Ok(format!("{}{name}", self.prefix))
    }

    #[activity]
    async fn describe(ctx: ActivityContext) -> Result<String, ActivityError> {
        let info = ctx.info();
        Ok(format!(
            "{} {:?} {:?} {} attempt {} of {:?} on {}",
            info.activity_id,
            info.workflow_id,
            info.workflow_run_id,
            info.activity_type,
            info.attempt,
            info.workflow_type,
            info.task_queue,
        ))
    }

    #[activity]
    async fn resume(ctx: ActivityContext, step: u32) -> Result<u32, ActivityError> {
        let done: u32 = ctx.heartbeat_details().deserialize()?.unwrap_or(0);
        ctx.record_heartbeat(done + step).await?;
        Ok(done + step)
    }

    #[activity]
    async fn report(ctx: ActivityContext) -> Result<(), ActivityError> {
        ctx.record_heartbeat(Progress { page: 7 }).await?;
        Ok(())
    }

    #[activity]
    async fn wait(ctx: ActivityContext) -> Result<(), ActivityError> {
        ctx.cancelled().await;
        assert!(ctx.is_cancelled());
        Err(ActivityError::cancelled_with_details("stopped".to_owned()))
    }

    #[activity]
    async fn fail(_ctx: ActivityContext) -> Result<(), ActivityError> {
        Err(ActivityError::application(
            ApplicationFailure::builder("no funds".to_owned())
                .type_name("NoFunds".to_owned())
                .non_retryable(true)
                .next_retry_delay(Duration::from_secs(3))
                .details(42_u32)
                .build(),
        ))
    }

    #[activity]
    async fn break_down(_ctx: ActivityContext) -> Result<(), ActivityError> {
        panic!("out of {}", "paper");
    }

    #[activity]
    async fn later(_ctx: ActivityContext) -> Result<(), ActivityError> {
        Err(ActivityError::WillCompleteAsync)
    }
}

fn shop() -> ActivityDefinitions {
    fn register<AD: ExecutableActivity>(definitions: &mut ActivityDefinitions, _: AD) {
        definitions
            .register::<AD>()
            .expect("each is registered once");
    }
    let mut definitions = ActivityDefinitions::default();
    register(&mut definitions, Shop::greet);
    register(&mut definitions, Shop::describe);
    register(&mut definitions, Shop::resume);
    register(&mut definitions, Shop::report);
    register(&mut definitions, Shop::wait);
    register(&mut definitions, Shop::fail);
    register(&mut definitions, Shop::break_down);
    register(&mut definitions, Shop::later);
    definitions
        .implementer(Arc::new(Shop {
            prefix: "Hello, ".into(),
        }))
        .expect("there is one instance of Shop");
    definitions
}

fn payloads<T: TemporalSerializable + 'static>(value: &T) -> Payloads {
    let converter = PayloadConverter::default();
    let context = SerializationContext::new(&ACTIVITY_CONTEXT, &converter);
    Payloads {
        payloads: converter
            .to_payloads(&context, value)
            .expect("it can be serialized"),
    }
}

fn value<T: TemporalDeserializable + 'static>(payloads: &Payloads) -> T {
    let converter = PayloadConverter::default();
    let context = SerializationContext::new(&ACTIVITY_CONTEXT, &converter);
    converter
        .from_payloads(&context, payloads.payloads.clone())
        .expect("it has that type")
}

fn task(activity_type: &str, input: Payloads) -> PollActivityTaskQueueResponse {
    PollActivityTaskQueueResponse {
        task_token: b"token".to_vec(),
        workflow_namespace: "default".into(),
        workflow_type: Some(WorkflowType {
            name: "Visit".into(),
        }),
        workflow_execution: Some(WorkflowExecution {
            workflow_id: "visit-1".into(),
            run_id: "run-1".into(),
        }),
        activity_type: Some(ActivityType {
            name: activity_type.into(),
        }),
        activity_id: "5".into(),
        input: Some(input),
        attempt: 2,
        ..Default::default()
    }
}

fn attempt(activity_type: &str, input: Payloads) -> ActivityAttempt {
    ActivityAttempt::new(task(activity_type, input), "shops", Arc::new(|| 1_000))
}

fn run(definitions: &ActivityDefinitions, attempt: ActivityAttempt) -> ActivityOutcome {
    block_on(
        definitions
            .start(attempt)
            .expect("the activity is registered"),
    )
}

fn result_of(outcome: &ActivityOutcome) -> &Payloads {
    match outcome {
        ActivityOutcome::Completed(Some(result)) => result,
        other => panic!("it should have completed: {other:?}"),
    }
}

fn failure_of(outcome: &ActivityOutcome) -> &Failure {
    match outcome {
        ActivityOutcome::Failed(failure) => failure,
        other => panic!("it should have failed: {other:?}"),
    }
}

/// Runs an attempt, and returns its outcome and its heartbeats.
fn beating(
    definitions: &ActivityDefinitions,
    mut attempt: ActivityAttempt,
) -> (ActivityOutcome, Vec<Payloads>) {
    let beats = Arc::new(Mutex::new(Vec::new()));
    let recorded = beats.clone();
    attempt.heartbeat = Arc::new(move |payloads| {
        recorded
            .lock()
            .expect("no panic")
            .push(Payloads { payloads });
    });
    let outcome = run(definitions, attempt);
    let beats = beats.lock().expect("no panic").clone();
    (outcome, beats)
}
