//! Timers that fire.

use crate::{api::history::TimerFiredEventAttributes, run::Run};

impl Run {
    /// Fires every timer that is due in one transaction, as the server does.
    pub(crate) fn fire_user_timers(&mut self, now_ms: u64) {
        while let Some((due_ms, started_event_id, timer_id)) =
            self.user_timers.order.first().cloned()
        {
            if due_ms > now_ms {
                break;
            }
            self.user_timers.remove(&timer_id);
            self.history.add(
                now_ms,
                TimerFiredEventAttributes {
                    timer_id,
                    started_event_id,
                },
            );
        }
        self.ensure_workflow_task(now_ms);
    }
}
