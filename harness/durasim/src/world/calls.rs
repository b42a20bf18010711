//! Requests under way: who asked, what faults make of them, and how the answer comes back.

use super::{
    network::{Delay, Message},
    process::WorkerCall,
    state::State,
};
use crate::{faults::Allowance, sabotage::broken};
use durasim_engine::digest;
use durasim_service::{Reason, Request, RequestId, Response, Rpc};
use futures::channel::oneshot;
use prost::Message as _;
use std::{
    future::Future,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};
use tonic::Status;

/// Who waits for the answer to a request.
pub(crate) enum Caller {
    /// A client: the test, one of its actors, an activity; and until when it waits, if not for
    /// ever.
    Client {
        sender: oneshot::Sender<Result<Vec<u8>, Status>>,
        deadline_ms: Option<u64>,
    },
    /// A worker process, by index and incarnation, and what it asked for.
    Worker {
        worker: usize,
        incarnation: u32,
        call: WorkerCall,
    },
    /// The handlers of a Nexus endpoint; the request id is that of the operation they answer about.
    #[cfg_attr(
        not(feature = "nexus"),
        expect(dead_code, reason = "nobody handles operations then")
    )]
    Nexus {
        endpoint: usize,
        request_id: Option<Rc<str>>,
    },
}

/// A request under way.
pub(crate) struct Pending {
    pub(crate) caller: Caller,
    pub(crate) label: Rc<str>,
    /// Whether it is a query, which waits no longer than its caller does.
    pub(crate) is_query: bool,
    /// The task that asked, of a client.
    pub(crate) asked_by: Option<Rc<str>>,
    /// What the caller hears in place of the answer, if a fault took the answer.
    pub(crate) answer_lost: Option<Status>,
}

/// Which way a message travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From a client or a worker to the service.
    Request,
    /// From the service back.
    Reply,
}

/// What a fault is told of a message.
pub(crate) struct CallView<'a> {
    pub(crate) direction: Direction,
    /// What the message is called in choices and traces.
    pub(crate) label: &'a str,
    /// The RPC; `None` for a reply that is an error.
    pub(crate) rpc: Option<Rpc>,
    /// The task queue of the worker that sent or gets it; `None` for a client.
    pub(crate) worker: Option<&'a str>,
    /// What a reply says, unless it is an error.
    pub(crate) answer: Option<&'a Response>,
    /// What the activity of an activity task on its way can still lose.
    pub(crate) allowance: Option<Allowance>,
    /// Whether the Nexus operation that it is about has the time for the service to ask again.
    pub(crate) bears_repeat: bool,
}

/// What becomes of a message.
#[derive(Debug)]
pub(crate) enum Fate {
    /// It arrives, this much later than it would have.
    Late(Delay),
    /// The caller is told this instead, and the service never hears of it.
    Refused(Status),
    /// The service handles it, and the caller is told this instead of the answer.
    AnswerLost(Status),
    /// It arrives, and so does the same asked again by its caller, this much later.
    Twice(Delay),
    /// It arrives after the next signal to this workflow, or after so many events.
    Overtaken {
        by_signal_to: Rc<str>,
        at_most_events: u32,
    },
}

impl State {
    /// A request of a client: decoded now, sent over the network, answered some time.
    pub(crate) fn client_call(
        &mut self,
        rpc: &str,
        timeout_ms: Option<u64>,
        proto: &[u8],
    ) -> Result<ClientCall, Status> {
        let request = Request::decode(rpc, proto)?;
        let label = self.label(&request);
        Ok(self.call(label, timeout_ms, request))
    }

    /// The same, of a request that is decoded and named.
    pub(crate) fn call(
        &mut self,
        label: Rc<str>,
        timeout_ms: Option<u64>,
        request: Request,
    ) -> ClientCall {
        let (sender, receiver) = oneshot::channel();
        let deadline_ms = timeout_ms.map(|ms| self.now_ms.saturating_add(ms));
        let id = self.send_request(
            Caller::Client {
                sender,
                deadline_ms,
            },
            label,
            request,
        );
        ClientCall {
            id,
            receiver,
            answered: false,
        }
    }

    /// Sends a request over the network; faults may have their way with it.
    pub(crate) fn send_request(
        &mut self,
        caller: Caller,
        label: Rc<str>,
        request: Request,
    ) -> RequestId {
        self.send_request_late(caller, label, request, Delay::default())
    }

    /// The same, with a delay of the caller's own.
    pub(crate) fn send_request_late(
        &mut self,
        caller: Caller,
        label: Rc<str>,
        request: Request,
        own: Delay,
    ) -> RequestId {
        let id = self.next_request_id();
        self.record("send", format_args!("{label}"));
        let latency = self.latency.delay(&mut self.choices, &label);
        let worker = self.worker_of(&caller);
        let bears_repeat = self.bears_repeat(&caller, None);
        let view = CallView {
            direction: Direction::Request,
            label: &label,
            rpc: Some(request.rpc()),
            worker: worker.as_deref(),
            answer: None,
            allowance: None,
            bears_repeat,
        };
        let fate = self.fate(&view);
        let asked_by = matches!(caller, Caller::Client { .. })
            .then(|| self.executor.polled())
            .flatten();
        let is_query = matches!(request, Request::QueryWorkflow(_));
        let mut pending = Pending {
            caller,
            label,
            is_query,
            asked_by,
            answer_lost: None,
        };
        let mut delay = Delay {
            ms: latency.ms + own.ms,
            events: latency.events + own.events,
        };
        match fate {
            None => {}
            Some(Fate::Late(late)) => {
                delay.ms += late.ms;
                delay.events += late.events;
            }
            Some(Fate::Refused(status)) => {
                self.pending.insert(id, pending);
                self.network
                    .send(self.now_ms, delay, Message::Reply(id, Err(status)));
                return id;
            }
            Some(Fate::AnswerLost(status)) => pending.answer_lost = Some(status),
            Some(Fate::Twice(later)) => {
                // The copy's answer interests nobody: its id is never pending.
                let copy = self.next_request_id();
                self.network.send(
                    self.now_ms,
                    later,
                    Message::Call(copy, asked_again(&request)),
                );
            }
            Some(Fate::Overtaken {
                by_signal_to,
                at_most_events,
            }) => {
                delay.events += at_most_events;
                self.pending.insert(id, pending);
                self.network.send_overtaken(
                    self.now_ms,
                    delay,
                    Message::Call(id, request),
                    by_signal_to,
                );
                return id;
            }
        }
        self.pending.insert(id, pending);
        self.network
            .send(self.now_ms, delay, Message::Call(id, request));
        id
    }

    /// Sends the answers that the service has ready on their way.
    pub(crate) fn send_replies(&mut self) {
        for reply in self.service.take_replies() {
            let Some(pending) = self.pending.get_mut(&reply.id) else {
                continue;
            };
            let label = pending.label.clone();
            let lost = pending.answer_lost.take();
            let worker = self.worker_of_request(reply.id);
            let rpc = reply.result.as_ref().ok().map(Response::rpc);
            let bears_repeat = self.pending.get(&reply.id).is_some_and(|pending| {
                self.bears_repeat(&pending.caller, reply.result.as_ref().ok())
            });
            self.repoll_if_matched(reply.id);
            #[cfg(feature = "nexus")]
            self.repoll_nexus_if_matched(&reply);
            let mut delay = self.latency.delay(&mut self.choices, &label);
            let answer = reply.result.as_ref().ok();
            let allowance = match answer {
                Some(Response::PollActivityTaskQueue(task)) if !task.task_token.is_empty() => {
                    self.faults.any().then(|| self.allowance(task))
                }
                _ => None,
            };
            let view = CallView {
                direction: Direction::Reply,
                label: &label,
                rpc,
                worker: worker.as_deref(),
                answer,
                allowance,
                bears_repeat,
            };
            if let Some(Fate::Late(late)) = self.fate(&view) {
                delay.ms += late.ms;
                delay.events += late.events;
            }
            let result = lost.map_or(reply.result, Err);
            self.network
                .send(self.now_ms, delay, Message::Reply(reply.id, result));
        }
    }

    /// Whether the Nexus operation that a message is about has the time for the service to ask
    /// again; nothing else is asked again by the service.
    #[cfg(feature = "nexus")]
    fn bears_repeat(&self, caller: &Caller, answer: Option<&Response>) -> bool {
        match (caller, answer) {
            _ if !self.faults.any() => false,
            (Caller::Nexus { .. }, Some(Response::PollNexusTaskQueue(task))) => {
                self.nexus_task_bears_repeat(task)
            }
            (
                Caller::Nexus {
                    request_id: Some(request_id),
                    ..
                },
                None,
            ) => self.nexus_bears_repeat(request_id),
            _ => false,
        }
    }

    #[cfg(not(feature = "nexus"))]
    #[allow(clippy::unused_self, reason = "as with the feature")]
    fn bears_repeat(&self, _: &Caller, _: Option<&Response>) -> bool {
        false
    }

    /// Hands an answer to whoever waits for it.
    pub(crate) fn deliver_reply(&mut self, id: RequestId, result: Result<Response, Status>) {
        let Some(Pending { caller, label, .. }) = self.pending.remove(&id) else {
            return;
        };
        match &result {
            Ok(Response::QueryWorkflow(answer)) if !broken!(TraceOfAnswers) => {
                self.record(
                    "reply",
                    format_args!("{label} {:016x}", digest(&answer.encode_to_vec())),
                );
            }
            Ok(_) => self.record("reply", format_args!("{label}")),
            Err(status) => {
                self.record(
                    "reply",
                    format_args!("{label}: {:?}: {}", status.code(), status.message()),
                );
            }
        }
        match caller {
            Caller::Client { sender, .. } => {
                // A client that no longer listens dropped its call.
                let result = result.map(|response| response.encode_to_vec());
                let _ = sender.send(result.map_err(Reason::strip));
            }
            #[cfg(feature = "nexus")]
            Caller::Nexus { endpoint, .. } => self.nexus_reply(endpoint, result),
            #[cfg(not(feature = "nexus"))]
            Caller::Nexus { .. } => {}
            Caller::Worker {
                worker,
                incarnation,
                call,
            } => {
                self.worker_reply(worker, incarnation, call, result);
            }
        }
    }

    /// Until when the caller of a request waits.
    pub(crate) fn deadline_ms(&self, id: RequestId) -> Option<u64> {
        match self.pending.get(&id)?.caller {
            Caller::Client { deadline_ms, .. } => deadline_ms,
            Caller::Worker { .. } | Caller::Nexus { .. } => None,
        }
    }

    /// Forgets a request whose caller is gone.
    pub(crate) fn cancel_request(&mut self, id: RequestId) {
        if self.pending.remove(&id).is_some() {
            self.service.cancel(id);
            self.network
                .drop_where(|message| matches!(message, Message::Reply(reply, _) if *reply == id));
        }
    }
}

/// A request as its caller sends it a second time by itself: the service cannot know it for the
/// same.
fn asked_again(request: &Request) -> Request {
    let mut again = request.clone();
    match &mut again {
        Request::SignalWorkflowExecution(signal) => signal.request_id.push_str("-again"),
        Request::SignalWithStartWorkflowExecution(signal) => signal.request_id.push_str("-again"),
        _ => {}
    }
    again
}

/// The answer to a client's request, to be awaited. Dropping it abandons the request.
pub(crate) struct ClientCall {
    id: RequestId,
    receiver: oneshot::Receiver<Result<Vec<u8>, Status>>,
    answered: bool,
}

impl Future for ClientCall {
    type Output = Result<Vec<u8>, Status>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(cx).map(|answer| {
            self.answered = true;
            answer.unwrap_or_else(|_| Err(Status::cancelled("the simulated world ended")))
        })
    }
}

impl Drop for ClientCall {
    fn drop(&mut self) {
        if self.answered {
            return;
        }
        if let Some(world) = super::World::try_current() {
            // While the state is borrowed the world itself is dropping the caller, and knows.
            if let Ok(mut state) = world.state.try_borrow_mut() {
                state.cancel_request(self.id);
            }
        }
    }
}
