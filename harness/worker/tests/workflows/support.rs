//! Workers under test, and their answers.

use durasim_worker::{
    ReplayOptions, WorkflowDefinitions, WorkflowTaskProgress, WorkflowWorker, WorkflowWorkerOptions,
};
use temporalio_protos::temporal::api::{
    command::v1::{Command, command::Attributes},
    enums::v1::CommandType,
    workflowservice::v1::{RespondQueryTaskCompletedRequest, RespondWorkflowTaskCompletedRequest},
};

use crate::{code, histories::WORKFLOW_ID, nexus_operations::NexusWorkflow};

pub(crate) fn definitions() -> WorkflowDefinitions {
    let mut definitions = WorkflowDefinitions::new();
    definitions.register::<code::GreetWorkflow>().unwrap();
    definitions.register::<code::WaitWorkflow>().unwrap();
    definitions.register::<code::PanicWorkflow>().unwrap();
    definitions.register::<code::CancelWorkflow>().unwrap();
    definitions.register::<code::PatchedWorkflow>().unwrap();
    definitions.register::<code::ParentWorkflow>().unwrap();
    definitions.register::<code::LocalWorkflow>().unwrap();
    definitions.register::<code::ChannelWorkflow>().unwrap();
    definitions.register::<code::HastyWorkflow>().unwrap();
    definitions.register::<code::DropTimerWorkflow>().unwrap();
    definitions
        .register::<code::WaitForCancelWorkflow>()
        .unwrap();
    definitions.register::<code::SignalWorkflow>().unwrap();
    definitions.register::<code::CancelOtherWorkflow>().unwrap();
    definitions.register::<code::AgainWorkflow>().unwrap();
    definitions.register::<NexusWorkflow>().unwrap();
    definitions
}

pub(crate) fn options() -> WorkflowWorkerOptions {
    WorkflowWorkerOptions::new("default", "queue", "worker-1")
}

pub(crate) fn replay_options() -> ReplayOptions {
    ReplayOptions {
        task_queue: "queue".to_owned(),
        workflow_id: WORKFLOW_ID.to_owned(),
        ..Default::default()
    }
}

pub(crate) fn worker() -> WorkflowWorker {
    WorkflowWorker::new(options(), definitions())
}

pub(crate) fn completed(progress: WorkflowTaskProgress) -> RespondWorkflowTaskCompletedRequest {
    match progress {
        WorkflowTaskProgress::Completed(request) => *request,
        other => panic!("expected a completion, got {other:?}"),
    }
}

pub(crate) fn query_answered(progress: WorkflowTaskProgress) -> RespondQueryTaskCompletedRequest {
    match progress {
        WorkflowTaskProgress::QueryAnswered(request) => *request,
        other => panic!("expected an answered query, got {other:?}"),
    }
}

pub(crate) fn kinds(request: &RespondWorkflowTaskCompletedRequest) -> Vec<CommandType> {
    request.commands.iter().map(Command::command_type).collect()
}

/// Returns the result, as text, with which the last command completes the workflow.
pub(crate) fn result(request: &RespondWorkflowTaskCompletedRequest) -> String {
    match request
        .commands
        .last()
        .and_then(|command| command.attributes.as_ref())
    {
        Some(Attributes::CompleteWorkflowExecutionCommandAttributes(complete)) => {
            let payloads = &complete.result.as_ref().unwrap().payloads;
            String::from_utf8(payloads[0].data.clone()).unwrap()
        }
        other => panic!("the workflow does not complete: {other:?}"),
    }
}
