//! The actions of schedules on workflows.
//!
//! Source: `temporalio/temporal: service/worker/scheduler/activities.go`.

use prost::Message;
use tonic::Status;

use crate::{
    api::{Attributes, WorkflowExecution, rpc::StartWorkflowExecutionRequest},
    base::identifiers::RunKey,
    frontend::{start_workflow_execution, validate},
    messages::request::Request,
    run::close::{CancelRequest, Termination},
    schedules::turn::{WorkflowEnd, Workflows},
    state::service::Service,
};

/// The room that the server leaves beside a result or a failure that passes to the next run.
const OVERHEAD_BYTES: usize = 1_024;

/// The workflows of a service.
pub(super) struct OfService<'a>(pub(super) &'a mut Service);

impl OfService<'_> {
    /// Returns the running workflow of a chain.
    fn running(&self, execution: &WorkflowExecution) -> Option<RunKey> {
        let executions = &self.0.executions;
        let key = executions.last_of_chain(&execution.workflow_id, &execution.run_id)?;
        executions.run(key).is_running().then_some(key)
    }
}

impl Workflows for OfService<'_> {
    fn start(&mut self, request: StartWorkflowExecutionRequest) -> Result<String, Status> {
        let service = &mut *self.0;
        let namespace = service.config.namespace.clone();
        let mut request = Request::from(StartWorkflowExecutionRequest {
            namespace,
            ..request
        });
        validate::validate(&mut request, &service.config, service.now_ms)?;
        let Request::StartWorkflowExecution(request) = request else {
            return Err(Status::internal("a start became another request"));
        };
        Ok(start_workflow_execution::start(service, *request)?.run_id)
    }

    fn request_cancel(&mut self, execution: &WorkflowExecution, identity: &str) {
        let Some(key) = self.running(execution) else {
            return;
        };
        let request = CancelRequest {
            reason: "cancelled by schedule overlap policy".to_owned(),
            identity: identity.to_owned(),
            ..CancelRequest::default()
        };
        self.0.request_cancel_of_run(key, request);
    }

    fn terminate(&mut self, execution: &WorkflowExecution, identity: &str) {
        let Some(key) = self.running(execution) else {
            return;
        };
        let termination = Termination {
            reason: "terminated by schedule overlap policy".to_owned(),
            identity: identity.to_owned(),
            ..Termination::default()
        };
        self.0.terminate_run(key, termination);
    }

    fn end_of(&self, execution: &WorkflowExecution) -> Option<WorkflowEnd> {
        end_of(self.0, execution)
    }
}

/// Returns the end of a chain; `None` while it runs.
pub(super) fn end_of(service: &Service, execution: &WorkflowExecution) -> Option<WorkflowEnd> {
    let executions = &service.executions;
    let last = executions.last_of_chain(&execution.workflow_id, &execution.run_id);
    let Some(run) = last.map(|key| executions.run(key)) else {
        return Some(WorkflowEnd::default());
    };
    if run.is_running() {
        return None;
    }
    let most = service.config.limits.payload_bytes - OVERHEAD_BYTES;
    let closing = run.history.events().last();
    let (result, failure) = match closing.and_then(|event| event.attributes.as_ref()) {
        Some(Attributes::WorkflowExecutionCompletedEventAttributes(it)) => {
            (it.result.clone(), None)
        }
        Some(Attributes::WorkflowExecutionFailedEventAttributes(it)) => (None, it.failure.clone()),
        _ => (None, None),
    };
    Some(WorkflowEnd {
        status: run.state.status,
        result: result.filter(|it| it.encoded_len() <= most),
        failure: failure.filter(|it| it.encoded_len() <= most),
    })
}
