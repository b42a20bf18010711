//! StartWorkflowExecution.

use super::Handled;
use crate::{
    api::{
        enums::WorkflowExecutionStatus,
        history::WorkflowExecutionStartedEventAttributes,
        rpc::{StartWorkflowExecutionRequest, StartWorkflowExecutionResponse},
    },
    history::EventDecoration,
    run::start::NewRun,
    service::Service,
};

pub(super) fn handle(service: &mut Service, request: StartWorkflowExecutionRequest) -> Handled {
    let key = service.start_run(new_run(request));
    let run = service.executions.run(key);
    Ok(StartWorkflowExecutionResponse {
        run_id: run.run_id.clone(),
        first_execution_run_id: run.started().first_execution_run_id.clone(),
        started: true,
        status: WorkflowExecutionStatus::Running.into(),
        ..StartWorkflowExecutionResponse::default()
    }
    .into())
}

fn new_run(request: StartWorkflowExecutionRequest) -> NewRun {
    NewRun {
        attributes: WorkflowExecutionStartedEventAttributes {
            workflow_type: request.workflow_type,
            workflow_id: request.workflow_id,
            task_queue: request.task_queue,
            input: request.input,
            workflow_execution_timeout: request.workflow_execution_timeout,
            workflow_run_timeout: request.workflow_run_timeout,
            workflow_task_timeout: request.workflow_task_timeout,
            identity: request.identity,
            retry_policy: request.retry_policy,
            cron_schedule: request.cron_schedule,
            memo: request.memo,
            search_attributes: request.search_attributes,
            header: request.header,
            priority: request.priority,
            ..WorkflowExecutionStartedEventAttributes::default()
        },
        decoration: EventDecoration {
            user_metadata: request.user_metadata,
            links: request.links,
            ..EventDecoration::default()
        },
        request_id: request.request_id,
        ..NewRun::default()
    }
}
