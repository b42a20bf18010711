//! Rainbow deploys: two versions of a worker side by side, and the runs that move or stay.

use durasim::{
    advanced::{ChoiceSource, WorldOptions, run_world},
    prelude::*,
    report::{Colors, FailureCode},
};
use futures::FutureExt;
use pretty_assertions::assert_eq;
use temporalio_client::UntypedWorkflow;
use temporalio_common::worker::{
    VersioningBehavior, WorkerDeploymentOptions, WorkerDeploymentVersion,
};
use temporalio_macros::{activities, workflow, workflow_methods};
use temporalio_protos::temporal::api::{
    deployment::v1 as deployment,
    enums::v1::WorkerDeploymentVersionStatus as Status,
    workflowservice::v1::{
        DescribeWorkerDeploymentRequest, SetWorkerDeploymentCurrentVersionRequest,
        SetWorkerDeploymentRampingVersionRequest,
    },
};
use temporalio_sdk::{
    ActivityOptions, SyncWorkflowContext, WorkflowContext, WorkflowResult,
    activities::{ActivityContext, ActivityError},
};

use super::on;

/// An order that waits for its payment, and returns the versions of the workflow's code and of the
/// activity's.
macro_rules! order {
    ($order:ident, $stock:ident, $version:literal) => {
        struct $stock;

        #[activities]
        impl $stock {
            #[activity(name = "reserve")]
            async fn reserve(_ctx: ActivityContext) -> Result<String, ActivityError> {
                Ok($version.to_owned())
            }
        }

        #[workflow]
        #[derive(Default)]
        struct $order {
            paid: bool,
        }

        #[workflow_methods]
        impl $order {
            #[run(name = "Order")]
            async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<[String; 2]> {
                ctx.wait_condition(|state| state.paid).await?;
                let minute = ActivityOptions::start_to_close_timeout(Duration::from_mins(1));
                let reserved = ctx.execute_activity($stock::reserve, (), minute).await?;
                Ok([$version.to_owned(), reserved])
            }

            #[signal(name = "pay")]
            fn pay(&mut self, _ctx: &mut SyncWorkflowContext<Self>) {
                self.paid = true;
            }
        }
    };
}

order!(OrderV1, StockV1, "1.0");
order!(OrderV2, StockV2, "2.0");

/// Returns the options of a worker of this version, in the SDK's own words.
fn version(build_id: &str, behavior: VersioningBehavior) -> WorkerDeploymentOptions {
    let version = WorkerDeploymentVersion::builder()
        .deployment_name("shop")
        .build_id(build_id)
        .build();
    WorkerDeploymentOptions::new(version)
        .use_worker_versioning(true)
        .default_versioning_behavior(behavior)
        .build()
}

/// Starts a worker of each version; the first becomes current, and an order starts on it.
async fn first_order(env: &TestWorkflowEnvironment, behavior: VersioningBehavior) -> TestResult {
    env.worker("queue")
        .workflow::<OrderV1>()
        .activity(StockV1::reserve)
        .deployment_options(version("1.0", behavior))
        .start()?;
    env.worker("queue")
        .workflow::<OrderV2>()
        .activity(StockV2::reserve)
        .deployment_options(version("2.0", behavior))
        .start()?;
    env.sleep(Duration::from_secs(1)).await;
    make_current(env, "1.0").await?;
    start(env, "first").await?;
    env.sleep(Duration::from_secs(1)).await;
    Ok(())
}

async fn start(env: &TestWorkflowEnvironment, id: &str) -> TestResult {
    env.client()
        .start_workflow(OrderV1::run, (), on(id))
        .await?;
    Ok(())
}

async fn make_current(env: &TestWorkflowEnvironment, build_id: &str) -> TestResult {
    set_current(env, build_id, false).await
}

/// Makes a version current that no worker has yet.
async fn make_current_ahead(env: &TestWorkflowEnvironment, build_id: &str) -> TestResult {
    set_current(env, build_id, true).await
}

async fn set_current(env: &TestWorkflowEnvironment, build_id: &str, ahead: bool) -> TestResult {
    let request = SetWorkerDeploymentCurrentVersionRequest {
        namespace: "default".to_owned(),
        deployment_name: "shop".to_owned(),
        build_id: build_id.to_owned(),
        ignore_missing_task_queues: ahead,
        allow_no_pollers: ahead,
        ..Default::default()
    };
    let mut service = env.connection().workflow_service();
    service
        .set_worker_deployment_current_version(tonic::Request::new(request))
        .await?;
    Ok(())
}

async fn ramp(env: &TestWorkflowEnvironment, build_id: &str, percentage: f32) -> TestResult {
    let request = SetWorkerDeploymentRampingVersionRequest {
        namespace: "default".to_owned(),
        deployment_name: "shop".to_owned(),
        build_id: build_id.to_owned(),
        percentage,
        ..Default::default()
    };
    let mut service = env.connection().workflow_service();
    service
        .set_worker_deployment_ramping_version(tonic::Request::new(request))
        .await?;
    Ok(())
}

/// Returns the deployment, as the service describes it.
async fn describe(env: &TestWorkflowEnvironment) -> TestResult<deployment::WorkerDeploymentInfo> {
    let request = DescribeWorkerDeploymentRequest {
        namespace: "default".to_owned(),
        deployment_name: "shop".to_owned(),
    };
    let mut service = env.connection().workflow_service();
    let response = service
        .describe_worker_deployment(tonic::Request::new(request))
        .await?;
    let info = response.into_inner().worker_deployment_info;
    Ok(info.ok_or("the deployment is described")?)
}

/// Returns the build ids of the versions with their statuses.
async fn statuses(env: &TestWorkflowEnvironment) -> TestResult<Vec<(String, Status)>> {
    let info = describe(env).await?;
    let mut statuses: Vec<_> = info
        .version_summaries
        .iter()
        .map(|summary| {
            let version = summary.deployment_version.clone().unwrap_or_default();
            (version.build_id, summary.status())
        })
        .collect();
    statuses.sort();
    Ok(statuses)
}

/// Pays an order, and returns the versions that it had then.
async fn pay(env: &TestWorkflowEnvironment, id: &str) -> TestResult<[String; 2]> {
    let order = env.client().get_workflow_handle::<OrderV1>(id);
    order.signal(OrderV1::pay, (), Default::default()).await?;
    Ok(order.get_result(Default::default()).await?)
}

#[workflow_test(seeds = 8)]
async fn a_pinned_run_stays_on_its_version_until_that_has_drained(
    env: TestWorkflowEnvironment,
) -> TestResult {
    first_order(&env, VersioningBehavior::Pinned).await?;
    make_current(&env, "2.0").await?;
    start(&env, "second").await?;
    assert_eq!(
        statuses(&env).await?,
        [
            ("1.0".to_owned(), Status::Draining),
            ("2.0".to_owned(), Status::Current),
        ]
    );

    assert_eq!(pay(&env, "first").await?, ["1.0", "1.0"]);
    assert_eq!(pay(&env, "second").await?, ["2.0", "2.0"]);
    env.sleep(Duration::from_mins(10)).await;
    assert_eq!(
        statuses(&env).await?[0],
        ("1.0".to_owned(), Status::Drained)
    );
    Ok(())
}

#[workflow_test(seeds = 8)]
async fn a_run_that_upgrades_moves_with_its_next_task(env: TestWorkflowEnvironment) -> TestResult {
    first_order(&env, VersioningBehavior::AutoUpgrade).await?;
    make_current(&env, "2.0").await?;
    assert_eq!(pay(&env, "first").await?, ["2.0", "2.0"]);

    let order = env.client().get_workflow_handle::<UntypedWorkflow>("first");
    let description = order.describe(Default::default()).await?;
    let info = description.raw().workflow_execution_info.clone();
    let versioning = info.unwrap_or_default().versioning_info.unwrap_or_default();
    let moved_to = versioning.deployment_version.unwrap_or_default();
    assert_eq!(
        (
            moved_to.deployment_name.as_str(),
            moved_to.build_id.as_str()
        ),
        ("shop", "2.0")
    );
    Ok(())
}

#[workflow_test(seeds = 2)]
async fn a_ramp_takes_in_the_same_runs_in_every_world(env: TestWorkflowEnvironment) -> TestResult {
    first_order(&env, VersioningBehavior::Pinned).await?;
    ramp(&env, "2.0", 30.0).await?;
    let mut ramped = 0;
    for order in 0..40 {
        let id = format!("order-{order}");
        start(&env, &id).await?;
        let [version, _] = pay(&env, &id).await?;
        ramped += u32::from(version == "2.0");
    }
    assert!((6..=18).contains(&ramped), "{ramped} of 40 orders");
    ramp(&env, "2.0", 100.0).await?;
    start(&env, "last").await?;
    assert_eq!(pay(&env, "last").await?, ["2.0", "2.0"]);
    Ok(())
}

/// Nothing else may take the tasks of a version: not a worker of another version, nor one without.
#[workflow_test(seeds = 4)]
async fn a_task_waits_for_a_worker_of_its_version(env: TestWorkflowEnvironment) -> TestResult {
    first_order(&env, VersioningBehavior::Pinned).await?;
    let later = env.clone();
    let third = env.spawn(async move {
        later.sleep(Duration::from_hours(1)).await;
        later
            .worker("queue")
            .workflow::<OrderV2>()
            .activity(StockV2::reserve)
            .deployment_options(version("3.0", VersioningBehavior::Pinned))
            .start()?;
        TestResult::Ok(())
    });
    make_current_ahead(&env, "3.0").await?;
    let started = env.now();
    start(&env, "patient").await?;
    assert_eq!(pay(&env, "patient").await?, ["2.0", "2.0"]);
    assert!(env.now().duration_since(started)? >= Duration::from_mins(59));
    third.await?;
    Ok(())
}

/// The only worker of the queue, of version 1.0 until a deploy.
async fn lonely(env: TestWorkflowEnvironment, has_current: bool) -> TestResult {
    env.worker("queue")
        .workflow::<OrderV1>()
        .activity(StockV1::reserve)
        .deployment_options(version("1.0", VersioningBehavior::Pinned))
        .version("v2", |code| {
            code.workflow::<OrderV2>()
                .deployment_options(version("2.0", VersioningBehavior::Pinned))
        })
        .start()?;
    env.sleep(Duration::from_secs(1)).await;
    if has_current {
        make_current(&env, "1.0").await?;
    }
    start(&env, "order").await?;
    env.sleep(Duration::from_hours(1)).await;
    pay(&env, "order").await?;
    Ok(())
}

/// Returns the report of a world in which nobody takes the task of the order.
fn stuck(has_current: bool, faults: FaultProfile) -> String {
    let world = move |env| lonely(env, has_current).boxed_local();
    let mut options = WorldOptions::default();
    options.faults = faults;
    options.choices = ChoiceSource::Seed(0);
    let report = run_world(&world, &options);
    let failure = report.failure.expect("nobody takes the task");
    let text = failure.render(Colors::Off);
    assert_eq!(failure.code, FailureCode::Stuck, "{text}");
    text
}

#[test]
fn a_run_that_starts_before_a_version_is_current_waits_in_vain_and_is_told_why() {
    let text = stuck(false, FaultProfile::none());
    let words = "where each worker has a deployment version and none is current";
    assert!(text.contains(words), "{text}");
    let remedy = "make a deployment version current with `SetWorkerDeploymentCurrentVersion`";
    assert!(text.contains(remedy), "{text}");
}

#[test]
fn a_pinned_run_whose_version_is_gone_waits_in_vain_and_is_told_why() {
    let deploy = Fault::worker_deploy()
        .after_workflow_task()
        .of_workflow(OrderV1::run)
        .nth(1);
    let text = stuck(true, deploy.into());
    let words = "where no worker has deployment version shop:1.0";
    assert!(text.contains(words), "{text}");
    let remedy = "start a worker of deployment version shop:1.0 on task queue queue";
    assert!(text.contains(remedy), "{text}");
}
