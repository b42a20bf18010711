//! The outcomes of attempts.

use super::*;

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
fn a_panic_is_an_application_failure_with_the_sdks_message() {
    let outcome = run(&shop(), attempt("Shop::break_down", payloads(&())));
    let ActivityOutcome::Panicked { failure, message } = outcome else {
        panic!("it should have panicked: {outcome:?}")
    };
    assert_eq!(message, "out of paper");
    assert_eq!(failure.message, "Activity function panicked: out of paper");
}

#[test]
fn a_mock_that_panics_fails_the_test_and_not_the_attempt() {
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
fn an_input_of_another_type_fails_the_attempt() {
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
fn an_activity_that_completes_elsewhere_has_an_outcome_of_its_own() {
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
fn an_attempt_that_is_cancelled_before_it_starts_learns_of_it() {
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
