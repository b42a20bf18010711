//! Signals and cancel requests from one run to another.
//!
//! A run cannot reach itself this way: the server answers that there is no such workflow.
//!
//! Source: `temporalio/temporal: service/history/transfer_queue_active_task_executor.go`
//! (`processSignalExecution`, `processCancelExecution`).

use tonic::Code;

use crate::{
    api::{
        WorkflowExecution,
        enums::{
            CancelExternalWorkflowExecutionFailedCause as CancelFailed,
            SignalExternalWorkflowExecutionFailedCause as SignalFailed,
        },
    },
    base::identifiers::{RunKey, derived_uuid},
    run::{
        close::{CancelRequest, HISTORY_SERVICE},
        signals::Signal,
        transfer::Delivered,
    },
    state::service::Service,
};

/// Sends a signal to another run. If its answer is lost, the sender asks again.
pub(super) fn signal(
    service: &mut Service,
    sender: RunKey,
    initiated_event_id: i64,
    loses_answer: bool,
) -> Delivered {
    let run = service.executions.run(sender);
    let is_pending = run.is_running() && run.external.signals.contains_key(&initiated_event_id);
    let (true, Some(initiated)) = (
        is_pending,
        run.signal_initiated(initiated_event_id).cloned(),
    ) else {
        return Delivered::Done;
    };
    let target = initiated.workflow_execution.as_ref();
    let answer = match target_of(service, sender, target, initiated.child_workflow_only) {
        None => Err(SignalFailed::ExternalWorkflowExecutionNotFound),
        Some(target) => {
            let run = service.executions.run(sender);
            let signal = Signal {
                name: initiated.signal_name,
                input: initiated.input,
                identity: HISTORY_SERVICE.to_owned(),
                header: initiated.header,
                sender: Some(run.execution()),
                request_id: derived_uuid(&run.run_id, initiated_event_id.unsigned_abs()),
                links: Vec::new(),
            };
            match service.signal_run(target, signal) {
                Ok(()) => Ok(()),
                Err(refused) if refused.code() == Code::NotFound => {
                    Err(SignalFailed::ExternalWorkflowExecutionNotFound)
                }
                Err(refused) if refused.code() == Code::InvalidArgument => {
                    Err(SignalFailed::SignalCountLimitExceeded)
                }
                Err(_) => return Delivered::Again,
            }
        }
    };
    if loses_answer {
        return Delivered::Again;
    }
    let (now_ms, namespace) = (service.now_ms, &service.config.namespace);
    service.executions.run_mut(sender).signal_answered(
        now_ms,
        initiated_event_id,
        namespace,
        answer,
    );
    service.close_transaction(sender);
    Delivered::Done
}

/// Requests the cancellation of another run. The request succeeds even if that run has closed. If
/// its answer is lost, the sender asks again.
pub(super) fn request_cancel(
    service: &mut Service,
    sender: RunKey,
    initiated_event_id: i64,
    loses_answer: bool,
) -> Delivered {
    let run = service.executions.run(sender);
    let is_pending = run.is_running() && run.external.cancels.contains_key(&initiated_event_id);
    let (true, Some(initiated)) = (
        is_pending,
        run.cancel_initiated(initiated_event_id).cloned(),
    ) else {
        return Delivered::Done;
    };
    let target = initiated.workflow_execution.as_ref();
    let answer = match target_of(service, sender, target, initiated.child_workflow_only) {
        None => Err(CancelFailed::ExternalWorkflowExecutionNotFound),
        Some(target) => {
            let request = CancelRequest {
                reason: initiated.reason,
                identity: HISTORY_SERVICE.to_owned(),
                sender: Some(service.executions.run(sender).execution()),
                sender_initiated_event_id: initiated_event_id,
                ..CancelRequest::default()
            };
            service.request_cancel_of_run(target, request);
            Ok(())
        }
    };
    if loses_answer {
        return Delivered::Again;
    }
    let (now_ms, namespace) = (service.now_ms, &service.config.namespace);
    service.executions.run_mut(sender).cancel_answered(
        now_ms,
        initiated_event_id,
        namespace,
        answer,
    );
    service.close_transaction(sender);
    Delivered::Done
}

/// Returns the run that a command names, if there is one. It is never a run of the sender's own
/// workflow id. If the command is for children only, an open run must be a child of the sender.
fn target_of(
    service: &Service,
    sender: RunKey,
    target: Option<&WorkflowExecution>,
    child_workflow_only: bool,
) -> Option<RunKey> {
    let sender = service.executions.run(sender);
    if target?.workflow_id == sender.workflow_id {
        return None;
    }
    let key = service.executions.lookup(target).ok()?;
    let run = service.executions.run(key);
    let is_child = run.started().parent_workflow_execution.as_ref() == Some(&sender.execution());
    (!child_workflow_only || !run.is_running() || is_child).then_some(key)
}
