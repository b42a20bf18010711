//! Transfer tasks: the work that a run leaves for the end of a transaction.
//!
//! They are executed in order, after the transaction that left them, in the same step of the
//! simulation.
//!
//! Source: `temporalio/temporal: service/history/transfer_queue_active_task_executor.go`.

use crate::{
    api::enums::ParentClosePolicy,
    base::identifiers::RunKey,
    executors::children,
    matching,
    run::{
        nexus_operations::NexusCaller,
        transfer::{Delivery, Transfer},
    },
    state::{service::Service, work::Work},
};

/// Executes one transfer task.
pub(crate) fn execute(service: &mut Service, transfer: Transfer) {
    match transfer {
        Transfer::WorkflowTask {
            run,
            scheduled_event_id,
        } => {
            matching::offer_workflow_task(service, run, scheduled_event_id);
        }
        Transfer::ActivityTask {
            run,
            scheduled_event_id,
            stamp,
        } => {
            matching::offer_activity_task(service, run, scheduled_event_id, stamp);
        }
        Transfer::NexusRequest {
            run,
            scheduled_event_id,
            call,
        } => {
            let caller = NexusCaller::Run {
                run,
                scheduled_event_id,
            };
            matching::offer_nexus_request(service, caller, call);
        }
        Transfer::CrossRun(delivery) => service.deliveries.push(service.now_ms, delivery),
        Transfer::Closed { run } => {
            tell_relatives(service, run);
            service.retain_run(run);
            if !service.executions.run(run).callbacks.is_empty() {
                service.later(Work::Callbacks { run });
            }
        }
    }
}

/// Notifies the relatives of a closed run: its parent, if the run is the last of its chain, and its
/// children, if it was their only parent. A run that was reset leaves both to the run that replaced
/// it.
///
/// Source: `temporalio/temporal: service/history/transfer_queue_active_task_executor.go`
/// (`processCloseExecution`).
fn tell_relatives(service: &mut Service, key: RunKey) {
    let now_ms = service.now_ms;
    let run = service.executions.run(key);
    service.schedules.workflow_closed(&run.workflow_id, now_ms);
    let is_reset = children::is_terminated_by_reset(run);
    if !is_reset
        && run.started().parent_workflow_execution.is_some()
        && run.state.next_run_id.is_none()
    {
        service
            .deliveries
            .push(now_ms, Delivery::ChildClosed { child: key });
    }
    if is_reset && run.state.reset_run_id.is_some() {
        return;
    }
    for (initiated_event_id, child) in run.children.iter() {
        if child.is_started() && child.parent_close_policy != ParentClosePolicy::Abandon {
            let initiated_event_id = *initiated_event_id;
            service.deliveries.push(
                now_ms,
                Delivery::ParentClosePolicy {
                    parent: key,
                    initiated_event_id,
                },
            );
        }
    }
}
