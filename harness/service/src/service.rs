//! The service: requests and the passing of time in, replies out.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use tonic::Status;

use crate::{
    api::HistoryEvent,
    config::ServiceConfig,
    executions::Executions,
    identifiers::{RequestId, RunKey},
    matching::Matching,
    nexus::NexusEndpoints,
    payload,
    query::{self, Queries},
    request::{Request, Response},
    rpc::{self, Answer, HistoryWaiter},
    run::{
        Run,
        close::{CancelRequest, HISTORY_SERVICE, Termination},
        signals::Signal,
        start::NewRun,
    },
    timers::{self, Timers},
    transfer::{
        self, Transfer,
        cross_run::{self, CrossRun},
    },
    updates::{self, UpdateWaiters},
    validate,
    workflow_id::TERMINATED_FOR_NEW_RUN,
};

/// An answer to a request.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The request that it answers.
    pub id: RequestId,
    /// The response, or the gRPC status that the server would answer with.
    pub result: Result<Response, Status>,
}

/// A simulated Temporal service.
///
/// It is a state machine: it changes only when it is told of a request, of a caller that went away,
/// or of a timer that fires, each with the current virtual time in milliseconds since the Unix
/// epoch. It reads no clock and draws no random number; the same calls give the same replies.
#[derive(Debug)]
pub struct Service {
    pub(crate) config: ServiceConfig,
    pub(crate) now_ms: u64,
    pub(crate) executions: Executions,
    pub(crate) matching: Matching,
    pub(crate) nexus_endpoints: NexusEndpoints,
    pub(crate) timers: Timers,
    pub(crate) queries: Queries,
    pub(crate) history_waiters: BTreeMap<RunKey, Vec<HistoryWaiter>>,
    pub(crate) cross_run: CrossRun,
    pub(crate) update_waiters: UpdateWaiters,
    transfers: VecDeque<Transfer>,
    replies: Vec<Reply>,
}

impl Service {
    /// A service with no executions.
    pub fn new(config: ServiceConfig) -> Self {
        Self {
            config,
            now_ms: 0,
            executions: Executions::default(),
            matching: Matching::default(),
            nexus_endpoints: NexusEndpoints::default(),
            timers: Timers::default(),
            queries: Queries::default(),
            history_waiters: BTreeMap::new(),
            cross_run: CrossRun::default(),
            update_waiters: UpdateWaiters::default(),
            transfers: VecDeque::new(),
            replies: Vec::new(),
        }
    }

    /// Takes a request. Its reply comes out of [`Service::take_replies`], now or, for a long poll,
    /// much later.
    pub fn request(&mut self, now_ms: u64, id: RequestId, request: Request) {
        self.request_until(now_ms, id, request, None);
    }

    /// As [`Service::request`], from a caller that waits until `deadline_ms`, in milliseconds since
    /// the Unix epoch. A query or an update that has no answer by then is told DEADLINE_EXCEEDED.
    /// Other waits have none, nor has that for an update of 20 s or more: the server answers those
    /// before, and clients ask again.
    pub fn request_until(
        &mut self,
        now_ms: u64,
        id: RequestId,
        request: Request,
        deadline_ms: Option<u64>,
    ) {
        self.advance(now_ms);
        let mut request = request;
        let handled = validate::validate(&mut request, &self.config, self.now_ms)
            .and_then(|()| rpc::handle(self, id, deadline_ms, request));
        match handled {
            Ok(Answer::Now(response)) => self.reply(id, Ok(response)),
            Ok(Answer::Later) => {}
            Err(status) => self.reply(id, Err(status)),
        }
        self.settle();
    }

    /// The caller of a request went away: its poll takes no task, and nothing replies to it any
    /// more.
    pub fn cancel(&mut self, id: RequestId) {
        self.matching.cancel_poll(id);
        updates::cancel(self, id);
        for waiters in self.history_waiters.values_mut() {
            waiters.retain(|waiter| waiter.id != id);
        }
        query::cancel(self, id);
    }

    /// When the next timer falls due, or the next delivery from one run to another, if there is
    /// any.
    pub fn next_due_ms(&self) -> Option<u64> {
        self.timers
            .next_due_ms()
            .into_iter()
            .chain(self.cross_run.next_due_ms())
            .min()
    }

    /// How many things are due: each run that has something to tell another counts once, and so
    /// does each timer by its run and kind.
    pub fn due(&self, now_ms: u64) -> usize {
        self.cross_run.due(now_ms) + self.timers.due(now_ms).count()
    }

    /// Fires one of the things that are due: first come the deliveries between runs, which on the
    /// server take no time, then the timers, earliest first. All due timers that workflow code of
    /// one run started count as one, and fire in one transaction, as on the server. An index past
    /// [`Service::due`] fires nothing.
    pub fn fire(&mut self, now_ms: u64, index: usize) {
        self.advance(now_ms);
        match index.checked_sub(self.cross_run.due(now_ms)) {
            None => cross_run::deliver(self, index),
            Some(index) => {
                let due = self.timers.due(now_ms).nth(index);
                let Some((run, kind)) = due else { return };
                timers::fire(self, run, kind);
            }
        }
        self.settle();
    }

    /// The replies since the last call, in order.
    pub fn take_replies(&mut self) -> Vec<Reply> {
        std::mem::take(&mut self.replies)
    }

    /// The history of a run, of the last run of the workflow id if none is named.
    pub fn history(&self, workflow_id: &str, run_id: Option<&str>) -> Option<&[Arc<HistoryEvent>]> {
        let key = match run_id {
            Some(run_id) => self.executions.by_run_id(workflow_id, run_id)?,
            None => self.executions.current(workflow_id)?,
        };
        Some(self.executions.run(key).history.events())
    }

    /// Time never goes back, whatever a caller says.
    fn advance(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
    }

    pub(crate) fn reply(&mut self, id: RequestId, result: Result<Response, Status>) {
        self.replies.push(Reply { id, result });
    }

    /// Does the work that transactions left for later, in order, until none is left.
    fn settle(&mut self) {
        while let Some(transfer) = self.transfers.pop_front() {
            transfer::execute(self, transfer);
        }
    }

    /// Starts a run.
    pub(crate) fn start_run(&mut self, new: NewRun) -> RunKey {
        let key = self.executions.next_key();
        let run_id = self
            .executions
            .next_run_id(self.config.id_seed, &new.attributes.workflow_id);
        self.executions
            .add(Run::start(self.now_ms, key, run_id, new));
        self.close_transaction(key);
        key
    }

    /// The id that the next run of this run's workflow id will have.
    pub(crate) fn next_run_id(&self, key: RunKey) -> String {
        self.executions
            .next_run_id(self.config.id_seed, &self.executions.run(key).workflow_id)
    }

    /// Signals a run, as one transaction.
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

    /// Asks a run to cancel, as one transaction; nothing happens to a closed one.
    pub(crate) fn request_cancel_of_run(&mut self, key: RunKey, request: CancelRequest) {
        self.executions
            .run_mut(key)
            .request_cancel(self.now_ms, request);
        self.close_transaction(key);
    }

    /// Terminates a run that is running, as one transaction.
    pub(crate) fn terminate_run(&mut self, key: RunKey, termination: Termination) {
        self.executions
            .run_mut(key)
            .terminate(self.now_ms, termination);
        self.close_transaction(key);
    }

    /// Terminates the run that a new one of its workflow id replaces.
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

    /// Ends a transaction on a run: flushes its buffer, keeps its limits, arms its timers, sends
    /// its outbox.
    pub(crate) fn close_transaction(&mut self, key: RunKey) {
        let run = self.executions.run_mut(key);
        run.close_transaction(self.now_ms, &self.config.limits);
        self.timers.rearm(run);
        self.transfers.extend(run.outbox.drain(..));
        let has_queries = !run.is_running() && !run.buffered_queries.is_empty();
        if self.history_waiters.contains_key(&key) {
            rpc::answer_history_waiters(self, key);
        }
        if has_queries {
            query::release_buffered(self, key);
        }
        updates::answer(self, key);
    }

    /// Leaves a piece of work for after the transactions under way.
    pub(crate) fn later(&mut self, transfer: Transfer) {
        self.transfers.push_back(transfer);
    }
}
