//! Versions of code: patches, and deploys in the middle of runs.

use durasim::{
    advanced::{ChoiceSource, WorldOptions},
    prelude::*,
    report::FailureCode,
};
use futures::future::LocalBoxFuture;
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_common::search_attributes::SearchAttributeKey;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::{
    enums::v1::EventType, history::v1::history_event::Attributes,
};
use temporalio_sdk::{SyncWorkflowContext, WorkflowContext, WorkflowResult};

use super::on;

/// The first version; later versions have the same workflow type.
#[workflow]
#[derive(Default)]
struct V1 {
    go: bool,
}

/// A version with a pause at the patch.
#[workflow]
#[derive(Default)]
struct V2 {
    go: bool,
}

/// A version for a time without runs of the first version: the patch is deprecated.
#[workflow]
#[derive(Default)]
struct V3 {
    go: bool,
}

/// A version without the patch, although open runs may have its marker.
#[workflow]
#[derive(Default)]
struct V4 {
    go: bool,
}

macro_rules! version {
    ($version:ident, |$ctx:ident| $body:expr) => {
        #[workflow_methods]
        impl $version {
            #[run(name = "V1")]
            async fn run($ctx: &mut WorkflowContext<Self>) -> WorkflowResult<String> {
                $ctx.timer(Duration::from_mins(1)).await;
                let did: &str = $body;
                $ctx.wait_condition(|state| state.go).await?;
                Ok(did.to_owned())
            }

            #[signal]
            fn go(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
                self.go = true;
            }
        }
    };
}

version!(V1, |ctx| "old");
version!(V2, |ctx| {
    if ctx.patched("pause") {
        ctx.timer(Duration::from_mins(2)).await;
        "new"
    } else {
        "old"
    }
});
version!(V3, |ctx| {
    ctx.deprecate_patch("pause");
    ctx.timer(Duration::from_mins(2)).await;
    "new"
});
version!(V4, |ctx| {
    ctx.timer(Duration::from_mins(2)).await;
    "new"
});

async fn finish(env: &TestWorkflowEnvironment) -> TestResult<String> {
    let run = env.client().get_workflow_handle::<V1>("run");
    run.signal(V1::go, (), Default::default()).await?;
    Ok(run.get_result(Default::default()).await?)
}

/// Returns the names of the markers in the history.
fn markers(env: &TestWorkflowEnvironment) -> Vec<String> {
    let history = env.history("run");
    let name = |attributes: &Attributes| match attributes {
        Attributes::MarkerRecordedEventAttributes(marker) => Some(marker.marker_name.clone()),
        _ => None,
    };
    history
        .events()
        .iter()
        .filter_map(|event| event.attributes.as_ref().and_then(name))
        .collect()
}

const CHANGES: SearchAttributeKey<Vec<String>> =
    SearchAttributeKey::keyword_list("TemporalChangeVersion");

feature! {
    /// The patch has a marker in the history and can be searched for.
    [V2]
    async fn a_new_run_has_the_patch(env) {
        env.worker("queue").workflow::<V2>().start()?;
        let run = env.client().start_workflow(V1::run, (), on("run")).await?;
        assert_eq!(finish(&env).await?, "new");
        assert_eq!(markers(&env), ["core_patch"]);
        let described = run.describe(Default::default()).await?;
        assert_eq!(
            described.search_attributes().get(&CHANGES),
            Some(vec!["pause".to_owned()])
        );
        Ok(())
    }
}

feature! {
    /// The marker stays while runs may need it, but the search attribute is no longer needed.
    [V3]
    async fn a_deprecated_patch_still_leaves_a_marker(env) {
        env.worker("queue").workflow::<V3>().start()?;
        env.client().start_workflow(V1::run, (), on("run")).await?;
        assert_eq!(finish(&env).await?, "new");
        assert_eq!(markers(&env), ["core_patch"]);
        Ok(())
    }
}

/// Deploys the next version when a run's last version has recorded this many tasks.
fn deployed_after(tasks: u32) -> Fault {
    Fault::worker_deploy()
        .after_workflow_task()
        .of_workflow(V1::run)
        .nth(tasks)
}

#[workflow_test(core_replay = true, faults = deployed_after(2))]
async fn a_run_past_the_patch_stays_without_it(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<V1>()
        .version("v2", |code| code.workflow::<V2>())
        .start()?;
    env.client().start_workflow(V1::run, (), on("run")).await?;
    env.sleep(Duration::from_hours(1)).await;
    assert_eq!(finish(&env).await?, "old");
    assert!(markers(&env).is_empty());
    Ok(())
}

#[workflow_test(core_replay = true, faults = deployed_after(1))]
async fn a_run_that_comes_to_the_patch_later_has_it(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<V1>()
        .version("v2", |code| code.workflow::<V2>())
        .start()?;
    env.client().start_workflow(V1::run, (), on("run")).await?;
    env.sleep(Duration::from_hours(1)).await;
    let done = finish(&env).await?;
    env.sometimes(
        "the deploy was in time",
        done == "new" && markers(&env) == ["core_patch"],
    );
    Ok(())
}

#[workflow_test(core_replay = true, faults = deployed_after(2))]
async fn a_run_with_the_patch_continues_when_it_is_deprecated(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<V2>()
        .version("v3", |code| code.workflow::<V3>())
        .start()?;
    env.client().start_workflow(V1::run, (), on("run")).await?;
    env.sleep(Duration::from_hours(1)).await;
    assert_eq!(finish(&env).await?, "new");
    Ok(())
}

#[workflow_test(core_replay = true, faults = deployed_after(2))]
async fn a_run_with_the_deprecated_patch_continues_without_it(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<V3>()
        .version("v4", |code| code.workflow::<V4>())
        .start()?;
    env.client().start_workflow(V1::run, (), on("run")).await?;
    env.sleep(Duration::from_hours(1)).await;
    assert_eq!(finish(&env).await?, "new");
    Ok(())
}

/// Runs worlds with a deploy between two versions at any moment; returns a report of
/// nondeterminism, if one failed with it.
fn breaks(world: &durasim::advanced::Body) -> Option<String> {
    let mut options = WorldOptions::default();
    options.faults = FaultProfile::none().with(FaultKind::WorkerDeploy);
    (0..32).find_map(|seed| {
        options.choices = ChoiceSource::Seed(seed);
        let failure = durasim::advanced::run_world(world, &options).failure?;
        assert_eq!(
            failure.code,
            FailureCode::Replay,
            "{}",
            failure.render(durasim::report::Colors::Off)
        );
        Some(failure.render(durasim::report::Colors::Off))
    })
}

#[test]
fn a_patch_that_is_removed_too_early_is_reported() {
    let text = breaks(&|env| {
        Box::pin(async move {
            env.worker("queue")
                .workflow::<V2>()
                .version("v4", |code| code.workflow::<V4>())
                .start()?;
            env.client().start_workflow(V1::run, (), on("run")).await?;
            env.sleep(Duration::from_hours(1)).await;
            finish(&env).await?;
            Ok(())
        })
    });
    let text = text.expect("some deploy comes between the marker and the end");
    assert!(
        text.contains("core_patch") || text.contains("TMPRL1100"),
        "{text}"
    );
}

#[test]
fn code_that_changes_without_a_patch_is_reported() {
    // Core rejects a removed timer too. It tolerates a new timer at the end of a task, unless the
    // next event of the history belongs to another command.
    let worlds: [fn(&TestWorkflowEnvironment) -> TestResult; 2] = [
        |env| {
            Ok(env
                .worker("queue")
                .workflow::<V4>()
                .version("v1", |code| code.workflow::<V1>())
                .start()?)
        },
        |env| {
            Ok(env
                .worker("queue")
                .workflow::<V1>()
                .version("v4", |code| code.workflow::<V4>())
                .start()?)
        },
    ];
    for start in worlds {
        let text = breaks(&move |env| {
            Box::pin(async move {
                start(&env)?;
                env.client().start_workflow(V1::run, (), on("run")).await?;
                env.sleep(Duration::from_hours(1)).await;
                finish(&env).await?;
                Ok(())
            })
        });
        let text = text.expect("some deploy comes between the timer and the end");
        assert!(text.contains("DS101"), "{text}");
    }
}

/// Asks for the same patch twice, and for another patch in between.
#[workflow]
#[derive(Default)]
struct Twice;

#[workflow_methods]
impl Twice {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Vec<bool>> {
        let mut asked = vec![ctx.patched("one"), ctx.patched("one")];
        ctx.timer(Duration::from_secs(1)).await;
        asked.push(ctx.patched("two"));
        asked.push(ctx.patched("one"));
        Ok(asked)
    }
}

feature! {
    [Twice]
    async fn a_patch_has_one_marker(env) {
        env.worker("queue").workflow::<Twice>().start()?;
        let run = env
            .client()
            .start_workflow(Twice::run, (), on("run"))
            .await?;
        assert_eq!(
            run.get_result(Default::default()).await?,
            [true, true, true, true]
        );
        assert_eq!(markers(&env), ["core_patch", "core_patch"]);
        let upserts = env.history("run").event_types();
        let upserts = upserts
            .iter()
            .filter(|kind| **kind == EventType::UpsertWorkflowSearchAttributes);
        assert_eq!(upserts.count(), 2);
        let described = run.describe(Default::default()).await?;
        let mut changes = described
            .search_attributes()
            .get(&CHANGES)
            .unwrap_or_default();
        changes.sort_unstable();
        assert_eq!(changes, ["one", "two"]);
        Ok(())
    }
}

/// A rollout may be held back: a run that reaches the patch then stays without it.
#[workflow_test(core_replay = true)]
async fn a_patch_may_be_held_back(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<V2>()
        .options(|options| {
            options.patch_activation_callback = Some(std::sync::Arc::new(|asked| {
                asked.workflow_info.workflow_id() != "run"
            }));
        })
        .start()?;
    let client = env.client();
    client.start_workflow(V1::run, (), on("run")).await?;
    assert_eq!(finish(&env).await?, "old");
    assert!(markers(&env).is_empty());
    let other = client.start_workflow(V1::run, (), on("other")).await?;
    other.signal(V1::go, (), Default::default()).await?;
    assert_eq!(other.get_result(Default::default()).await?, "new");
    Ok(())
}

/// A worker may be configured so that nondeterminism fails a workflow, of any type or of some
/// types.
#[test]
fn nondeterminism_fails_the_workflow_if_so_configured() {
    use durasim::WorkflowErrorType::Nondeterminism;
    for of_types in [false, true] {
        let world = move |env: TestWorkflowEnvironment| -> LocalBoxFuture<'static, TestResult> {
            Box::pin(async move {
                let tell = move |options: &mut durasim::WorkflowWorkerOptions| {
                    if of_types {
                        let errors = [Nondeterminism].into();
                        options
                            .workflow_types_to_failure_errors
                            .insert("V1".to_owned(), errors);
                    } else {
                        options.workflow_failure_errors.insert(Nondeterminism);
                    }
                };
                env.worker("queue")
                    .workflow::<V4>()
                    .options(tell)
                    .version("v1", move |code| code.workflow::<V1>().options(tell))
                    .start()?;
                let run = env.client().start_workflow(V1::run, (), on("run")).await?;
                // The second timer, which the first version does not have, fires.
                let end = run.get_result(Default::default()).await;
                let Err(WorkflowGetResultError::Failed(failure)) = end else {
                    return Err(TestError::new(format!("{end:?}")));
                };
                assert!(failure.to_string().contains("[TMPRL1100]"), "{failure}");
                Ok(())
            })
        };
        let mut options = WorldOptions::default();
        options.faults = deployed_after(2).into();
        options.choices = ChoiceSource::Seed(0);
        let failure = durasim::advanced::run_world(&world, &options).failure;
        assert!(
            failure.is_none(),
            "{}",
            failure.unwrap().render(durasim::report::Colors::Off)
        );
    }
}
