//! The calls of a random client that are about updates.

use temporalio_protos::temporal::api::{
    update::v1::{self as update, UpdateRef, WaitPolicy},
    workflowservice::v1::{execute_multi_operation_request as multi, *},
};

use super::{
    calls::{Call, Known},
    parts::*,
};

impl Call {
    pub(super) fn update(&self, known: &Known) -> UpdateWorkflowExecutionRequest {
        let update_id = match self.number % 5 {
            4 => String::new(),
            update => format!("update-{update}"),
        };
        UpdateWorkflowExecutionRequest {
            namespace: namespace(),
            workflow_execution: self.execution(known),
            first_execution_run_id: self.first_execution_run_id(known),
            wait_policy: Some(WaitPolicy {
                lifecycle_stage: self.stage(),
            }),
            request: Some(update::Request {
                meta: Some(update::Meta {
                    update_id,
                    ..update::Meta::default()
                }),
                input: Some(update::Input {
                    name: "update".to_owned(),
                    ..update::Input::default()
                }),
                ..update::Request::default()
            }),
        }
    }

    /// Returns a stage: accepted or completed, and seldom one that cannot be waited for.
    fn stage(&self) -> i32 {
        i32::from(self.options & 1) + if self.options & 0x0e == 0 { 0 } else { 2 }
    }

    pub(super) fn poll_update(&self, known: &Known) -> PollWorkflowExecutionUpdateRequest {
        PollWorkflowExecutionUpdateRequest {
            namespace: namespace(),
            update_ref: Some(UpdateRef {
                workflow_execution: self.execution(known),
                update_id: format!("update-{}", self.number % 4),
            }),
            wait_policy: self.has(8).then(|| WaitPolicy {
                lifecycle_stage: self.stage(),
            }),
            ..PollWorkflowExecutionUpdateRequest::default()
        }
    }

    /// Returns a start and an update; seldom another pair, which this RPC does not take.
    pub(super) fn update_with_start(&self, known: &Known) -> ExecuteMultiOperationRequest {
        use multi::operation::Operation;
        let (mut start, mut update) = (self.start(known), self.update(known));
        start.cron_schedule.clear();
        start.request_eager_execution = false;
        if let Some(execution) = &mut update.workflow_execution {
            execution.run_id.clear();
        }
        update.first_execution_run_id.clear();
        let mut operations = vec![
            Operation::StartWorkflow(start),
            Operation::UpdateWorkflow(update),
        ];
        match self.options >> 4 & 0x1f {
            0 => operations.reverse(),
            1 => drop(operations.pop()),
            2 => operations.clear(),
            3 => operations.extend(operations.clone()),
            4 => operations[0] = operations[1].clone(),
            _ => {}
        }
        let operations = operations.into_iter().map(|operation| multi::Operation {
            operation: Some(operation),
        });
        ExecuteMultiOperationRequest {
            namespace: namespace(),
            operations: operations.collect(),
            ..ExecuteMultiOperationRequest::default()
        }
    }
}
