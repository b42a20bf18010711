//! Schedules, through the official client.

use durasim::prelude::*;
use futures::TryStreamExt;
use temporalio_client::{
    NamespacedClient,
    grpc::WorkflowService,
    schedules::{
        CreateScheduleOptions, ListSchedulesOptions, ScheduleAction, ScheduleBackfill,
        ScheduleCalendarSpec, ScheduleHandle, ScheduleOverlapPolicy, ScheduleSpec,
    },
};
use temporalio_macros::{workflow, workflow_methods};
use temporalio_protos::temporal::api::workflowservice::v1::CountSchedulesRequest;
use temporalio_sdk::{WorkflowContext, WorkflowResult};
use tonic::IntoRequest;

use super::on;

const HOUR: Duration = Duration::from_hours(1);

/// Writes a report, which takes as many hours as its input says.
#[workflow]
#[derive(Default)]
struct Report;

#[workflow_methods]
impl Report {
    #[run]
    async fn run(ctx: &mut WorkflowContext<Self>, hours: u32) -> WorkflowResult<String> {
        ctx.timer(HOUR * hours).await;
        Ok(format!("written by {}", ctx.workflow_id()))
    }
}

/// Creates a schedule of reports that take so many hours.
async fn schedule(
    env: &TestWorkflowEnvironment,
    spec: ScheduleSpec,
    overlap_policy: ScheduleOverlapPolicy,
    hours: u32,
) -> TestResult<ScheduleHandle<temporalio_client::Client>> {
    let options = CreateScheduleOptions::builder()
        .action(ScheduleAction::start_workflow(
            Report::run,
            hours,
            "queue",
            "report",
        ))
        .spec(spec)
        .overlap_policy(overlap_policy)
        .build();
    Ok(env.client().create_schedule("reports", options).await?)
}

fn at_eight_in_paris() -> ScheduleSpec {
    ScheduleSpec::builder()
        .calendars(vec![ScheduleCalendarSpec::builder().hour("8").build()])
        .timezone_name("Europe/Paris")
        .build()
}

mod a_report_each_day_of_a_month {
    use pretty_assertions::assert_eq;

    use super::*;

    worlds! {
        seeds = 10,
        async fn world(env) {
            env.worker("queue").workflow::<Report>().start()?;
            let policy = ScheduleOverlapPolicy::BufferAll;
            let reports = schedule(&env, at_eight_in_paris(), policy, 1).await?;
            env.sleep(31 * 24 * HOUR).await;
            let described = reports.describe(Default::default()).await?;
            assert_eq!(described.action_count(), 31);
            assert_eq!(described.overlap_skipped(), 0);
            let first = env.client().get_workflow_handle::<Report>("report-2024-01-01T07:00:00Z");
            let written = first.get_result(Default::default()).await?;
            assert_eq!(written, "written by report-2024-01-01T07:00:00Z");
            Ok(())
        }
    }
}

mod a_test_that_waits_for_something_else {
    use super::*;

    worlds! {
        seeds = 10,
        async fn world(env) {
            env.worker("queue").workflow::<Report>().start()?;
            let every_hour = ScheduleSpec::from_interval(HOUR);
            let policy = ScheduleOverlapPolicy::AllowAll;
            // Some reports are always being written when the next one is due.
            schedule(&env, every_hour, policy, 3).await?;
            let long = env
                .client()
                .start_workflow(Report::run, 100, on("a long report"))
                .await?;
            long.get_result(Default::default()).await?;
            Ok(())
        }
    }
}

#[workflow_test]
async fn a_report_that_takes_too_long_makes_way(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Report>().start()?;
    let policy = ScheduleOverlapPolicy::TerminateOther;
    let reports = schedule(&env, ScheduleSpec::from_interval(2 * HOUR), policy, 3).await?;
    env.sleep(5 * HOUR).await;
    let described = reports.describe(Default::default()).await?;
    assert_eq!(described.action_count(), 2);
    let running = described.running_actions();
    assert_eq!(running[0].workflow_id, "report-2024-01-01T04:00:00Z");
    let first = env
        .client()
        .get_workflow_handle::<Report>("report-2024-01-01T02:00:00Z");
    let ended = first.get_result(Default::default()).await;
    assert!(ended.is_err(), "{ended:?}");
    Ok(())
}

#[workflow_test]
async fn a_schedule_is_paused_triggered_and_backfilled(env: TestWorkflowEnvironment) -> TestResult {
    env.worker("queue").workflow::<Report>().start()?;
    let every_hour = ScheduleSpec::from_interval(HOUR);
    let reports = schedule(&env, every_hour, ScheduleOverlapPolicy::Skip, 0).await?;
    reports.pause(Some("holidays"), Default::default()).await?;
    env.sleep(24 * HOUR).await;
    let described = reports.describe(Default::default()).await?;
    assert!(described.paused());
    assert_eq!(described.note(), Some("holidays"));
    assert_eq!(described.action_count(), 0);

    reports
        .trigger(ScheduleOverlapPolicy::Skip, Default::default())
        .await?;
    let now = env.now();
    let missed = ScheduleBackfill::new(now - 3 * HOUR, now)
        .overlap_policy(ScheduleOverlapPolicy::BufferAll)
        .build();
    reports.backfill([missed], Default::default()).await?;
    env.sleep(HOUR / 2).await;
    // One was triggered, and four hours begin within three, with both ends.
    let described = reports.describe(Default::default()).await?;
    assert_eq!(described.action_count(), 5);
    assert_eq!(described.running_actions(), []);

    reports.unpause(Some("back"), Default::default()).await?;
    env.sleep(HOUR).await;
    assert_eq!(
        reports.describe(Default::default()).await?.action_count(),
        6
    );
    Ok(())
}

#[workflow_test]
async fn a_schedule_is_updated_listed_and_deleted(env: TestWorkflowEnvironment) -> TestResult {
    let client = env.client();
    let every_hour = ScheduleSpec::from_interval(HOUR);
    let reports = schedule(&env, every_hour, ScheduleOverlapPolicy::Skip, 0).await?;
    reports
        .update(
            |update| {
                update.set_spec(at_eight_in_paris()).set_note("once a day");
            },
            Default::default(),
        )
        .await?;
    let listed: Vec<_> = client
        .list_schedules(ListSchedulesOptions::default())
        .try_collect()
        .await?;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].note(), Some("once a day"));
    let next = listed[0].future_action_times()[0];
    assert_eq!(next.duration_since(env.now())?, 7 * HOUR);

    let count = CountSchedulesRequest {
        namespace: client.namespace(),
        query: "ScheduleId = 'reports'".to_owned(),
    };
    let mut raw = client.clone();
    let counted = WorkflowService::count_schedules(&mut raw, count.into_request()).await?;
    assert_eq!(counted.into_inner().count, 1);

    reports.delete(Default::default()).await?;
    let gone = reports.describe(Default::default()).await;
    assert!(gone.is_err(), "{gone:?}");
    env.sleep(48 * HOUR).await;
    Ok(())
}
