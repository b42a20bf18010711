//! Waits of callers, as a server with a real clock ends them, and work that is under way.

use crate::{
    base::identifiers::RequestId,
    state::{
        answers::{
            activity_executions, history_polls, nexus_operation_executions, queries, updates,
        },
        service::Service,
    },
};

impl Service {
    /// Ends the wait of a request as the server does when a long poll has lasted long enough: a
    /// poll for a task gets none, a poll for events gets an empty page, and a caller of an update
    /// gets the stage that the update has reached. [`Service::take_replies`] returns the reply.
    ///
    /// A query fails if no worker polls for it, and otherwise goes on waiting. A request that does
    /// not wait is left alone.
    ///
    /// The service itself ends no wait: a world has no use for empty answers. A driver with a real
    /// clock calls this method, on the server after `matching.longPollExpirationInterval` (one
    /// minute) or `history.longPollExpirationInterval` (20 s).
    pub fn expire(&mut self, now_ms: u64, id: RequestId) {
        self.advance(now_ms);
        if let Some(kind) = self.task_queues.cancel_poll(id, self.now_ms) {
            self.reply(id, Ok(kind.no_task()));
        }
        history_polls::expire(self, id);
        activity_executions::expire(self, id);
        nexus_operation_executions::expire(self, id);
        updates::expire(self, id);
        queries::expire(self, id);
        self.settle();
    }

    /// Returns `true` if a worker has a task: a workflow task, an attempt of an activity, a query
    /// or a Nexus request.
    ///
    /// # Panics
    ///
    /// If the service does not track work ([`ServiceConfig::tracks_work`]).
    ///
    /// [`ServiceConfig::tracks_work`]: crate::ServiceConfig::tracks_work
    pub fn is_working(&self) -> bool {
        assert!(self.config.tracks_work, "this service tracks no work");
        !self.working.is_empty()
            || self.queries.any_taken()
            || self.activity_executions.any_worked_on()
            || self.nexus_operation_executions.any_worked_on()
    }

    /// Returns `true` if a task waits for a worker that polled within this time, in milliseconds,
    /// and is likely to poll again.
    pub fn awaits_poll(&self, now_ms: u64, within_ms: u64) -> bool {
        self.task_queues.awaits_poll(now_ms, within_ms)
    }
}

#[cfg(test)]
mod tests;
