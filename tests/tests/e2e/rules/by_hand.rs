//! A worker by hand: raw RPCs of a test at moments when no worker of the SDK would send them.

use durasim::prelude::*;
use temporalio_common::{UntypedWorkflow, data_converters::RawValue};
use temporalio_protos::temporal::api::{
    command::v1::{Command, command::Attributes},
    enums::v1::{EventType, WorkflowTaskFailedCause},
    failure::v1::Failure,
    history::v1::HistoryEvent,
    taskqueue::v1::{StickyExecutionAttributes, TaskQueue},
    workflowservice::v1::{
        PollActivityTaskQueueRequest, PollActivityTaskQueueResponse, PollWorkflowTaskQueueRequest,
        PollWorkflowTaskQueueResponse, RespondWorkflowTaskCompletedRequest,
        RespondWorkflowTaskFailedRequest,
    },
};
use tonic::{IntoRequest, Status};

use super::on;

/// The task queue that only the test polls.
pub(super) const BY_HAND: &str = "by hand";

const IDENTITY: &str = "hands";

fn queue(name: &str) -> TaskQueue {
    TaskQueue {
        name: name.to_owned(),
        ..TaskQueue::default()
    }
}

/// Returns the options of a start whose workflow tasks only the test polls.
pub(super) fn by_hand(workflow_id: &str) -> WorkflowStartOptions {
    let mut options = on(workflow_id);
    BY_HAND.clone_into(&mut options.task_queue);
    options
}

/// Starts a workflow of a type that no worker has.
pub(super) async fn start(
    env: &TestWorkflowEnvironment,
    options: WorkflowStartOptions,
) -> TestResult {
    env.client()
        .start_workflow(UntypedWorkflow::new("ByHand"), RawValue::default(), options)
        .await?;
    Ok(())
}

/// Polls an attempt of an activity from [`BY_HAND`].
pub(super) async fn take_attempt(
    env: &TestWorkflowEnvironment,
) -> Result<PollActivityTaskQueueResponse, TestError> {
    let request = PollActivityTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: Some(queue(BY_HAND)),
        identity: IDENTITY.to_owned(),
        ..PollActivityTaskQueueRequest::default()
    };
    Ok(env
        .connection()
        .workflow_service()
        .poll_activity_task_queue(request.into_request())
        .await?
        .into_inner())
}

/// Polls a workflow task from this queue.
pub(super) async fn take_task_from(
    env: &TestWorkflowEnvironment,
    queue_name: &str,
) -> Result<PollWorkflowTaskQueueResponse, Status> {
    let request = PollWorkflowTaskQueueRequest {
        namespace: "default".to_owned(),
        task_queue: Some(queue(queue_name)),
        identity: IDENTITY.to_owned(),
        ..PollWorkflowTaskQueueRequest::default()
    };
    Ok(env
        .connection()
        .workflow_service()
        .poll_workflow_task_queue(request.into_request())
        .await?
        .into_inner())
}

/// Polls a workflow task from [`BY_HAND`].
pub(super) async fn take_task(
    env: &TestWorkflowEnvironment,
) -> Result<PollWorkflowTaskQueueResponse, Status> {
    take_task_from(env, BY_HAND).await
}

/// Returns the types of a workflow task's events.
pub(super) fn types_of(task: &PollWorkflowTaskQueueResponse) -> Vec<EventType> {
    task.history
        .iter()
        .flat_map(|history| &history.events)
        .map(HistoryEvent::event_type)
        .collect()
}

/// Completes a workflow task with these commands.
pub(super) async fn complete_task(
    env: &TestWorkflowEnvironment,
    task: &PollWorkflowTaskQueueResponse,
    commands: Vec<Attributes>,
) -> Result<(), Status> {
    complete(env, task, commands, None).await
}

/// Completes a workflow task and asks for the next one on a sticky queue.
pub(super) async fn complete_task_sticking_to(
    env: &TestWorkflowEnvironment,
    task: &PollWorkflowTaskQueueResponse,
    queue_name: &str,
    schedule_to_start: Duration,
) -> Result<(), Status> {
    let sticky = StickyExecutionAttributes {
        worker_task_queue: Some(queue(queue_name)),
        schedule_to_start_timeout: schedule_to_start.try_into().ok(),
    };
    complete(env, task, Vec::new(), Some(sticky)).await
}

async fn complete(
    env: &TestWorkflowEnvironment,
    task: &PollWorkflowTaskQueueResponse,
    commands: Vec<Attributes>,
    sticky_attributes: Option<StickyExecutionAttributes>,
) -> Result<(), Status> {
    let command = |attributes| Command {
        attributes: Some(attributes),
        ..Command::default()
    };
    let request = RespondWorkflowTaskCompletedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        commands: commands.into_iter().map(command).collect(),
        identity: IDENTITY.to_owned(),
        sticky_attributes,
        ..RespondWorkflowTaskCompletedRequest::default()
    };
    let mut service = env.connection().workflow_service();
    service
        .respond_workflow_task_completed(request.into_request())
        .await
        .map(drop)
}

/// Fails a workflow task.
pub(super) async fn fail_task(
    env: &TestWorkflowEnvironment,
    task: &PollWorkflowTaskQueueResponse,
) -> Result<(), Status> {
    let request = RespondWorkflowTaskFailedRequest {
        namespace: "default".to_owned(),
        task_token: task.task_token.clone(),
        cause: WorkflowTaskFailedCause::WorkflowWorkerUnhandledFailure.into(),
        failure: Some(Failure {
            message: "by hand".to_owned(),
            ..Failure::default()
        }),
        identity: IDENTITY.to_owned(),
        ..RespondWorkflowTaskFailedRequest::default()
    };
    env.connection()
        .workflow_service()
        .respond_workflow_task_failed(request.into_request())
        .await
        .map(drop)
}
