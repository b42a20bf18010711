//! The labels of clients' calls.

use durasim_service::Request;
use temporalio_protos::temporal::api::common::v1::{WorkflowExecution, WorkflowType};

use super::{Call, Label, Name, Workflow, Workflows};

impl Label {
    /// Returns the label of a client's request. A workflow that it starts gets its name now.
    pub(crate) fn of_call(names: &mut Workflows, request: &Request) -> Self {
        let about = |names: &Workflows, execution: &Option<WorkflowExecution>| {
            let id = execution.as_ref().map(|run| run.workflow_id.as_str());
            id.map_or(Workflow::UNKNOWN, |id| names.known(id))
        };
        let starts = |names: &mut Workflows, id: &str, workflow_type: &Option<WorkflowType>| {
            names.appears(id, workflow_type.as_ref().map_or("", |t| t.name.as_str()))
        };
        let (workflow, call) = match request {
            Request::StartWorkflowExecution(start) => (
                starts(names, &start.workflow_id, &start.workflow_type),
                Call::Start,
            ),
            Request::SignalWithStartWorkflowExecution(start) => (
                starts(names, &start.workflow_id, &start.workflow_type),
                Call::Signal(Name::new(&start.signal_name)),
            ),
            Request::SignalWorkflowExecution(signal) => (
                about(names, &signal.workflow_execution),
                Call::Signal(Name::new(&signal.signal_name)),
            ),
            Request::QueryWorkflow(query) => {
                let asked = query.query.as_ref();
                let query_type = asked.map_or("", |query| query.query_type.as_str());
                (
                    about(names, &query.execution),
                    Call::Query(Name::new(query_type)),
                )
            }
            Request::UpdateWorkflowExecution(update) => {
                let input = update.request.as_ref().and_then(|it| it.input.as_ref());
                let name = input.map_or("", |input| input.name.as_str());
                (
                    about(names, &update.workflow_execution),
                    Call::Update(Name::new(name)),
                )
            }
            Request::RequestCancelWorkflowExecution(cancel) => {
                (about(names, &cancel.workflow_execution), Call::Cancel)
            }
            Request::TerminateWorkflowExecution(terminate) => {
                (about(names, &terminate.workflow_execution), Call::Terminate)
            }
            Request::GetWorkflowExecutionHistory(history) => {
                (about(names, &history.execution), Call::History)
            }
            Request::DescribeWorkflowExecution(describe) => {
                (about(names, &describe.execution), Call::Describe)
            }
            _ => return Self::Rpc(request.rpc()),
        };
        Self::Call(workflow, call)
    }
}
