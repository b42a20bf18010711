//! Checks that a test writes itself: what fails in their closures, and where that is told.

mod common;
mod failing;

use common::{Greeter, Greetings, Patience};
use durasim::{Campaign, ChoiceSource, WorldOptions, prelude::*, report::FailureCode};
use failing::failure;
use futures::FutureExt;
use pretty_assertions::assert_eq;
use std::collections::BTreeMap;

fn on(task_queue: &str) -> WorkflowStartOptions {
    WorkflowStartOptions::new(task_queue, "w-1").build()
}

#[test]
fn a_closure_of_a_check_that_panics_fails_the_test_at_its_line() {
    type Check = fn(&TestWorkflowEnvironment);
    let checks: [(&str, Check); 2] = [
        ("observation \"sum\"", |env| {
            env.observe("sum", || -> u32 { panic!("no sum") })
        }),
        ("invariant \"sum\"", |env| {
            env.invariant("sum", || -> bool { panic!("no sum") })
        }),
    ];
    for (what, check) in checks {
        let report = failure(move |env| {
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
        assert!(
            report
                .location
                .as_ref()
                .is_some_and(|line| line.file.ends_with("user_checks.rs")),
            "{report}"
        );
        assert_eq!(report.message.unwrap(), format!("{what}: no sum"));
    }
}

#[test]
fn an_observation_that_differs_is_told_with_the_line_that_observes() {
    let body = |env: TestWorkflowEnvironment| {
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
    };
    let mut options = WorldOptions::default();
    options.faults = Fault::activity_completion_lost().into();
    let report = Campaign::new(&body, options)
        .run(ChoiceSource::Benign)
        .failure
        .expect("it is called twice");
    assert_eq!(report.code, FailureCode::Idempotency);
    let line = report.location.expect("the line is known");
    assert!(line.file.ends_with("user_checks.rs"), "{line:?}");
}

#[test]
fn what_is_observed_must_serialize_and_have_a_name_of_its_own() {
    let report = failure(|env| {
        async move { env.observe("pairs", || BTreeMap::from([((1, 2), 3)])) }.boxed_local()
    });
    let message = report.message.unwrap();
    assert!(
        message.starts_with("what is observed as \"pairs\" does not serialize: "),
        "{message}"
    );

    let report = failure(|env| {
        async move {
            env.observe("sum", || 1);
            env.observe("sum", || 2);
        }
        .boxed_local()
    });
    assert!(
        report
            .location
            .as_ref()
            .is_some_and(|line| line.file.ends_with("user_checks.rs")),
        "{report}"
    );
    assert!(
        report
            .message
            .unwrap()
            .starts_with("\"sum\" is observed twice")
    );
}
