//! Code that never comes back to its world: each such test ends, and names the code.
//!
//! The loops end with the process: their threads cannot be stopped.

use std::time::SystemTime;

use durasim::{advanced::TestOptions, prelude::*, report::Failure};
use futures::{FutureExt, future::LocalBoxFuture};
use pretty_assertions::assert_eq;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use crate::{
    common::{Greeter, Greetings},
    failing::report_with,
    greets, on,
};

/// Loops without an await, at a low price.
fn loops() {
    loop {
        std::thread::park_timeout(Duration::from_hours(1));
    }
}

/// Loops in workflow code.
#[workflow]
#[derive(Default)]
struct Loops;

#[workflow_methods]
impl Loops {
    #[run]
    async fn run(_ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        loops();
        Ok(())
    }
}

/// Loops if the wall clock is another than that of its first run.
#[workflow]
#[derive(Default)]
struct LoopsLater;

#[workflow_methods]
impl LoopsLater {
    #[run]
    async fn run(_ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        let since = SystemTime::UNIX_EPOCH + Duration::from_hours(24 * 365 * 55);
        #[allow(clippy::disallowed_methods, reason = "the clock is the point")]
        if SystemTime::now() > since {
            loops();
        }
        Ok(())
    }
}

struct Busy;

#[activities]
impl Busy {
    #[activity(name = "Greetings::greet")]
    async fn greet(_ctx: ActivityContext, name: String) -> Result<String, ActivityError> {
        loops();
        Ok(name)
    }
}

/// Returns the failure of a test whose code may keep its thread for a moment only.
fn failure(
    test: impl Fn(TestWorkflowEnvironment) -> LocalBoxFuture<'static, TestResult>
    + Send
    + Sync
    + 'static,
) -> Failure {
    let limits = Limits {
        max_stall_ms: 300,
        ..Limits::default()
    };
    let report = report_with(TestOptions::new().limits(limits), test);
    assert_eq!(report.found.spent.shrink_runs, 0);
    report.failure
}

/// Asserts that a failure names this code, and the line of the loop.
fn assert_names(failure: &Failure, code: &str) {
    assert_eq!(
        (failure.code.code(), failure.what.as_str()),
        (
            "DS004",
            format!("{code} has kept the thread of its world for 300ms of real time").as_str()
        )
    );
    if cfg!(all(target_os = "linux", target_env = "gnu")) {
        let line = failure.location.as_ref().expect("the line of the loop");
        assert!(line.file.ends_with("watch.rs"), "{failure}");
        let message = failure.message.as_ref().expect("the stack");
        assert!(message.contains("watch::loops"), "{failure}");
    }
}

#[test]
fn a_loop_in_the_test_ends_with_a_verdict_that_names_the_test() {
    let failure = failure(|_env| {
        async move {
            loops();
            Ok(())
        }
        .boxed_local()
    });
    assert_names(&failure, "the test");
}

#[test]
fn a_loop_in_workflow_code_ends_with_a_verdict_that_names_the_workflow() {
    let failure = failure(|env| {
        async move {
            env.worker("greetings").workflow::<Loops>().start()?;
            let client = env.client();
            let handle = client
                .start_workflow(Loops::run, (), on("greetings"))
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok(())
        }
        .boxed_local()
    });
    assert_names(&failure, "workflow code of Loops#1");
}

/// A loop in a replay: the world itself has come to its end.
#[test]
fn a_loop_in_a_replay_ends_with_a_verdict_that_names_the_workflow() {
    if !cfg!(all(target_os = "linux", target_env = "gnu")) {
        // Without simulated clocks the replay reads the same one.
        return;
    }
    let failure = failure(|env| {
        async move {
            env.worker("greetings").workflow::<LoopsLater>().start()?;
            let client = env.client();
            let handle = client
                .start_workflow(LoopsLater::run, (), on("greetings"))
                .await?;
            handle
                .get_result(WorkflowGetResultOptions::default())
                .await?;
            Ok(())
        }
        .boxed_local()
    });
    assert_names(&failure, "workflow code of LoopsLater w-1, in its replay,");
}

#[test]
fn a_loop_in_an_activity_ends_with_a_verdict_that_names_the_activity() {
    let failure = failure(|env| {
        async move {
            env.worker("greetings")
                .workflow::<Greeter>()
                .activity(Busy::greet)
                .start()?;
            greets(&env).await
        }
        .boxed_local()
    });
    assert_names(&failure, "Greeter#1/Greetings::greet");
}

#[test]
fn a_loop_in_a_mock_ends_with_a_verdict_that_names_the_activity() {
    let failure = failure(|env| {
        async move {
            env.worker("greetings")
                .workflow::<Greeter>()
                .mock_activity(Greetings::greet, |call| {
                    loops();
                    async move { Ok(call.input) }
                })
                .start()?;
            greets(&env).await
        }
        .boxed_local()
    });
    assert_names(&failure, "Greeter#1/Greetings::greet");
}

#[test]
fn a_stalled_world_of_a_seed_is_reported_with_the_seed() {
    let limits = Limits {
        max_stall_ms: 300,
        ..Limits::default()
    };
    let options = TestOptions::new().limits(limits).seeds(2);
    let worlds = std::sync::atomic::AtomicU32::new(0);
    let report = report_with(options, move |_env| {
        let world = worlds.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move {
            if world > 0 {
                loops();
            }
        }
        .boxed_local()
    });
    assert_eq!(
        (report.found.seed, report.found.tape.as_ref()),
        (Some(0), None)
    );
}
