//! Workflow tasks that fail: on purpose, or because the workflow uses forbidden functions.

use std::sync::atomic::{AtomicU32, Ordering};

use durasim::{advanced::WorldOptions, prelude::*, report::FailureCode};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::EventType;
use temporalio_sdk::{WorkflowContext, WorkflowResult};

use crate::features::on;

/// Fails its first task on purpose, to be moved to another worker.
#[workflow]
#[derive(Default)]
struct Mover;

static MOVES: AtomicU32 = AtomicU32::new(0);

#[workflow_methods]
impl Mover {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
        if MOVES.fetch_add(1, Ordering::SeqCst) == 0 {
            ctx.force_task_fail("not on this worker");
        }
        Ok("moved".to_owned())
    }
}

#[workflow_test(core_replay = true)]
async fn a_workflow_may_fail_its_task(env: TestWorkflowEnvironment) -> TestResult {
    MOVES.store(0, Ordering::SeqCst);
    env.worker("queue").workflow::<Mover>().start()?;
    let mover = env
        .client()
        .start_workflow(Mover::run, (), on("mover"))
        .await?;
    assert_eq!(mover.get_result(Default::default()).await?, "moved");
    let types = env.history("mover").event_types();
    assert_eq!(
        types
            .iter()
            .filter(|kind| **kind == EventType::WorkflowTaskFailed)
            .count(),
        1
    );
    assert!(
        env.history("mover")
            .outline()
            .contains("not on this worker")
    );
    Ok(())
}

/// Waits on a channel of another library.
#[workflow]
#[derive(Default)]
struct Channel;

#[workflow_methods]
impl Channel {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<u32> {
        let (sender, receiver) = futures::channel::oneshot::channel();
        let sends = async move { sender.send(7) };
        let (received, _, _) = futures::join!(receiver, sends, ctx.timer(Duration::from_secs(1)));
        Ok(received.unwrap_or_default())
    }
}

/// Sleeps with Tokio instead of the SDK.
#[workflow]
#[derive(Default)]
struct Sleeper;

#[workflow_methods]
impl Sleeper {
    #[run]
    async fn run(_ctx: &mut WorkflowContext<Self>) -> WorkflowResult<()> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(())
    }
}

fn failure(world: &'static durasim::advanced::Body) -> String {
    let failure = durasim::advanced::run_world(world, &WorldOptions::default())
        .failure
        .expect("it is detected");
    assert_eq!(failure.code, FailureCode::Replay);
    // The failure is broken into lines for the report.
    failure
        .render(durasim::report::Colors::Off)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// The message is that of the SDK.
#[test]
fn a_wake_from_outside_the_sdk_is_detected() {
    let text = failure(&|env| {
        Box::pin(async move {
            env.worker("queue").workflow::<Channel>().start()?;
            let channel = env
                .client()
                .start_workflow(Channel::run, (), on("channel"))
                .await?;
            channel.get_result(Default::default()).await?;
            Ok(())
        })
    });
    assert!(
        text.contains(
            "[TMPRL1100] Nondeterministic future detected: a waker was invoked by a non-SDK"
        ),
        "{text}"
    );
}

/// The sleep wakes the workflow when there is no task to fail: with the SDK's worker the workflow
/// hangs.
#[test]
fn a_tokio_sleep_is_detected() {
    let text = failure(&|env| {
        Box::pin(async move {
            env.worker("queue").workflow::<Sleeper>().start()?;
            let sleeper = env
                .client()
                .start_workflow(Sleeper::run, (), on("sleeper"))
                .await?;
            sleeper.get_result(Default::default()).await?;
            Ok(())
        })
    });
    assert!(
        text.contains(
            "[TMPRL1100] Nondeterministic future detected: a waker was invoked by a non-SDK"
        ),
        "{text}"
    );
}

/// The detection can be switched off, as in the SDK; durasim's checks then skip it too.
#[workflow_test(core_replay = true)]
async fn the_detection_can_be_switched_off(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<Channel>()
        .options(|options| options.detect_nondeterministic_futures = false)
        .start()?;
    let channel = env
        .client()
        .start_workflow(Channel::run, (), on("channel"))
        .await?;
    assert_eq!(channel.get_result(Default::default()).await?, 7);
    Ok(())
}
