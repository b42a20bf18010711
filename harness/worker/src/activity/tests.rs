//! Activities as their worker sees them: what goes in, what comes out, what is recorded.

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
    ActivityRegistrationError, LocalActivityOrigin, attempt::ACTIVITY_CONTEXT,
};
use crate::LocalActivityTask;

mod converters;
mod heartbeats;

struct Shop {
    prefix: String,
}

/// Details that nobody could know without being told.
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

#[test]
fn an_activity_with_a_receiver_runs_on_the_instance_of_its_type() {
    let outcome = run(&shop(), attempt("Shop::greet", payloads(&"Ada".to_owned())));
    assert_eq!(value::<String>(result_of(&outcome)), "Hello, Ada");
}

#[test]
fn an_activity_without_a_receiver_needs_no_instance() {
    let mut definitions = ActivityDefinitions::default();
    definitions
        .register::<shop::Describe>()
        .expect("it is registered once");
    definitions
        .check_instances("shops")
        .expect("no instance is needed");

    let outcome = run(&definitions, attempt("Shop::describe", payloads(&())));
    assert_eq!(
        value::<String>(result_of(&outcome)),
        r#"5 Some("visit-1") Some("run-1") Shop::describe attempt 2 of Some("Visit") on shops"#
    );
}

#[test]
fn a_mock_takes_precedence_over_the_activity_it_stands_for() {
    let mut definitions = shop();
    definitions
        .mock(&Shop::greet, |call| async move {
            assert_eq!(call.info().workflow_id.as_deref(), Some("visit-1"));
            assert_eq!((call.attempt, call.started_ms()), (2, 1_000));
            Ok(format!("mocked {}", call.input))
        })
        .expect("it is mocked once");
    let outcome = run(
        &definitions,
        attempt("Shop::greet", payloads(&"Ada".to_owned())),
    );
    assert_eq!(value::<String>(result_of(&outcome)), "mocked Ada");
}

#[test]
fn an_untyped_mock_sees_payloads() {
    let mut definitions = ActivityDefinitions::default();
    definitions
        .mock(&UntypedActivity::new("anything"), |call| async move {
            Ok(RawValue::new(call.input.payloads))
        })
        .expect("it is mocked once");
    let outcome = run(
        &definitions,
        attempt("anything", payloads(&"same".to_owned())),
    );
    assert_eq!(value::<String>(result_of(&outcome)), "same");
}

#[test]
fn a_mock_can_call_the_activity_it_stands_for() {
    let mut definitions = ActivityDefinitions::default();
    definitions
        .mock(&Shop::describe, |call| async move {
            Shop::describe.run(call.context()).await
        })
        .expect("it is mocked once");
    let outcome = run(&definitions, attempt("Shop::describe", payloads(&())));
    assert!(value::<String>(result_of(&outcome)).starts_with("5 Some"));
}

#[test]
fn registering_twice_is_an_error() {
    let mut definitions = shop();
    assert_eq!(
        definitions.register::<shop::Greet>().err(),
        Some(ActivityRegistrationError::DuplicateActivity {
            activity_type: "Shop::greet".into()
        })
    );
    let mut mock = || definitions.mock(&Shop::later, |_| async { Ok(()) }).err();
    assert_eq!(mock(), None);
    assert_eq!(
        mock(),
        Some(ActivityRegistrationError::DuplicateMock {
            activity_type: "Shop::later".into()
        })
    );
    assert!(matches!(
        definitions
            .implementer(Arc::new(Shop {
                prefix: String::new()
            }))
            .err(),
        Some(ActivityRegistrationError::DuplicateImplementer { .. })
    ));
}

#[test]
fn an_unregistered_activity_is_named_with_its_queue_and_what_is_registered() {
    let mut definitions = ActivityDefinitions::default();
    let error = definitions
        .start(attempt("Shop::greet", payloads(&())))
        .err()
        .expect("nothing is registered");
    assert_eq!(
        error.to_string(),
        "activity `Shop::greet` is not registered on task queue `shops`; no activity is; register \
         it with `.activity(..)` or mock it with `.mock_activity(..)`"
    );

    definitions
        .register::<shop::Greet>()
        .and_then(|d| d.mock(&Shop::wait, |_| async { Ok(()) }))
        .expect("once");
    let error = definitions
        .start(attempt("Shop::fail", payloads(&())))
        .err()
        .expect("it is not registered");
    assert_eq!(error.registered, ["Shop::greet", "Shop::wait"]);
    assert!(
        error
            .to_string()
            .contains("registered are `Shop::greet`, `Shop::wait`"),
        "{error}"
    );
}

#[test]
fn a_missing_instance_is_named() {
    let mut definitions = ActivityDefinitions::default();
    definitions.register::<shop::Greet>().expect("once");
    let error = definitions
        .check_instances("shops")
        .expect_err("there is no Shop");
    assert!(
        error
            .missing_instance
            .is_some_and(|name| name.ends_with("Shop"))
    );
    assert!(
        error
            .to_string()
            .contains("give the worker one with `.implementer(..)`"),
        "{error}"
    );
    assert_eq!(
        definitions
            .start(attempt("Shop::greet", payloads(&())))
            .err(),
        Some(error)
    );
}

#[test]
fn an_application_failure_keeps_its_type_delay_and_details() {
    let outcome = run(&shop(), attempt("Shop::fail", payloads(&())));
    let failure = failure_of(&outcome);
    assert_eq!(failure.message, "no funds");
    let Some(FailureInfo::ApplicationFailureInfo(info)) = &failure.failure_info else {
        panic!("it should be an application failure: {failure:?}")
    };
    assert_eq!(
        (info.r#type.as_str(), info.non_retryable),
        ("NoFunds", true)
    );
    assert_eq!(info.next_retry_delay.map(|delay| delay.seconds), Some(3));
    assert_eq!(
        value::<u32>(info.details.as_ref().expect("it has details")),
        42
    );
}

#[test]
fn a_panic_is_an_application_failure_with_the_sdks_wording() {
    let outcome = run(&shop(), attempt("Shop::break_down", payloads(&())));
    let ActivityOutcome::Panicked { failure, message } = outcome else {
        panic!("it should have panicked: {outcome:?}")
    };
    assert_eq!(message, "out of paper");
    assert_eq!(failure.message, "Activity function panicked: out of paper");
}

#[test]
fn a_mock_that_panics_fails_no_attempt_but_the_test() {
    let mut activities = shop();
    activities
        .mock(&Shop::greet, |call| async move {
            assert_eq!(call.input, "Bob");
            Ok(String::new())
        })
        .expect("it is mocked once");
    let outcome = run(&activities, attempt("Shop::greet", payloads(&"Ada")));
    let ActivityOutcome::Fault(ActivityFault::MockPanicked {
        activity_type,
        message,
    }) = outcome
    else {
        panic!("{outcome:?}")
    };
    assert_eq!(activity_type, "Shop::greet");
    assert!(message.contains("left: \"Ada\""), "{message}");
}

#[test]
fn input_of_another_type_fails_the_attempt() {
    let attempt = attempt("Shop::greet", payloads(&7_u32));
    let log = attempt.log.clone();
    let outcome = run(&shop(), attempt);
    assert!(
        failure_of(&outcome)
            .message
            .starts_with("Encoding error: invalid type: integer `7`"),
        "{outcome:?}"
    );
    assert_eq!(log.len(), 1);
}

#[test]
fn completion_by_somebody_else_is_told_apart() {
    assert_eq!(
        run(&shop(), attempt("Shop::later", payloads(&()))),
        ActivityOutcome::WillCompleteAsync
    );
}

#[test]
fn cancellation_wakes_the_activity_and_carries_its_details() {
    let attempt = attempt("Shop::wait", payloads(&()));
    let cancel = attempt.cancel.clone();
    let mut running = shop().start(attempt).expect("it is registered");
    let mut cx = Context::from_waker(futures::task::noop_waker_ref());
    assert!(running.poll_unpin(&mut cx).is_pending());
    cancel.cancel();
    let Poll::Ready(ActivityOutcome::Canceled(Some(details))) = running.poll_unpin(&mut cx) else {
        panic!("it should have been cancelled")
    };
    assert_eq!(value::<String>(&details), "stopped");
}

#[test]
fn an_attempt_cancelled_before_it_starts_sees_so() {
    let mut attempts = [
        attempt("Shop::wait", payloads(&())),
        attempt("mocked", payloads(&())),
    ];
    let mut definitions = shop();
    definitions
        .mock(&UntypedActivity::new("mocked"), |call| async move {
            call.cancelled().await;
            assert!(call.is_cancelled() && call.context().is_cancelled());
            Err(ActivityError::cancelled())
        })
        .expect("it is mocked once");
    for attempt in &mut attempts {
        attempt.cancel.cancel();
    }
    for attempt in attempts {
        assert!(matches!(
            run(&definitions, attempt),
            ActivityOutcome::Canceled(_)
        ));
    }
}

/// Runs an attempt and collects its heartbeats.
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
            .push(Payloads { payloads })
    });
    let outcome = run(definitions, attempt);
    let beats = beats.lock().expect("no panic").clone();
    (outcome, beats)
}

#[test]
fn calls_are_recorded_in_order_with_times_and_outcomes() {
    let clock = Arc::new(AtomicU64::new(500));
    let mut definitions = shop();
    let ticking = clock.clone();
    definitions
        .mock(&Shop::greet, move |call| {
            ticking.fetch_add(20, Ordering::Relaxed);
            async move { Ok(call.input) }
        })
        .expect("it is mocked once");
    let log = super::CallLog::default();
    let start = |activity_type: &str, input| {
        let clock = clock.clone();
        let clock = Arc::new(move || clock.load(Ordering::Relaxed));
        let mut attempt = ActivityAttempt::new(task(activity_type, input), "shops", clock);
        attempt.log = log.clone();
        definitions.start(attempt).expect("it is registered")
    };
    let mut crashed = start("Shop::wait", payloads(&()));
    assert!(
        crashed
            .poll_unpin(&mut Context::from_waker(futures::task::noop_waker_ref()))
            .is_pending()
    );
    block_on(start("Shop::greet", payloads(&"Ada".to_owned())));
    drop(crashed);

    let [waited, greeted] = &log.all()[..] else {
        panic!("there are two calls: {:?}", log.all())
    };
    assert_eq!((waited.started_ms, waited.finished_ms), (500, Some(520)));
    assert_eq!(waited.outcome, ActivityCallOutcome::Abandoned);
    assert_eq!((greeted.started_ms, greeted.finished_ms), (500, Some(520)));
    assert_eq!(
        (greeted.workflow_id.as_str(), greeted.run_id.as_str()),
        ("visit-1", "run-1")
    );
    assert_eq!((greeted.activity_id.as_str(), greeted.attempt), ("5", 2));
    assert_eq!(greeted.input::<String>().expect("it is a string"), "Ada");
    assert_eq!(
        greeted
            .output::<String>()
            .expect("it is a string")
            .as_deref(),
        Some("Ada")
    );
    assert_eq!(log.of_type("Shop::greet").len(), 1);
}

#[test]
fn code_under_an_activity_can_ask_which_attempt_it_serves() {
    let mut definitions = ActivityDefinitions::default();
    definitions
        .mock(&Shop::greet, |call| async move {
            let now = super::current().expect("an activity runs");
            assert_eq!(
                (now.info().attempt, now.call(), now.now_ms()),
                (2, 0, 1_000)
            );
            Ok(call.input)
        })
        .expect("it is mocked once");
    let outcome = run(
        &definitions,
        attempt("Shop::greet", payloads(&"Ada".to_owned())),
    );
    assert!(
        matches!(outcome, ActivityOutcome::Completed(_)),
        "{outcome:?}"
    );
    assert!(super::current().is_none());
}

#[test]
fn a_local_activity_gets_cores_times_and_answers_its_workflow() {
    let mut definitions = ActivityDefinitions::default();
    definitions
        .mock(&Shop::greet, |call| async move {
            let info = call.info();
            assert!(info.is_local);
            let since_epoch = |time: Option<SystemTime>| {
                time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
            };
            assert_eq!(
                since_epoch(info.scheduled_time),
                Some(Duration::from_millis(400))
            );
            assert_eq!(since_epoch(info.started_time), Some(Duration::from_secs(1)));
            assert_eq!(since_epoch(info.deadline), Some(Duration::from_secs(6)));
            call.record_heartbeat(&Progress { page: 1 });
            Ok(format!("{} on {}", call.input, info.task_queue))
        })
        .expect("it is mocked once");
    let schedule = ScheduleLocalActivity {
        activity_id: "1".into(),
        activity_type: "Shop::greet".into(),
        arguments: payloads(&"Ada".to_owned()).payloads,
        start_to_close_timeout: Some(Duration::from_secs(5).try_into().expect("it is short")),
        ..Default::default()
    };
    let task = LocalActivityTask {
        seq: 1,
        attempt: 1,
        after: Duration::ZERO,
        schedule,
    };
    let origin = LocalActivityOrigin {
        namespace: "default".into(),
        task_queue: "shops".into(),
        workflow_type: "Visit".into(),
        execution: WorkflowExecution {
            workflow_id: "visit-1".into(),
            run_id: "run-1".into(),
        },
        requested_ms: 400,
    };
    let attempt = ActivityAttempt::local(task, origin, Arc::new(|| 1_000));
    let (outcome, beats) = beating(&definitions, attempt);
    assert!(beats.is_empty(), "a local activity has no heartbeats");
    assert_eq!(value::<String>(result_of(&outcome)), "Ada on shops");
    let status = outcome
        .into_local_resolution()
        .expect("it completed")
        .status;
    assert!(
        matches!(status, Some(activity_resolution::Status::Completed(_))),
        "{status:?}"
    );
}
