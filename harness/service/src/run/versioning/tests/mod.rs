//! The versions of workers, and the runs that they work on.

#![allow(deprecated, reason = "the server still writes the stamps of workers")]

mod deployments;
mod inheritance;
mod overrides;
mod routing;
mod stamps;

use tonic::Status;

use crate::{
    api::{
        Attributes,
        command::{ScheduleActivityTaskCommandAttributes, command::Attributes as Command},
        common::{ActivityType, WorkerVersionCapabilities, WorkerVersionStamp},
        deployment::{WorkerDeploymentInfo, WorkerDeploymentOptions, WorkerDeploymentVersion},
        enums::{VersioningBehavior, WorkerVersioningMode},
        rpc::*,
        workflow::WorkflowExecutionInfo,
    },
    base::time::duration,
    messages::request::Response,
    testing::*,
};

/// The name of the deployment of these tests.
const SHOP: &str = "shop";

fn version(build_id: &str) -> WorkerDeploymentVersion {
    WorkerDeploymentVersion {
        deployment_name: SHOP.to_owned(),
        build_id: build_id.to_owned(),
    }
}

/// Returns what a versioned worker tells of itself.
fn options(build_id: &str) -> WorkerDeploymentOptions {
    WorkerDeploymentOptions {
        deployment_name: SHOP.to_owned(),
        build_id: build_id.to_owned(),
        worker_versioning_mode: WorkerVersioningMode::Versioned.into(),
    }
}

/// Returns the poll of a versioned worker.
fn poll(build_id: &str) -> PollWorkflowTaskQueueRequest {
    PollWorkflowTaskQueueRequest {
        deployment_options: Some(options(build_id)),
        ..poll_request()
    }
}

/// Returns the poll of a versioned worker for activities.
fn poll_activity(build_id: &str) -> PollActivityTaskQueueRequest {
    PollActivityTaskQueueRequest {
        deployment_options: Some(options(build_id)),
        ..activity_poll_request()
    }
}

/// Lets workers of a version poll once, without a task.
fn deploy(world: &mut World, build_id: &str) {
    world.is_answered_at_once(poll(build_id));
}

/// Lets workers of a version poll for activities once, without a task.
fn deploy_activities(world: &mut World, build_id: &str) {
    world.is_answered_at_once(poll_activity(build_id));
}

/// Returns the completion of a versioned worker.
fn completed(
    task: &PollWorkflowTaskQueueResponse,
    build_id: &str,
    behavior: VersioningBehavior,
    commands: Vec<Command>,
) -> RespondWorkflowTaskCompletedRequest {
    RespondWorkflowTaskCompletedRequest {
        deployment_options: Some(options(build_id)),
        versioning_behavior: behavior.into(),
        ..completion(task, commands)
    }
}

/// Takes the next workflow task as a worker of a version.
#[track_caller]
fn run_task_as(
    world: &mut World,
    build_id: &str,
    behavior: VersioningBehavior,
    commands: Vec<Command>,
) {
    let task = world.workflow_task_on(poll(build_id));
    world
        .respond(completed(&task, build_id, behavior, commands))
        .expect("commands that are accepted");
}

fn current_request(build_id: &str) -> SetWorkerDeploymentCurrentVersionRequest {
    SetWorkerDeploymentCurrentVersionRequest {
        namespace: "default".to_owned(),
        deployment_name: SHOP.to_owned(),
        build_id: build_id.to_owned(),
        identity: "operator".to_owned(),
        ignore_missing_task_queues: true,
        ..SetWorkerDeploymentCurrentVersionRequest::default()
    }
}

fn set_current(
    world: &mut World,
    request: SetWorkerDeploymentCurrentVersionRequest,
) -> Result<SetWorkerDeploymentCurrentVersionResponse, Status> {
    match world.call(request)? {
        Response::SetWorkerDeploymentCurrentVersion(response) => Ok(*response),
        other => panic!("not its response: {other:?}"),
    }
}

fn ramping_request(build_id: &str, percentage: f32) -> SetWorkerDeploymentRampingVersionRequest {
    SetWorkerDeploymentRampingVersionRequest {
        namespace: "default".to_owned(),
        deployment_name: SHOP.to_owned(),
        build_id: build_id.to_owned(),
        percentage,
        identity: "operator".to_owned(),
        ignore_missing_task_queues: true,
        ..SetWorkerDeploymentRampingVersionRequest::default()
    }
}

fn set_ramping(
    world: &mut World,
    request: SetWorkerDeploymentRampingVersionRequest,
) -> Result<SetWorkerDeploymentRampingVersionResponse, Status> {
    match world.call(request)? {
        Response::SetWorkerDeploymentRampingVersion(response) => Ok(*response),
        other => panic!("not its response: {other:?}"),
    }
}

/// Returns a world in which a version is current.
fn with_current(build_id: &str) -> World {
    let mut world = World::new();
    deploy(&mut world, build_id);
    set_current(&mut world, current_request(build_id)).unwrap();
    world
}

fn describe_request() -> DescribeWorkerDeploymentRequest {
    DescribeWorkerDeploymentRequest {
        namespace: "default".to_owned(),
        deployment_name: SHOP.to_owned(),
    }
}

fn deployment(world: &mut World) -> Result<(WorkerDeploymentInfo, Vec<u8>), Status> {
    match world.call(describe_request())? {
        Response::DescribeWorkerDeployment(response) => Ok((
            response.worker_deployment_info.expect("the deployment"),
            response.conflict_token,
        )),
        other => panic!("not its response: {other:?}"),
    }
}

#[track_caller]
fn description(world: &mut World, workflow_id: &str) -> DescribeWorkflowExecutionResponse {
    let request = DescribeWorkflowExecutionRequest {
        namespace: "default".to_owned(),
        execution: execution(workflow_id),
    };
    match world.call(request) {
        Ok(Response::DescribeWorkflowExecution(description)) => *description,
        other => panic!("not described: {other:?}"),
    }
}

#[track_caller]
fn info(world: &mut World, workflow_id: &str) -> WorkflowExecutionInfo {
    let description = description(world, workflow_id);
    description.workflow_execution_info.expect("the run")
}

fn schedule_activity() -> Command {
    Command::ScheduleActivityTaskCommandAttributes(ScheduleActivityTaskCommandAttributes {
        activity_id: "1".to_owned(),
        activity_type: Some(ActivityType {
            name: "Activity".to_owned(),
        }),
        task_queue: queue(TASK_QUEUE),
        start_to_close_timeout: Some(duration(10_000)),
        ..ScheduleActivityTaskCommandAttributes::default()
    })
}

/// Returns the value of a search attribute, as JSON.
fn attribute(info: &WorkflowExecutionInfo, name: &str) -> String {
    let attributes = info.search_attributes.as_ref();
    let value = attributes.and_then(|attributes| attributes.indexed_fields.get(name));
    value.map_or_else(String::new, |value| {
        String::from_utf8(value.data.clone()).expect("JSON")
    })
}
