//! Timeouts of activities.
//!
//! Source: `temporalio/temporal: service/history/timer_queue_active_task_executor.go`
//! (`processSingleActivityTimeoutTask`).

use crate::{
    api::{
        Payloads,
        enums::{RetryState, TimeoutType},
        failure::{Failure, failure::FailureInfo},
    },
    base::failure,
    run::{Run, activities::ActivityClosing},
};

const NO_TIME_FOR_A_RETRY: &str = "Not enough time to schedule next retry before activity \
                                   ScheduleToClose timeout, giving up retrying";

impl Run {
    /// Times out every activity that is due in one transaction, as the server does.
    pub(crate) fn time_out_activities(&mut self, now_ms: u64) {
        while let Some((due_ms, scheduled_event_id)) = self.activities.timeouts.first().copied() {
            if due_ms > now_ms {
                break;
            }
            self.time_out_activity(now_ms, scheduled_event_id);
        }
    }

    fn time_out_activity(&mut self, now_ms: u64, scheduled_event_id: i64) {
        let Some(activity) = self.activities.get(scheduled_event_id) else {
            return;
        };
        let Some((_, timeout_type)) = activity.next_timeout() else {
            return;
        };
        let last_failure = activity.last_failure.clone();
        let heartbeat_details = activity.heartbeat_details.clone();
        let failure = failure::activity_timeout(timeout_type);
        let Err(retry_state) = self.retry_activity(now_ms, scheduled_event_id, Some(&failure))
        else {
            return;
        };
        // If there is no time for another attempt, the timeout is reported as that of
        // schedule-to-close.
        let is_out_of_time =
            retry_state == RetryState::Timeout && timeout_type != TimeoutType::ScheduleToStart;
        let mut failure = if is_out_of_time {
            failure::timeout(NO_TIME_FOR_A_RETRY, TimeoutType::ScheduleToClose)
        } else {
            failure
        };
        set_last_heartbeat(&mut failure, heartbeat_details);
        failure.cause = last_failure.map(Box::new);
        self.close_activity(
            now_ms,
            scheduled_event_id,
            ActivityClosing::TimedOut {
                failure,
                retry_state,
            },
            None,
        );
        self.ensure_workflow_task(now_ms);
    }
}

fn set_last_heartbeat(failure: &mut Failure, details: Option<Payloads>) {
    if let Some(FailureInfo::TimeoutFailureInfo(info)) = &mut failure.failure_info {
        info.last_heartbeat_details = details;
    }
}
