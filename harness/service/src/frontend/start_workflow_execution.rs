//! StartWorkflowExecution.
//!
//! A worker that starts a workflow may get its first workflow task with the answer, unless the task
//! is delayed.
//!
//! Source: `temporalio/temporal: service/history/api/startworkflow/api.go`.

use tonic::Status;

use crate::{
    api::{
        history::{
            WorkflowExecutionOptionsUpdatedEventAttributes, WorkflowExecutionStartedEventAttributes,
        },
        rpc::{StartWorkflowExecutionRequest, StartWorkflowExecutionResponse},
    },
    base::{identifiers::RunKey, time::duration_ms},
    frontend::{answer::Handled, callbacks},
    history::EventDecoration,
    matching::start_workflow_task::{eager_task_again, start_eagerly},
    run::{
        chain,
        start::NewRun,
        workflow_id::{self, Resolution},
    },
    state::service::Service,
};

pub(super) fn handle(service: &mut Service, request: StartWorkflowExecutionRequest) -> Handled {
    Ok(start(service, request)?.into())
}

/// Starts a workflow, or finds the run that the request need not start again.
///
/// # Errors
///
/// ALREADY_EXISTS, as the policies for the workflow id require.
pub(crate) fn start(
    service: &mut Service,
    request: StartWorkflowExecutionRequest,
) -> Result<StartWorkflowExecutionResponse, Status> {
    if let Some(versioning) = &request.versioning_override {
        let queue = request.task_queue.as_ref().map_or("", |it| &it.name);
        service.check_override(queue, versioning)?;
    }
    if let Some(key) = service.executions.current(&request.workflow_id) {
        let run = service.executions.run(key);
        if run.start_request_ids.contains(&request.request_id) {
            // The request is repeated, and gets the same answer again.
            let started = run.start_request_id == request.request_id;
            let again = started && request.request_eager_execution;
            let task = again.then(|| eager_task_again(service, key, &request.identity));
            return Ok(StartWorkflowExecutionResponse {
                eager_workflow_task: task.flatten(),
                ..response(service, key, &request.request_id, started)
            });
        }
        match workflow_id::resolve(
            run,
            request.workflow_id_reuse_policy(),
            request.workflow_id_conflict_policy(),
        )? {
            Resolution::Start => {}
            Resolution::TerminateExisting => service.terminate_for_new_run(key),
            Resolution::UseExisting => {
                let request_id = request.request_id.clone();
                attach(service, key, request);
                return Ok(response(service, key, &request_id, false));
            }
        }
    }
    let (request_id, identity) = (request.request_id.clone(), request.identity.clone());
    let is_eager = request.request_eager_execution;
    let mut new = new_run(request, service.now_ms);
    let is_delayed = duration_ms(new.attributes.first_workflow_task_backoff.as_ref()) > 0;
    let is_eager = is_eager && !is_delayed;
    new.attributes.eager_execution_accepted = is_eager;
    let key = service.start_run(new);
    reactivate(service, key);
    let task = is_eager.then(|| start_eagerly(service, key, &identity));
    Ok(StartWorkflowExecutionResponse {
        eager_workflow_task: task.flatten(),
        ..response(service, key, &request_id, true)
    })
}

/// Lets the version of the override of a new run drain again.
pub(crate) fn reactivate(service: &mut Service, key: RunKey) {
    let options = &service.executions.run(key).state.options;
    if let Some(versioning) = options.versioning_override.clone() {
        service.reactivate(Some(&versioning));
    }
}

fn response(
    service: &Service,
    key: RunKey,
    request_id: &str,
    started: bool,
) -> StartWorkflowExecutionResponse {
    let run = service.executions.run(key);
    StartWorkflowExecutionResponse {
        run_id: run.run_id.clone(),
        first_execution_run_id: run.started().first_execution_run_id.clone(),
        started,
        status: run.state.status.into(),
        link: Some(callbacks::link_of_request(service, key, request_id)),
        ..StartWorkflowExecutionResponse::default()
    }
}

/// Attaches to the open workflow what the start request asks to attach.
fn attach(service: &mut Service, key: RunKey, request: StartWorkflowExecutionRequest) {
    let Some(options) = request.on_conflict_options else {
        return;
    };
    let now_ms = service.now_ms;
    let run = service.executions.run_mut(key);
    let mut attributes = WorkflowExecutionOptionsUpdatedEventAttributes::default();
    if options.attach_request_id && !request.request_id.is_empty() {
        attributes.attached_request_id = request.request_id;
    }
    if options.attach_completion_callbacks {
        attributes.attached_completion_callbacks = request.completion_callbacks;
    }
    let links = if options.attach_links {
        request.links
    } else {
        Vec::new()
    };
    run.update_options(now_ms, attributes, links);
    service.close_transaction(key);
}

/// Returns the run that a request starts.
pub(crate) fn new_run(request: StartWorkflowExecutionRequest, now_ms: u64) -> NewRun {
    let mut attributes = WorkflowExecutionStartedEventAttributes {
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
        continued_failure: request.continued_failure,
        last_completion_result: request.last_completion_result,
        memo: request.memo,
        search_attributes: request.search_attributes,
        header: request.header,
        completion_callbacks: request.completion_callbacks,
        priority: request.priority,
        versioning_override: request.versioning_override,
        ..WorkflowExecutionStartedEventAttributes::default()
    };
    chain::begin(
        &mut attributes,
        request.workflow_start_delay.as_ref(),
        now_ms,
    );
    NewRun {
        attributes,
        decoration: EventDecoration {
            user_metadata: request.user_metadata,
            links: request.links,
            ..EventDecoration::default()
        },
        request_id: request.request_id,
        ..NewRun::default()
    }
}
