//! Timers of runs that fall due.
//!
//! Source: `temporalio/temporal: service/history/timer_queue_active_task_executor.go`.

use crate::{
    api::enums::TimeoutType,
    base::identifiers::RunKey,
    run::{timers::TimerKind, workflow_task::WorkflowTaskKind},
    state::{
        answers::{queries, updates},
        service::Service,
    },
};

/// Fires one timer of a run in one transaction.
pub(crate) fn fire(service: &mut Service, key: RunKey, kind: TimerKind) {
    let now_ms = service.now_ms;
    let run = service.executions.run_mut(key);
    match kind {
        TimerKind::FirstWorkflowTask => {
            let is_still_to_come = run.awaits_first_workflow_task();
            run.state.first_workflow_task_ms = None;
            if is_still_to_come {
                run.schedule_workflow_task(now_ms, WorkflowTaskKind::Normal);
            }
        }
        TimerKind::WorkflowTask => {
            let is_started = run.has_started_workflow_task();
            let timeout_type = if is_started {
                TimeoutType::StartToClose
            } else {
                TimeoutType::ScheduleToStart
            };
            run.time_out_workflow_task(now_ms, timeout_type);
            run.schedule_workflow_task(now_ms, WorkflowTaskKind::Normal);
        }
        TimerKind::Query => return queries::fall_due(service, key),
        TimerKind::UpdateCaller => return updates::fall_due(service, key),
        TimerKind::UserTimers => run.fire_user_timers(now_ms),
        TimerKind::ActivityTimeouts => run.time_out_activities(now_ms),
        TimerKind::ActivityRetry => run.offer_due_retry(now_ms),
        TimerKind::NexusOperation => run.fire_nexus_operation(now_ms),
        TimerKind::RunTimeout | TimerKind::ExecutionTimeout => return time_out(service, key),
    }
    service.close_transaction(key);
}

fn time_out(service: &mut Service, key: RunKey) {
    let now_ms = service.now_ms;
    let next_run_id = service.next_run_id(key);
    let next_run = service
        .executions
        .run_mut(key)
        .time_out(now_ms, next_run_id);
    service.close_transaction(key);
    if let Some(next_run) = next_run {
        service.start_run(next_run);
    }
}
