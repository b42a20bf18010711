//! The attempts that run, and the records of their calls.

use super::*;
use crate::activity::{CallLog, current};

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
    let log = CallLog::default();
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
fn code_that_an_activity_calls_can_learn_the_current_attempt() {
    let mut definitions = ActivityDefinitions::default();
    definitions
        .mock(&Shop::greet, |call| async move {
            let now = current().expect("an activity runs");
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
    assert!(current().is_none());
}

#[test]
fn a_local_activity_has_cores_times_and_resolves_for_its_workflow() {
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
