//! The slots of a worker: the tasks that it takes at once, which are a hundred of each kind by
//! default.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::SystemTime,
};

use durasim::{
    advanced::{WorldOptions, run_world},
    prelude::*,
    report::{Colors, FailureCode},
};
use futures::FutureExt;
use pretty_assertions::assert_eq;
use serde::{Deserialize, Serialize};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_sdk::{
    ActivityOptions, LocalActivityOptions, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
    runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder},
    workflows::join_all,
};

use super::on;

const MINUTE: Duration = Duration::from_mins(1);

/// A tuner with this many slots for workflow tasks, activities and local activities.
fn slots([workflow_tasks, activities, local_activities]: [usize; 3]) -> TunerHolder {
    TunerHolder::builder()
        .workflow_task_slot_supplier(FixedSizeSlotSupplier::new(workflow_tasks))
        .activity_task_slot_supplier(FixedSizeSlotSupplier::new(activities))
        .local_activity_task_slot_supplier(FixedSizeSlotSupplier::new(local_activities))
        .nexus_task_slot_supplier(FixedSizeSlotSupplier::new(100))
        .build()
}

/// A museum: the number of visitors that are in it, and the most that were.
#[derive(Default)]
struct Museum {
    inside: AtomicUsize,
    most: Arc<AtomicUsize>,
}

#[activities]
impl Museum {
    /// Takes ten seconds.
    #[activity]
    async fn visit(self: Arc<Self>, _ctx: ActivityContext) -> Result<(), ActivityError> {
        let inside = self.inside.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(inside, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(10)).await;
        self.inside.fetch_sub(1, Ordering::Relaxed);
        Ok(())
    }

    /// Guides a group, and waits until all of it has visited the museum.
    #[activity]
    async fn guide(
        self: Arc<Self>,
        ctx: ActivityContext,
        group: String,
    ) -> Result<(), ActivityError> {
        let visit = ctx
            .client()
            .start_workflow(Tour::run, (1, Kind::Activities), on(&group))
            .await?;
        visit
            .get_result(WorkflowGetResultOptions::default())
            .await?;
        Ok(())
    }
}

/// The kind of the activities of a tour.
#[derive(Clone, Copy, Serialize, Deserialize)]
enum Kind {
    Activities,
    /// Activities that must start within so many seconds.
    StartingWithin(u64),
    LocalActivities,
}

/// Lets so many visitors in at once; returns how many of them have seen the museum.
#[workflow]
#[derive(Default)]
struct Tour;

#[workflow_methods]
impl Tour {
    #[run]
    async fn run(
        ctx: &mut WorkflowContext<Self>,
        (visitors, kind): (usize, Kind),
    ) -> WorkflowResult<usize> {
        let ctx = &*ctx;
        let visits = (0..visitors).map(|_| async move {
            match kind {
                Kind::LocalActivities => {
                    let options = LocalActivityOptions::default();
                    let visit = ctx.execute_local_activity(Museum::visit, (), options);
                    visit.await.is_ok()
                }
                Kind::Activities | Kind::StartingWithin(_) => {
                    let within = match kind {
                        Kind::StartingWithin(seconds) => Some(Duration::from_secs(seconds)),
                        _ => None,
                    };
                    let options = ActivityOptions::with_start_to_close_timeout(MINUTE)
                        .maybe_schedule_to_start_timeout(within)
                        .build();
                    ctx.execute_activity(Museum::visit, (), options)
                        .await
                        .is_ok()
                }
            }
        });
        let seen = join_all(visits).await;
        Ok(seen.into_iter().filter(|seen| *seen).count())
    }
}

/// Runs a tour; returns the number of visitors who have seen the museum, and the seconds that it
/// took.
async fn tour(
    env: &TestWorkflowEnvironment,
    workflow_id: &str,
    (visitors, kind): (usize, Kind),
) -> TestResult<(usize, u64)> {
    let began = env.now();
    let tour = env
        .client()
        .start_workflow(Tour::run, (visitors, kind), on(workflow_id))
        .await?;
    let seen = tour.get_result(WorkflowGetResultOptions::default()).await?;
    Ok((seen, seconds_since(env, began)?))
}

fn seconds_since(env: &TestWorkflowEnvironment, began: SystemTime) -> TestResult<u64> {
    Ok(env.now().duration_since(began)?.as_secs())
}

#[workflow_test]
async fn a_worker_runs_a_hundred_activities_at_once(env: TestWorkflowEnvironment) -> TestResult {
    let museum = Museum::default();
    let most = museum.most.clone();
    env.worker("queue")
        .workflow::<Tour>()
        .activity(Museum::visit)
        .implementer(museum)
        .start()?;
    let took = tour(&env, "tour", (300, Kind::Activities)).await?;
    assert_eq!(took, (300, 30));
    assert_eq!(most.load(Ordering::Relaxed), 100);
    Ok(())
}

#[workflow_test]
async fn a_tuner_says_how_many_activities_run_at_once(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<Tour>()
        .activity(Museum::visit)
        .implementer(Museum::default())
        .tuner(slots([100, 2, 100]))
        .start()?;
    assert_eq!(tour(&env, "tour", (5, Kind::Activities)).await?, (5, 30));
    Ok(())
}

#[workflow_test]
async fn two_workers_of_a_queue_have_twice_the_slots(env: TestWorkflowEnvironment) -> TestResult {
    for _ in 0..2 {
        env.worker("queue")
            .workflow::<Tour>()
            .activity(Museum::visit)
            .implementer(Museum::default())
            .tuner(slots([100, 2, 100]))
            .start()?;
    }
    assert_eq!(tour(&env, "tour", (5, Kind::Activities)).await?, (5, 20));
    Ok(())
}

#[workflow_test]
async fn an_activity_that_waits_too_long_for_a_slot_times_out(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<Tour>()
        .activity(Museum::visit)
        .implementer(Museum::default())
        .tuner(slots([100, 2, 100]))
        .start()?;
    let took = tour(&env, "tour", (5, Kind::StartingWithin(15))).await?;
    assert_eq!(took, (4, 20), "the fifth visitor could begin after 20 s");
    Ok(())
}

#[workflow_test]
async fn local_activities_have_slots_of_their_own(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<Tour>()
        .activity(Museum::visit)
        .implementer(Museum::default())
        .tuner(slots([100, 100, 2]))
        .start()?;
    let took = tour(&env, "tour", (5, Kind::LocalActivities)).await?;
    assert_eq!(took, (5, 30));
    Ok(())
}

#[workflow_test]
async fn a_workflow_task_keeps_its_slot_while_local_activities_run(
    env: TestWorkflowEnvironment,
) -> TestResult {
    env.worker("queue")
        .workflow::<Tour>()
        .activity(Museum::visit)
        .implementer(Museum::default())
        .tuner(slots([2, 100, 100]))
        .start()?;
    let began = env.now();
    let tours = ["a", "b", "c"].map(|id| {
        let env = env.clone();
        async move { tour(&env, id, (1, Kind::LocalActivities)).await }
    });
    futures::future::try_join_all(tours).await?;
    assert_eq!(seconds_since(&env, began)?, 20);
    Ok(())
}

#[workflow_test(seeds = 24, faults = FaultProfile::all())]
async fn a_crowded_worker_finishes_under_faults(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue")
        .workflow::<Tour>()
        .activity(Museum::visit)
        .implementer(Museum::default())
        .tuner(slots([2, 2, 2]))
        .start()?;
    for (id, kind) in [("a", Kind::Activities), ("b", Kind::LocalActivities)] {
        assert_eq!(tour(&env, id, (5, kind)).await?.0, 5);
    }
    Ok(())
}

/// Has each group guided by an activity, which waits for a workflow on the same task queue.
#[workflow]
#[derive(Default)]
struct Day;

#[workflow_methods]
impl Day {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, groups: usize) -> WorkflowResult<()> {
        let ctx = &*ctx;
        let guided = (0..groups).map(|group| {
            let options = ActivityOptions::start_to_close_timeout(10 * MINUTE);
            ctx.execute_activity(Museum::guide, format!("group-{group}"), options)
        });
        for guided in join_all(guided).await {
            guided?;
        }
        Ok(())
    }
}

async fn day(env: TestWorkflowEnvironment, groups: usize) -> TestResult {
    env.worker("queue")
        .workflow::<Day>()
        .workflow::<Tour>()
        .activity(Museum::guide)
        .activity(Museum::visit)
        .implementer(Museum::default())
        .tuner(slots([100, 2, 100]))
        .start()?;
    let day = env
        .client()
        .start_workflow(Day::run, groups, on("day"))
        .await?;
    Ok(day.get_result(WorkflowGetResultOptions::default()).await?)
}

#[test]
fn activities_that_wait_for_each_others_slots_are_told_as_that() {
    let report = |groups| {
        let world = move |env| day(env, groups).boxed_local();
        run_world(&world, &WorldOptions::default())
    };
    assert_eq!(report(1).failure, None, "one slot is left");
    let failure = report(2).failure.expect("no slot is left");
    let text = failure.render(Colors::Off);
    assert_eq!(failure.code, FailureCode::Stuck, "{text}");
    let words = "activity Museum::visit, attempt 1, on task queue queue, whose 2 activity slots \
                 are all taken: 2 by Museum::guide";
    assert!(text.contains(words), "{text}");
    assert!(text.contains("`.tuner(..)`"), "{text}");
}
