//! The way between callers and the service: the log, and what the network makes of messages.
//!
//! Time does not skip while a message is held.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use durasim_service::{Request, Response};
use tokio::{sync::watch, time};
use tonic::Status;

use crate::{
    host::Host,
    log::LogLine,
    network::{Lateness, Network, Passage},
    options::ServerOptions,
};

/// The longest time for which a message waits for others.
const HOLD: Duration = Duration::from_secs(2);
/// The time that a held message leaves its caller for the answer.
const FOR_THE_ANSWER: Duration = Duration::from_secs(1);

/// The way of requests to the service and of answers back.
#[derive(Debug)]
pub(crate) struct Carrier {
    pub(crate) host: Arc<Host>,
    /// The network, if it does anything to messages.
    messages: Option<Arc<Messages>>,
    /// True if calls are printed.
    log: bool,
}

/// The network of a server, and the count of its messages.
#[derive(Debug)]
struct Messages {
    network: Mutex<Box<dyn Network>>,
    /// The number of messages that have passed.
    passed: watch::Sender<u64>,
    /// The number of the last call.
    last_call: AtomicU64,
}

/// A call on its way. Dropped before its answer, it tells the network.
struct Way<'a> {
    messages: &'a Messages,
    call: u64,
    is_answered: bool,
}

impl Carrier {
    pub(crate) fn new(mut options: ServerOptions) -> Self {
        let network = options.network.take();
        Self {
            messages: network.map(|network| Arc::new(Messages::over(network))),
            log: options.log,
            host: Arc::new(Host::new(options)),
        }
    }

    /// Answers a request whose caller waits this long.
    ///
    /// # Errors
    ///
    /// The status that the service answers with, or the network; DEADLINE_EXCEEDED after the
    /// caller's deadline.
    pub(crate) async fn serve(
        &self,
        request: Request,
        timeout: Option<Duration>,
    ) -> Result<Response, Status> {
        let line = self.log.then(|| LogLine::of(&request, self.host.now_ms()));
        let answer = match &self.messages {
            Some(messages) => messages.carry(&self.host, request, timeout).await,
            None => self.host.call(request, timeout).await,
        };
        if let Some(line) = line {
            line.print(&answer, self.host.now_ms());
        }
        answer
    }
}

impl Messages {
    fn over(network: Box<dyn Network>) -> Self {
        Self {
            network: Mutex::new(network),
            passed: watch::channel(0).0,
            last_call: AtomicU64::new(0),
        }
    }

    fn network(&self) -> MutexGuard<'_, Box<dyn Network>> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn passes(&self) {
        self.passed.send_modify(|passed| *passed += 1);
    }

    /// Carries a request to the service and its answer back.
    ///
    /// # Errors
    ///
    /// The status that the service answers with, or the network.
    async fn carry(
        self: &Arc<Self>,
        host: &Arc<Host>,
        mut request: Request,
        timeout: Option<Duration>,
    ) -> Result<Response, Status> {
        let begun = time::Instant::now();
        let call = self.last_call.fetch_add(1, Ordering::Relaxed) + 1;
        let passage = self
            .network()
            .request(host.now_ms(), call, &mut request, timeout);
        let mut way = Way {
            messages: self,
            call,
            is_answered: false,
        };
        // To the service.
        let left = |timeout: Duration| timeout.saturating_sub(begun.elapsed());
        let mut unanswered = None;
        match passage {
            Passage::OnTime => {}
            Passage::Late(lateness) => self.hold(host, lateness, timeout).await,
            Passage::Twice(lateness) => self.send_copy(host, request.clone(), lateness),
            Passage::Refused(status) => return Err(status),
            Passage::Unanswered(status) => unanswered = Some(status),
        }
        self.passes();
        let answer = host.call(request, timeout.map(left)).await;
        // And back.
        way.is_answered = true;
        let passage = self.network().answer(host.now_ms(), call, &answer);
        if let Some(status) = unanswered {
            return Err(status);
        }
        match passage {
            Passage::Late(lateness) => {
                self.hold(host, lateness, timeout.map(left)).await;
                self.passes();
                answer
            }
            Passage::Refused(status) | Passage::Unanswered(status) => Err(status),
            Passage::OnTime | Passage::Twice(_) => {
                self.passes();
                answer
            }
        }
    }

    /// Sends a copy of a request, whose answer nobody waits for.
    fn send_copy(self: &Arc<Self>, host: &Arc<Host>, request: Request, lateness: Lateness) {
        let (messages, host) = (self.clone(), host.clone());
        tokio::spawn(async move {
            messages.hold(&host, lateness, None).await;
            messages.passes();
            // The answer to the first one counts.
            let _ = host.call(request, None).await;
        });
    }

    /// Holds a message. Time passes at its own pace meanwhile.
    async fn hold(&self, host: &Arc<Host>, lateness: Lateness, timeout: Option<Duration>) {
        let _held = host.hold_time();
        time::sleep(lateness.time).await;
        if lateness.messages == 0 {
            return;
        }
        let longest = timeout.map_or(HOLD, |timeout| {
            timeout
                .saturating_sub(lateness.time + FOR_THE_ANSWER)
                .min(HOLD)
        });
        let mut passed = self.passed.subscribe();
        let enough = *passed.borrow() + u64::from(lateness.messages);
        // Whether they came or time is up, the message goes on.
        let _ = time::timeout(longest, passed.wait_for(|passed| *passed >= enough)).await;
    }
}

impl Drop for Way<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.messages.network().forget(self.call);
        }
    }
}
