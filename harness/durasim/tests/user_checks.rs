//! Checks with closures of the test: failures in them, and the lines at which they are reported.

mod common;
mod failing;

use std::collections::BTreeMap;

use durasim::{advanced::TestOptions, prelude::*, report::FailureCode};
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
        ("invariant \"sum\"", |env| {
            env.invariant("sum", || -> bool { panic!("no sum") });
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
