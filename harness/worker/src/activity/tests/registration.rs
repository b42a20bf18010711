//! Activities and mocks as they are registered and found.

use super::*;

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
fn an_unregistered_activity_is_reported_with_its_queue_and_what_is_registered() {
    let mut definitions = ActivityDefinitions::default();
    let error = definitions
        .start(attempt("Shop::greet", payloads(&())))
        .err()
        .expect("nothing is registered");
    assert_eq!(
        error.to_string(),
        "activity `Shop::greet` is not registered on task queue `shops`; no activity is registered \
         there; register it with `.activity(..)` or mock it with `.mock_activity(..)`"
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
fn a_missing_instance_is_reported_with_its_type() {
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
