//! SignalWorkflowExecution and SignalWithStartWorkflowExecution.
//!
//! Source: `temporalio/temporal: service/history/api/{signalworkflow,signalwithstartworkflow}`.

use tonic::Status;

use crate::{
    api::{
        common::Link,
        enums::EventType,
        rpc::{
            SignalWithStartWorkflowExecutionRequest, SignalWithStartWorkflowExecutionResponse,
            SignalWorkflowExecutionRequest, SignalWorkflowExecutionResponse,
            StartWorkflowExecutionRequest,
        },
    },
    base::{identifiers::RunKey, links},
    frontend::{
        answer::Handled,
        start_workflow_execution::{new_run, reactivate},
    },
    run::{
        signals::Signal,
        workflow_id::{self, Resolution},
    },
    state::service::Service,
};

pub(super) fn handle(service: &mut Service, request: SignalWorkflowExecutionRequest) -> Handled {
    let key = service
        .executions
        .lookup(request.workflow_execution.as_ref())?;
    let signal = Signal {
        name: request.signal_name,
        input: request.input,
        identity: request.identity,
        header: request.header,
        sender: None,
        request_id: request.request_id,
        links: request.links,
    };
    let request_id = signal.request_id.clone();
    service.signal_run(key, signal)?;
    Ok(SignalWorkflowExecutionResponse {
        link: link(service, key, &request_id),
    }
    .into())
}

pub(super) fn handle_with_start(
    service: &mut Service,
    request: SignalWithStartWorkflowExecutionRequest,
) -> Handled {
    Ok(signal_with_start(service, request)?.into())
}

/// Signals an open workflow, or starts one with the signal as its first event.
///
/// # Errors
///
/// ALREADY_EXISTS, as the policies for the workflow id require, and the errors of a signal.
pub(super) fn signal_with_start(
    service: &mut Service,
    mut request: SignalWithStartWorkflowExecutionRequest,
) -> Result<SignalWithStartWorkflowExecutionResponse, Status> {
    let signal = Signal {
        name: std::mem::take(&mut request.signal_name),
        input: request.signal_input.take(),
        identity: request.identity.clone(),
        header: request.header.clone(),
        sender: None,
        request_id: request.request_id.clone(),
        links: request.links.clone(),
    };
    let request_id = signal.request_id.clone();
    if let Some(versioning) = &request.versioning_override {
        let queue = request.task_queue.as_ref().map_or("", |it| &it.name);
        service.check_override(queue, versioning)?;
    }
    if let Some(key) = service.executions.current(&request.workflow_id) {
        let reuse = request.workflow_id_reuse_policy();
        let conflict = request.workflow_id_conflict_policy();
        match workflow_id::resolve(service.executions.run(key), reuse, conflict)? {
            Resolution::Start => {}
            Resolution::TerminateExisting => service.terminate_for_new_run(key),
            Resolution::UseExisting => {
                let run = service.executions.run(key);
                let is_repeated = run.signal_request_ids.contains(&signal.request_id);
                service.signal_run(key, signal)?;
                if !is_repeated {
                    // Unlike a plain signal, it does not wait for a delayed first workflow task.
                    service
                        .executions
                        .run_mut(key)
                        .hasten_workflow_task(service.now_ms);
                    service.close_transaction(key);
                }
                return Ok(response(service, key, &request_id, false));
            }
        }
    }
    let mut new = new_run(start_request(request), service.now_ms);
    new.signal = Some(signal);
    let key = service.start_run(new);
    reactivate(service, key);
    Ok(response(service, key, &request_id, true))
}

fn response(
    service: &Service,
    key: RunKey,
    request_id: &str,
    started: bool,
) -> SignalWithStartWorkflowExecutionResponse {
    let run = service.executions.run(key);
    SignalWithStartWorkflowExecutionResponse {
        run_id: run.run_id.clone(),
        first_execution_run_id: run.started().first_execution_run_id.clone(),
        started,
        signal_link: link(service, key, request_id),
    }
}

/// Returns the link to the signal of a request, if the request has an id. The event may have none
/// yet.
fn link(service: &Service, key: RunKey, request_id: &str) -> Option<Link> {
    let run = service.executions.run(key);
    let link = links::to_request(
        &service.config.namespace,
        &run.workflow_id,
        &run.run_id,
        request_id,
        EventType::WorkflowExecutionSignaled,
    );
    (!request_id.is_empty()).then_some(link)
}

fn start_request(
    request: SignalWithStartWorkflowExecutionRequest,
) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: request.namespace,
        workflow_id: request.workflow_id,
        workflow_type: request.workflow_type,
        task_queue: request.task_queue,
        input: request.input,
        workflow_execution_timeout: request.workflow_execution_timeout,
        workflow_run_timeout: request.workflow_run_timeout,
        workflow_task_timeout: request.workflow_task_timeout,
        identity: request.identity,
        request_id: request.request_id,
        workflow_id_reuse_policy: request.workflow_id_reuse_policy,
        workflow_id_conflict_policy: request.workflow_id_conflict_policy,
        retry_policy: request.retry_policy,
        cron_schedule: request.cron_schedule,
        memo: request.memo,
        search_attributes: request.search_attributes,
        header: request.header,
        workflow_start_delay: request.workflow_start_delay,
        user_metadata: request.user_metadata,
        links: request.links,
        priority: request.priority,
        versioning_override: request.versioning_override,
        ..StartWorkflowExecutionRequest::default()
    }
}
