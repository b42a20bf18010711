//! Checks with closures of the test: failures in them, and the lines at which they are reported.

mod common;
mod failing;

use std::collections::BTreeMap;

use durasim::{
    advanced::TestOptions,
    prelude::*,
    report::{FailureCode, FailureReport},
};
use futures::FutureExt;
use pretty_assertions::assert_eq;

use common::{Greeter, Greetings, Patience};
use failing::{failure, report_with};

fn on(task_queue: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new(task_queue, "w-1").build()
}

#[test]
fn a_closure_of_a_check_that_panics_fails_the_test_at_its_line() {
    type Check = fn(&TestWorkflowEnvironment);
    let checks: [(&str, Check); 2] = [
        ("observation \"sum\"", |env| {
            env.observe("sum", || -> u32 { panic!("no sum") });
        }),
        ("observation \"product\"", |env| {
            env.observe("product", || -> u32 { panic!("no sum") });
        }),
    ];
    for (what, check) in checks {
        let failed = failure(move |env| {
            async move {
                check(&env);
                env.worker("patience").workflow::<Patience>().start()?;
                let handle = env
                    .client()
                    .start_workflow(Patience::run, 1, on("patience"))
                    .await?;
                handle
                    .get_result(WorkflowGetResultOptions::default())
                    .await?;
                Ok::<_, TestError>(())
            }
            .boxed_local()
        });
        let line = failed.location.as_ref();
        assert!(
            line.is_some_and(|line| line.file.ends_with("user_checks.rs")),
            "{failed}"
        );
        assert_eq!(failed.message.unwrap(), format!("{what}: no sum"));
    }
}

/// Returns the failure of a world in which `check` is broken: each greeting is recorded, and the
/// answer to the first attempt is lost.
fn greeted_twice(check: fn(&TestWorkflowEnvironment, EffectLedger<String>)) -> FailureReport {
    let options = TestOptions::new().faults(Fault::activity_completion_lost());
    report_with(options, move |env| {
        async move {
            let letters = EffectLedger::new("letters");
            check(&env, letters.clone());
            env.worker("greetings")
                .workflow::<Greeter>()
                .mock_activity(Greetings::greet, move |call| {
                    letters.apply(call.input.clone());
                    async move { Ok(call.input) }
                })
                .start()?;
            let handle = env
                .client()
                .start_workflow(Greeter::run, "you".to_owned(), on("greetings"))
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    })
}

#[test]
fn an_invariant_shows_what_its_closure_read_and_the_last_events() {
    insta::assert_snapshot!(greeted_twice(|env, letters| {
        env.invariant("one letter at most", move || letters.len() <= 1);
    }));
}

#[test]
fn an_invariant_that_compares_a_pair_shows_both_values() {
    insta::assert_snapshot!(greeted_twice(|env, letters| {
        env.invariant("letters have receivers", move || {
            let letters = letters.effects();
            let mut receivers = letters.clone();
            receivers.dedup();
            (letters, receivers)
        });
    }));
}

#[test]
fn an_invariant_may_assert_and_shows_the_message_and_its_line() {
    let report = greeted_twice(|env, letters| {
        env.invariant("one letter at most", move || {
            assert!(letters.len() <= 1, "{} letters", letters.len());
        });
    });
    let failure = report.failure;
    assert_eq!(failure.code, FailureCode::Invariant);
    let line = failure
        .location
        .as_ref()
        .expect("the line of the assertion");
    assert!(line.file.ends_with("user_checks.rs"), "{failure}");
    let message = failure.message.as_deref().unwrap_or_default();
    assert!(message.starts_with("2 letters\n"), "{failure}");
}

#[test]
fn an_invariant_that_only_says_false_is_told_how_to_show_its_values() {
    let report = greeted_twice(|env, _| env.invariant("never", || false));
    let remedy = report.failure.remedy.expect("a remedy of its own");
    assert!(
        remedy.contains("return a pair that must be equal"),
        "{remedy}"
    );
}

#[test]
fn an_observation_that_differs_is_reported_at_the_line_that_observes() {
    let options = TestOptions::new().faults(Fault::activity_completion_lost());
    let report = report_with(options, |env| {
        async move {
            let calls = EffectLedger::new("calls");
            let seen = calls.clone();
            env.observe("calls", move || seen.len());
            env.worker("greetings")
                .workflow::<Greeter>()
                .mock_activity(Greetings::greet, move |call| {
                    calls.apply(call.input.clone());
                    async move { Ok(call.input) }
                })
                .start()?;
            let handle = env
                .client()
                .start_workflow(Greeter::run, "you".to_owned(), on("greetings"))
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok::<_, TestError>(())
        }
        .boxed_local()
    });
    assert_eq!(report.failure.code, FailureCode::Idempotency);
    let line = report.failure.location.expect("the line is known");
    assert!(line.file.ends_with("user_checks.rs"), "{line:?}");
}

#[test]
fn an_observation_must_serialize_and_have_a_name_of_its_own() {
    let failed = failure(|env| {
        async move { env.observe("pairs", || BTreeMap::from([((1, 2), 3)])) }.boxed_local()
    });
    let message = failed.message.unwrap();
    assert!(
        message.starts_with("what is observed as \"pairs\" does not serialize: "),
        "{message}"
    );

    let failure = failure(|env| {
        async move {
            env.observe("sum", || 1);
            env.observe("sum", || 2);
        }
        .boxed_local()
    });
    let line = failure.location.as_ref();
    assert!(
        line.is_some_and(|line| line.file.ends_with("user_checks.rs")),
        "{failure}"
    );
    let message = failure.message.unwrap();
    assert!(
        message.starts_with("\"sum\" is observed twice"),
        "{message}"
    );
}
