//! The cluster and all who wait for it, under one lock.

use std::{
    collections::BTreeMap,
    future::pending,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use durasim_service::{Cluster, Request, RequestId, Response, Rpc};
use tokio::{
    select,
    sync::{Notify, oneshot},
    time::sleep_until,
};
use tonic::Status;

use crate::{
    clock::Clock,
    options::{ServerOptions, Time},
    patience::Patience,
    time_skipping::{Skipping, waits},
};

type Answer = Result<Response, Status>;

/// The cluster, its clock, and all who wait.
#[derive(Debug)]
pub(crate) struct Host {
    state: Mutex<State>,
    /// Notified when the time of the next event may have changed.
    pub(crate) changed: Notify,
}

/// Keeps time from skipping until it is dropped.
pub(crate) struct Held(Arc<Host>);

/// The state behind the lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) cluster: Cluster,
    pub(crate) clock: Clock,
    /// The lock of time, and those who sleep; `None` if time never skips.
    pub(crate) skipping: Option<Skipping>,
    waiting: BTreeMap<RequestId, Waiter>,
    last_id: u64,
    /// The number of messages that are held on their way.
    held: usize,
    is_stopping: bool,
}

/// A caller that waits for its reply.
#[derive(Debug)]
struct Waiter {
    rpc: Rpc,
    answer: oneshot::Sender<Answer>,
}

/// The wait of a caller. Dropped before its reply came, it cancels the request.
struct Wait {
    host: Arc<Host>,
    id: RequestId,
    answer: oneshot::Receiver<Answer>,
}

impl Host {
    pub(crate) fn new(options: ServerOptions) -> Self {
        let skipping = match options.time {
            Time::Real => None,
            Time::Skipping { locked } => Some(Skipping::new(locked)),
        };
        let retention = options.kept();
        let mut config = options.service;
        config.retention = retention;
        config.tracks_work = skipping.is_some();
        let mut cluster = Cluster::new(config);
        cluster.register_on_use(options.registers_namespaces);
        for namespace in &options.namespaces {
            cluster.register(namespace);
        }
        Self {
            state: Mutex::new(State {
                cluster,
                clock: Clock::start(),
                skipping,
                waiting: BTreeMap::new(),
                last_id: 0,
                held: 0,
                is_stopping: false,
            }),
            changed: Notify::new(),
        }
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // The service keeps its state whole, whatever a handler did before it panicked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the time of the service, in milliseconds since the Unix epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        self.state().clock.now_ms()
    }

    /// Keeps time from skipping as long as the result lives.
    pub(crate) fn hold_time(self: &Arc<Self>) -> Held {
        self.state().held += 1;
        Held(self.clone())
    }

    /// Answers a request whose caller waits this long.
    ///
    /// # Errors
    ///
    /// The status that the service answers with; DEADLINE_EXCEEDED after the caller's deadline.
    pub(crate) async fn call(
        self: &Arc<Self>,
        request: Request,
        timeout: Option<Duration>,
    ) -> Answer {
        let patience = Patience::with(request.rpc(), timeout);
        let begun = Instant::now();
        let mut wait = self.submit(request);
        let mut expires = patience.expires.map(|after| begun + after);
        let deadline = patience.deadline.map(|after| begun + after);
        loop {
            select! {
                biased;
                answer = &mut wait.answer => return answer.unwrap_or_else(|_| Err(stopped())),
                () = at(expires) => {
                    expires = None;
                    self.expire(wait.id);
                }
                () = at(deadline) => {
                    return Err(Status::deadline_exceeded("context deadline exceeded"));
                }
            }
        }
    }

    fn submit(self: &Arc<Self>, request: Request) -> Wait {
        let mut state = self.state();
        state.last_id += 1;
        let id = RequestId(state.last_id);
        let (sender, answer) = oneshot::channel();
        let rpc = request.rpc();
        state.waiting.insert(
            id,
            Waiter {
                rpc,
                answer: sender,
            },
        );
        let now_ms = state.clock.now_ms();
        state.cluster.request(now_ms, id, request);
        state.send_replies();
        if state.is_stopping {
            state.end_waits();
        }
        drop(state);
        self.changed.notify_one();
        Wait {
            host: self.clone(),
            id,
            answer,
        }
    }

    fn expire(&self, id: RequestId) {
        let mut state = self.state();
        let now_ms = state.clock.now_ms();
        state.cluster.expire(now_ms, id);
        state.send_replies();
        drop(state);
        self.changed.notify_one();
    }

    /// Answers all who wait, and from now on every request at once.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.is_stopping = true;
        state.end_waits();
    }

    /// Lets time pass, for ever: fires what is due, and skips what nobody needs.
    pub(crate) async fn keep_time(self: Arc<Self>) {
        loop {
            let changed = self.changed.notified();
            let next = self.state().advance();
            select! {
                () = changed => {}
                () = at(next) => {}
            }
        }
    }
}

impl State {
    /// Fires all that is due, and skips time as far as possible. Returns the moment at which there
    /// is something to do again.
    fn advance(&mut self) -> Option<Instant> {
        loop {
            let now_ms = self.clock.now_ms();
            self.cluster.fire_due(now_ms);
            if let Some(skipping) = &mut self.skipping {
                skipping.wake(now_ms);
            }
            self.send_replies();
            let sleeper_ms = self.skipping.as_ref().and_then(Skipping::next_ms);
            let due_ms = self.cluster.next_due_ms();
            let next_ms = due_ms.into_iter().chain(sleeper_ms).min()?;
            if next_ms <= now_ms {
                continue;
            }
            let waited_for = self.waiting.values().any(|waiter| waits(waiter.rpc));
            let held = self.held > 0;
            let Some(skipping) = self.skipping.as_mut().filter(|_| !held) else {
                return Some(self.clock.instant(next_ms));
            };
            match skipping.held_until(&self.cluster, now_ms, waited_for) {
                None => {
                    if self.cluster.next_schedule_ms() == Some(next_ms) {
                        skipping.schedule_acts();
                    }
                    skipping.skips(next_ms - now_ms);
                    self.clock.skip_to(next_ms);
                }
                Some(moment) => return Some(moment.min(self.clock.instant(next_ms))),
            }
        }
    }

    fn send_replies(&mut self) {
        for reply in self.cluster.take_replies() {
            let Some(waiter) = self.waiting.remove(&reply.id) else {
                continue;
            };
            if let Some(skipping) = &mut self.skipping {
                skipping.answered(waiter.rpc);
            }
            // If the caller has gone, its `Wait` has told the service, or is about to.
            let _ = waiter.answer.send(reply.result);
        }
    }

    fn end_waits(&mut self) {
        let now_ms = self.clock.now_ms();
        let waiting: Vec<_> = self.waiting.keys().copied().collect();
        for id in waiting {
            self.cluster.expire(now_ms, id);
        }
        self.send_replies();
        // Dropping the senders ends the waits of queries.
        self.waiting.clear();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.state().held -= 1;
        self.0.changed.notify_one();
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut state = self.host.state();
        if state.waiting.remove(&self.id).is_some() {
            state.cluster.cancel(self.id);
            drop(state);
            self.host.changed.notify_one();
        }
    }
}

fn stopped() -> Status {
    Status::unavailable("the server is shutting down")
}

/// Sleeps until a moment; without one, for ever.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment.into()).await,
        None => pending().await,
    }
}
