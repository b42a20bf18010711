//! The frame of a change to a run: savepoints, the flush of buffered events, limits.
//!
//! Source: `temporalio/temporal: service/history/workflow/{context,mutable_state_impl}.go`.

use crate::{
    api::enums::WorkflowTaskFailedCause,
    base::{config::Limits, reason::Reason},
    history::HistoryMark,
    run::{
        Run, RunState,
        activities::Activities,
        close::{HISTORY_SERVICE, Termination},
        user_timers::UserTimers,
        workflow_task::WorkflowTaskFailure,
    },
};

/// The state of a run before the commands of a workflow task were applied.
pub(crate) struct Savepoint {
    state: RunState,
    history: HistoryMark,
    outbox: usize,
}

impl Run {
    /// Saves the state of the run. Exactly one of [`Run::commit`] and [`Run::rollback`] follows.
    pub(crate) fn savepoint(&mut self) -> Savepoint {
        self.activities.savepoint();
        self.user_timers.savepoint();
        self.children.savepoint();
        self.external.savepoint();
        self.nexus_operations.savepoint();
        self.updates.savepoint();
        Savepoint {
            state: self.state.clone(),
            history: self.history.mark(),
            outbox: self.outbox.len(),
        }
    }

    pub(crate) fn commit(&mut self, _: Savepoint) {
        self.activities.commit();
        self.user_timers.commit();
        self.children.commit();
        self.external.commit();
        self.nexus_operations.commit();
        self.updates.commit();
    }

    pub(crate) fn rollback(&mut self, savepoint: Savepoint) {
        self.activities.rollback();
        self.user_timers.rollback();
        self.children.rollback();
        self.external.rollback();
        self.nexus_operations.rollback();
        self.updates.rollback();
        self.history.rollback(savepoint.history);
        self.outbox.truncate(savepoint.outbox);
        self.state = savepoint.state;
    }

    /// Gives buffered events their ids, and updates the state that refers to them.
    pub(crate) fn flush_buffered_events(&mut self) {
        self.history.flush_buffered();
        self.children
            .note_started(self.history.started_in_last_flush());
    }

    /// Ends a transaction on the run.
    pub(crate) fn close_transaction(&mut self, now_ms: u64, limits: &Limits) {
        self.keep_buffer_within(now_ms, limits);
        if !std::mem::take(&mut self.keeps_speculative) {
            self.write_speculative_workflow_task();
        }
        if !self.has_started_workflow_task() || !self.is_running() {
            self.flush_buffered_events();
        }
        self.keep_history_within(now_ms, limits);
        if !self.is_running() {
            self.updates
                .give_up_unaccepted(self.state.next_run_id.is_some());
            self.give_back_memory();
        }
        self.history.measure();
    }

    /// Gives back the memory of what a closed run no longer has: a map keeps the room for its last
    /// entry.
    fn give_back_memory(&mut self) {
        if self.activities.len() == 0 {
            self.activities = Activities::default();
        }
        if self.user_timers.in_order().next().is_none() {
            self.user_timers = UserTimers::default();
        }
        self.history.give_back_memory();
    }

    /// Fails the started workflow task if too many or too large events wait for it.
    fn keep_buffer_within(&mut self, now_ms: u64, limits: &Limits) {
        if self.is_running()
            && self.has_started_workflow_task()
            && !self.history.is_buffer_acceptable(limits)
        {
            let cause = WorkflowTaskFailedCause::ForceCloseCommand;
            self.fail_workflow_task(
                now_ms,
                WorkflowTaskFailure::new(cause, None, HISTORY_SERVICE),
            );
            self.hasten_workflow_task(now_ms);
        }
    }

    /// Terminates the run if its history exceeds a limit.
    fn keep_history_within(&mut self, now_ms: u64, limits: &Limits) {
        if !self.is_running() {
            return;
        }
        let (typed_reason, reason) = if self.history.size_bytes() > limits.history_bytes {
            (
                Reason::HistoryTooLarge,
                "Workflow history size exceeds limit.",
            )
        } else if self.history.next_event_id() - 1 > limits.history_events {
            (
                Reason::HistoryTooLong,
                "Workflow history count exceeds limit.",
            )
        } else {
            return;
        };
        self.terminate(
            now_ms,
            Termination {
                reason: reason.to_owned(),
                identity: HISTORY_SERVICE.to_owned(),
                typed_reason: Some(typed_reason),
                ..Termination::default()
            },
        );
    }
}
