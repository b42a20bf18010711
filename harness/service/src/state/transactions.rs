//! Transactions on runs, from their simplest form to their common end.

use tonic::Status;

use crate::{
    base::{identifiers::RunKey, payload},
    run::{
        Run,
        close::{CancelRequest, HISTORY_SERVICE, Termination},
        signals::Signal,
        start::NewRun,
        workflow_id::TERMINATED_FOR_NEW_RUN,
    },
    state::{
        answers::{history_polls, queries, updates},
        service::Service,
        work::Work,
    },
};

impl Service {
    /// Starts a run.
    pub(crate) fn start_run(&mut self, new: NewRun) -> RunKey {
        let key = self.executions.next_key();
        let run_id = self.executions.next_run_id(&new.attributes.workflow_id);
        self.executions
            .add(Run::start(self.now_ms, key, run_id, new));
        self.close_transaction(key);
        key
    }

    /// Returns the id of the run that may follow this one.
    pub(crate) fn next_run_id(&self, key: RunKey) -> String {
        self.executions
            .next_run_id(&self.executions.run(key).workflow_id)
    }

    /// Signals a run in one transaction.
    ///
    /// # Errors
    ///
    /// Those of [`Run::signal`].
    pub(crate) fn signal_run(&mut self, key: RunKey, signal: Signal) -> Result<(), Status> {
        let run = self.executions.run_mut(key);
        run.signal(self.now_ms, signal, &self.config.limits)?;
        self.close_transaction(key);
        Ok(())
    }

    /// Requests the cancellation of a run in one transaction. A closed run does not change.
    pub(crate) fn request_cancel_of_run(&mut self, key: RunKey, request: CancelRequest) {
        self.executions
            .run_mut(key)
            .request_cancel(self.now_ms, request);
        self.close_transaction(key);
    }

    /// Terminates an open run in one transaction.
    pub(crate) fn terminate_run(&mut self, key: RunKey, termination: Termination) {
        self.executions
            .run_mut(key)
            .terminate(self.now_ms, termination);
        self.close_transaction(key);
    }

    /// Terminates the run that a new run of its workflow id replaces.
    pub(crate) fn terminate_for_new_run(&mut self, key: RunKey) {
        let details = payload::words(&format!(
            "terminated by new runID: {}",
            self.next_run_id(key)
        ));
        let termination = Termination {
            reason: TERMINATED_FOR_NEW_RUN.to_owned(),
            details: Some(details),
            identity: HISTORY_SERVICE.to_owned(),
            links: Vec::new(),
            typed_reason: None,
        };
        self.terminate_run(key, termination);
    }

    /// Ends a transaction on a run: flushes its buffer, enforces its limits, arms its timers, takes
    /// its outbox, and answers the callers that wait for it.
    pub(crate) fn close_transaction(&mut self, key: RunKey) {
        let run = self.executions.run_mut(key);
        run.transitions += i64::from(!run.keeps_speculative);
        run.close_transaction(self.now_ms, &self.config.limits);
        if self.config.tracks_work {
            if run.is_being_worked_on() {
                self.working.insert(key);
            } else {
                self.working.remove(&key);
            }
        }
        let is_versioned = run.state.versioning.is_some();
        self.timers.rearm(run);
        self.timers.note_short_timer(run, self.now_ms);
        self.work.extend(run.outbox.drain(..).map(Work::Transfer));
        if !run.updates.due_callbacks().is_empty() {
            self.work.push_back(Work::UpdateCallbacks { run: key });
        }
        let has_queries = !run.is_running() && !run.buffered_queries.is_empty();
        if self.history_polls.contains_key(&key) {
            history_polls::answer_waiting(self, key);
        }
        if has_queries {
            queries::release_buffered(self, key);
        }
        updates::answer(self, key);
        if is_versioned {
            self.count_pinned(key);
        }
    }
}
