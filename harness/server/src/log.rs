//! The line that tells a call and its answer.

use std::fmt::Write as _;

use durasim_service::{Request, Response, Rpc};
use temporalio_protos::temporal::api::common::v1::WorkflowExecution;
use tonic::Status;

/// A call that is to be printed with its answer.
#[derive(Debug)]
pub(crate) struct LogLine {
    rpc: Rpc,
    about: String,
    began_ms: u64,
}

impl LogLine {
    pub(crate) fn of(request: &Request, now_ms: u64) -> Self {
        Self {
            rpc: request.rpc(),
            about: about(request),
            began_ms: now_ms,
        }
    }

    /// Prints the line to the standard error.
    pub(crate) fn print(&self, answer: &Result<Response, Status>, now_ms: u64) {
        eprintln!("{}", self.text(answer, now_ms));
    }

    fn text(&self, answer: &Result<Response, Status>, now_ms: u64) -> String {
        let mut line = format!("{}", self.rpc);
        if !self.about.is_empty() {
            let _ = write!(line, " {}", self.about);
        }
        let _ = match answer {
            Ok(_) => write!(line, ": OK"),
            Err(status) => write!(line, ": {:?}, {}", status.code(), status.message()),
        };
        let took_ms = now_ms.saturating_sub(self.began_ms);
        let _ = write!(line, " ({took_ms} ms)");
        line
    }
}

/// Returns what a request is about: the workflow or the task queue.
fn about(request: &Request) -> String {
    let of = |execution: &Option<WorkflowExecution>| {
        execution
            .as_ref()
            .map(|it| it.workflow_id.clone())
            .unwrap_or_default()
    };
    let queue = |queue: &Option<temporalio_protos::temporal::api::taskqueue::v1::TaskQueue>| {
        queue.as_ref().map(|it| it.name.clone()).unwrap_or_default()
    };
    match request {
        Request::StartWorkflowExecution(it) => it.workflow_id.clone(),
        Request::SignalWithStartWorkflowExecution(it) => {
            format!("{} {}", it.workflow_id, it.signal_name)
        }
        Request::SignalWorkflowExecution(it) => {
            format!("{} {}", of(&it.workflow_execution), it.signal_name)
        }
        Request::UpdateWorkflowExecution(it) => of(&it.workflow_execution),
        Request::RequestCancelWorkflowExecution(it) => of(&it.workflow_execution),
        Request::TerminateWorkflowExecution(it) => of(&it.workflow_execution),
        Request::QueryWorkflow(it) => of(&it.execution),
        Request::DescribeWorkflowExecution(it) => of(&it.execution),
        Request::GetWorkflowExecutionHistory(it) => of(&it.execution),
        Request::PollWorkflowTaskQueue(it) => queue(&it.task_queue),
        Request::PollActivityTaskQueue(it) => queue(&it.task_queue),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use temporalio_protos::temporal::api::workflowservice::v1::StartWorkflowExecutionRequest;

    use super::*;

    #[test]
    fn a_line_tells_the_call_the_answer_and_the_time() {
        let request = StartWorkflowExecutionRequest {
            workflow_id: "order-1".to_owned(),
            ..StartWorkflowExecutionRequest::default()
        };
        let line = LogLine::of(&request.into(), 1_000);
        let refused = Err(Status::not_found("Namespace x is not found."));
        assert_eq!(
            line.text(&refused, 1_003),
            "StartWorkflowExecution order-1: NotFound, Namespace x is not found. (3 ms)"
        );
    }
}
