//! `patched`: how a changed workflow distinguishes old runs from new ones.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use durasim::{History, prelude::*};
use pretty_assertions::assert_eq;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::enums::v1::EventType::*;
use temporalio_sdk::{SyncWorkflowContext, WorkflowContext, WorkflowResult};

use super::{on, seconds};

/// Asks for patches before and after it waits, if the deployed code is new.
#[workflow]
struct Patched {
    is_new: Arc<AtomicBool>,
    goes_on: bool,
}

impl Patched {
    fn is_new(&self) -> bool {
        self.is_new.load(Ordering::SeqCst)
    }
}

#[workflow_methods(factory_only)]
impl Patched {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<(bool, bool)> {
        let before = ctx.state(Self::is_new) && ctx.patched("before");
        if before {
            ctx.timer(seconds(1)).await;
        }
        ctx.timer(seconds(1)).await;
        ctx.wait_condition(|state| state.goes_on).await?;
        let again = ctx.state(Self::is_new) && ctx.patched("before");
        assert_eq!(again, before, "a repeated question has the same answer");
        let after = ctx.state(Self::is_new) && ctx.patched("after");
        Ok((before, after))
    }

    #[signal]
    fn go_on(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
        self.goes_on = true;
    }
}

/// Starts a worker that replays at each task, so that every answer is computed again.
fn worker(env: &TestWorkflowEnvironment, is_new: bool) -> Result<Arc<AtomicBool>, TestError> {
    let code = Arc::new(AtomicBool::new(is_new));
    let given = code.clone();
    env.worker("queue")
        .workflow_with_factory(move || Patched {
            is_new: given.clone(),
            goes_on: false,
        })
        .max_cached_workflows(0)
        .start()?;
    Ok(code)
}

/// Returns the markers by name and patch id, each with the versions upserted after it.
fn markers(history: &History) -> Vec<(String, String)> {
    let types = history.event_types();
    let marked = types
        .iter()
        .enumerate()
        .filter(|(_, kind)| **kind == MarkerRecorded)
        .map(|(at, _)| at);
    for at in marked {
        assert_eq!(
            types[at + 1],
            UpsertWorkflowSearchAttributes,
            "the search attribute follows the marker"
        );
    }
    let markers = events!(history, MarkerRecordedEventAttributes);
    let upserts = events!(history, UpsertWorkflowSearchAttributesEventAttributes);
    let versions = upserts.iter().map(|upsert| {
        let fields = &upsert.search_attributes.as_ref().unwrap().indexed_fields;
        String::from_utf8_lossy(&fields["TemporalChangeVersion"].data).into_owned()
    });
    markers
        .iter()
        .map(|marker| marker.marker_name.clone())
        .zip(versions)
        .collect()
}

async fn run(
    env: &TestWorkflowEnvironment,
    deploys: Option<&AtomicBool>,
) -> Result<(bool, bool), TestError> {
    let one = env
        .client()
        .start_workflow(Patched::run, (), on("one"))
        .await?;
    env.sleep(seconds(10)).await;
    if let Some(code) = deploys {
        code.store(true, Ordering::SeqCst);
    }
    one.signal(Patched::go_on, (), WorkflowSignalOptions::default())
        .await?;
    Ok(one.get_result(WorkflowGetResultOptions::default()).await?)
}

#[workflow_test(core_replay = true)]
async fn a_patch_is_a_marker_and_then_a_search_attribute(
    env: TestWorkflowEnvironment,
) -> TestResult {
    worker(&env, true)?;
    assert_eq!(run(&env, None).await?, (true, true));
    assert_eq!(
        markers(&env.history("one")),
        [
            ("core_patch".to_owned(), r#"["before"]"#.to_owned()),
            ("core_patch".to_owned(), r#"["after","before"]"#.to_owned())
        ],
        "one marker for each patch; the attribute is sorted"
    );
    Ok(())
}

#[workflow_test(core_replay = true)]
async fn a_run_that_passed_without_the_patch_stays_without_it(
    env: TestWorkflowEnvironment,
) -> TestResult {
    let code = worker(&env, false)?;
    assert_eq!(
        run(&env, Some(&code)).await?,
        (false, true),
        "the run gets the patch that it has not passed yet"
    );
    assert_eq!(
        markers(&env.history("one")),
        [("core_patch".to_owned(), r#"["after"]"#.to_owned())]
    );
    Ok(())
}

/// Each task replays the run. The marker comes after the task's events, but Core knows it before
/// workflow code asks.
#[workflow_test(seeds = 4, core_replay = true)]
async fn a_replay_knows_markers_before_workflow_code_asks(
    env: TestWorkflowEnvironment,
) -> TestResult {
    worker(&env, true)?;
    assert_eq!(run(&env, None).await?, (true, true));
    assert_eq!(
        events!(env.history("one"), TimerStartedEventAttributes).len(),
        2,
        "the run takes the path of the patch"
    );
    Ok(())
}
