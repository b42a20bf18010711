//! The pages that the browser opens.

use std::{
    fs,
    path::{Path, PathBuf},
};

use durasim::{
    History,
    advanced::{Campaign, View, WorldOptions, body, view_of},
    prelude::*,
};
use scenarios::registry;
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

/// Returns the folder of pages and screenshots.
pub(crate) fn folder() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent();
    let folder = target.expect("the target folder").join("view-test");
    fs::create_dir_all(&folder).expect("target can be written");
    folder
}

/// Writes a page. Returns its file.
pub(crate) fn write(name: &str, page: &str) -> PathBuf {
    let file = folder().join(format!("{name}.html"));
    fs::write(&file, page).expect("target can be written");
    file
}

/// Returns a campaign over a scenario with all its faults, whose failures are drawn.
fn campaign(name: &str) -> Campaign<'static> {
    let scenario = registry::find(name).expect("a scenario");
    let mut options = WorldOptions::default();
    options.faults = scenario.faults();
    options.draws = true;
    Campaign::new(&scenario.world, options)
}

/// Returns the world in which a customer is charged twice.
pub(crate) fn charged_twice() -> View {
    let campaign = campaign("flawed/charge_without_key");
    let mut seeds = (0..200).map(|seed| campaign.seed(seed));
    let failed = seeds.find(|world| world.failure.is_some());
    let report = campaign.shrink(&failed.expect("one of the seeds fails"));
    let mut view = report.view().expect("a picture");
    "flawed/charge_without_key".clone_into(&mut view.title);
    view
}

/// Returns a world with children, signals between workflows, and faults.
pub(crate) fn order() -> View {
    let campaign = campaign("order");
    let mut view = campaign.view(&campaign.seed(4));
    "order".clone_into(&mut view.title);
    view
}

/// Returns a world that lasts two months.
pub(crate) fn a_month() -> View {
    let campaign = campaign("renewal");
    let mut view = campaign.view(&campaign.seed(3));
    "renewal".clone_into(&mut view.title);
    view
}

/// Returns the histories of an order, as a file has them.
pub(crate) fn histories() -> View {
    let campaign = campaign("order");
    let histories: Vec<_> = campaign
        .fault_free()
        .histories
        .iter()
        .map(|history| History::from_json(history.to_json()).expect("a history"))
        .collect();
    view_of("order.json", &histories)
}

struct Chores;

#[activities]
impl Chores {
    #[activity]
    async fn sweep(_ctx: ActivityContext, room: u32) -> Result<String, ActivityError> {
        Ok(format!("room {room} is clean"))
    }
}

#[workflow]
#[derive(Default)]
struct House;

#[workflow_methods]
impl House {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, rooms: u32) -> WorkflowResult<u32> {
        for room in 0..rooms {
            let options = ActivityOptions::start_to_close_timeout(Duration::from_mins(1));
            ctx.execute_activity(Chores::sweep, room, options).await?;
        }
        Ok(rooms)
    }
}

/// Returns a world of ten thousand events.
pub(crate) fn ten_thousand_events() -> View {
    let test = body(|env: TestWorkflowEnvironment| async move {
        env.worker("house")
            .workflow::<House>()
            .activity(Chores::sweep)
            .start()?;
        let options = WorkflowStartOptions::new("house", "house-1").build();
        let house = env
            .client()
            .start_workflow(House::run, 1_700, options)
            .await?;
        house
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        TestResult::Ok(())
    });
    let mut options = WorldOptions::default();
    options.replay = false;
    let campaign = Campaign::new(&test, options);
    let mut view = campaign.view(campaign.fault_free());
    "ten thousand events".clone_into(&mut view.title);
    view
}

#[workflow]
#[derive(Default)]
struct Echo;

#[workflow_methods]
impl Echo {
    #[run]
    async fn run(_ctx: &mut WorkflowContext<Self>, text: String) -> WorkflowResult<String> {
        Ok(text)
    }
}

/// Returns a world whose payloads try to leave the page.
pub(crate) fn hostile() -> View {
    const TEXT: &str = "</script><script>alert(1)</script><img src=x onerror='window.hacked=1'> \
                        \u{2028}\u{2029} \"'`${1} <!-- ]]>";
    let test = body(|env: TestWorkflowEnvironment| async move {
        env.worker("echo").workflow::<Echo>().start()?;
        let options = WorkflowStartOptions::new("echo", "<b>\"echo\"</b>").build();
        let echo = env
            .client()
            .start_workflow(Echo::run, TEXT.to_owned(), options)
            .await?;
        echo.get_result(WorkflowGetResultOptions::default()).await?;
        TestResult::Ok(())
    });
    let campaign = Campaign::new(&test, WorldOptions::default());
    let mut view = campaign.view(campaign.fault_free());
    "<h1>hostile</h1>".clone_into(&mut view.title);
    view
}
