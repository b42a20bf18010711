//! The fate of requests on their way, and the way of their answers back to their callers.

use std::rc::Rc;

use durasim_engine::{SinceStart, digest};
use durasim_service::{Reason, Request, RequestId, Response};
use futures::channel::oneshot;
use prost::Message as _;
use tonic::Status;

use super::{
    client_call::ClientCall,
    network::{Hold, Message},
    outage::{InOutage, LastOutage},
    pending::{Caller, CallerKind, Calls, Pending},
    state::{GivenUp, LastAnswer, State},
    tolerance::tolerance,
    worker::ProcessRef,
};
use crate::{
    broken::broken,
    faults::{CALL_TIMEOUT_MS, CallView, Delay, Direction, Fate, Lazily, Outage, longest_hold_ms},
    label::Label,
    recording::Touch,
};

impl State {
    /// Sends a client's request: decoded now, sent over the network, answered some time.
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

    /// Sends a client's request that is decoded and labelled.
    pub(super) fn call(
        &mut self,
        label: Label,
        timeout_ms: Option<u64>,
        request: Request,
    ) -> ClientCall {
        let (sender, receiver) = oneshot::channel();
        let deadline_ms = timeout_ms.map(|ms| self.now_ms.saturating_add(ms));
        let caller = Caller::Client {
            sender,
            deadline_ms,
        };
        ClientCall {
            id: self.send_request(caller, label, request),
            receiver,
            answered: false,
        }
    }

    /// Sends a request over the network, where faults may change its fate.
    pub(super) fn send_request(
        &mut self,
        caller: Caller,
        label: Label,
        request: Request,
    ) -> RequestId {
        self.send_request_late(caller, label, request, Delay::default())
    }

    /// Sends a request with a delay of the caller's own.
    pub(super) fn send_request_late(
        &mut self,
        caller: Caller,
        label: Label,
        request: Request,
        own: Delay,
    ) -> RequestId {
        let id = self.calls.next_id();
        let process = caller.kind().process();
        let timeout_ms = caller.timeout_ms(self.now_ms);
        self.record("send", label);

        // The choices: latency, then what faults make of the message. In an outage the service
        // decides that.
        let latency = self.latency.delay(&mut self.choices, self.now_ms, label);
        let mut in_outage = self.in_outage(caller.kind(), &request);
        let mut fate = None;
        if in_outage.is_none() && self.faults.any() {
            let worker = self.queue_of(caller.kind());
            let tolerates_repeat = self.tolerates_repeat(&caller, &request);
            let tolerance = tolerance!(self);
            let tolerates_outage = || tolerance.tolerates_outage();
            let view = CallView {
                direction: Direction::Request,
                label,
                rpc: Some(request.rpc()),
                worker: worker.as_deref(),
                answer: None,
                allowance: None,
                tolerates_repeat,
                tolerates_outage: &Lazily::new(&tolerates_outage),
                timeout_ms,
                waited_ms: 0,
            };
            self.faults.hurry(tolerance.hurries());
            fate = self.faults.message(&mut self.choices, self.now_ms, &view);
        }
        if let Some(Fate::Outage(outage)) = fate {
            self.begin_outage(outage);
            fate = None;
            in_outage = self.in_outage(caller.kind(), &request);
        }
        let mut delay = latency + own;
        match in_outage {
            None => {}
            Some(InOutage::Refused(status)) => {
                self.faults.refused(label);
                fate = Some(Fate::Refused(status));
            }
            Some(InOutage::Late(ms)) => delay = delay + Delay::by_ms(ms),
            Some(InOutage::GivenUp(ms, status)) => {
                delay = delay + Delay::by_ms(ms);
                fate = Some(Fate::Refused(status));
            }
        }
        let asked_by = matches!(caller, Caller::Client { .. })
            .then(|| self.executor.polled())
            .flatten();
        let held_by = self.held_by(fate.as_ref());
        let copied_by = match fate {
            Some(Fate::Twice(later)) if later != Delay::default() => {
                self.choices.taken_count().checked_sub(1)
            }
            _ => None,
        };
        let departure = Departure {
            now_ms: self.now_ms,
            process,
            delay,
            timeout_ms,
            copied_by,
        };
        self.watch_request(
            id,
            caller.kind(),
            asked_by.as_deref(),
            label,
            Touch::of(fate.as_ref()),
        );
        let is_twice = matches!(fate, Some(Fate::Twice(_)));
        let is_query = matches!(request, Request::QueryWorkflow(_));
        let answer_lost = self.calls.depart(departure, id, request, fate);
        let pending = Pending {
            caller,
            label,
            sent_ms: self.now_ms,
            is_query,
            asked_by,
            answer_lost,
            held_by,
        };
        self.calls.insert(id, pending);
        if is_twice {
            self.watch_copy(id, self.calls.last_id());
        }
        id
    }

    /// Lets the service refuse every call from now on. The polls that wait at the service fail.
    fn begin_outage(&mut self, outage: Outage) {
        self.record("service", format_args!("refuses every call"));
        self.watch_remark(None, "refuses every call");
        self.calls.outage = Some(LastOutage::new(outage, self.now_ms));
        self.fail_polls();
    }

    /// Returns the fate of a request, if the service refuses every call now.
    fn in_outage(&self, caller: CallerKind, request: &Request) -> Option<InOutage> {
        let outage = self.calls.outage.as_ref()?;
        outage.fate(self.now_ms, caller, request.rpc())
    }

    /// Returns the fault that was just drawn, if it holds a message until events have happened: the
    /// number of its entry on the tape.
    fn held_by(&self, fate: Option<&Fate>) -> Option<usize> {
        let is_hold = match fate? {
            Fate::Late(delay) => delay.events > 0,
            Fate::Overtaken { .. } => true,
            Fate::Refused(_) | Fate::AnswerLost(_) | Fate::Twice(_) | Fate::Outage(_) => false,
        };
        self.choices
            .taken_count()
            .checked_sub(1)
            .filter(|_| is_hold)
    }

    /// Adds to the plan when a message arrived, if a fault has held it until events had happened,
    /// or if it is the copy that a fault has made.
    pub(super) fn tell_arrival(&mut self, id: RequestId) {
        let pending = self.calls.get_mut(id);
        let held = pending.and_then(|pending| pending.held_by.take());
        if let Some(entry) = held {
            self.tell_arrival_of(entry, "it");
        } else if let Some(entry) = self.calls.copies.remove(&id) {
            self.tell_arrival_of(entry, "the copy");
        }
    }

    /// Adds to an entry of the plan when the message arrived that it holds.
    pub(super) fn tell_arrival_of(&mut self, entry: usize, what: &str) {
        let now_ms = self.now_ms;
        self.choices.add_words(entry, || {
            format!("; {what} arrives at {}", SinceStart(now_ms))
        });
    }

    /// Sends the answers that the service has ready on their way.
    pub(super) fn send_replies(&mut self) {
        if !self.service.has_replies() {
            return;
        }
        for reply in self.service.take_replies() {
            let Some(pending) = self.calls.get_mut(reply.id) else {
                continue;
            };
            let (label, caller) = (pending.label, pending.caller.kind());
            let mut lost = pending.answer_lost.take();
            let left_ms = pending.left_ms(self.now_ms);
            let waited_ms = self.now_ms.saturating_sub(pending.sent_ms);

            // A poll that was matched makes room for the next.
            match caller {
                CallerKind::Worker(at, Some(kind)) => self.repoll(at, kind, reply.id),
                #[cfg(feature = "nexus")]
                CallerKind::Nexus(endpoint) => self.repoll_nexus_if_matched(endpoint, &reply),
                _ => {}
            }

            self.watch_reply(reply.id, caller, label);

            // The choices: latency, then what faults make of the message.
            let mut touch = lost.as_ref().map_or(Touch::None, |_| Touch::Lost);
            let mut delay = self.latency.delay(&mut self.choices, self.now_ms, label);
            if self.faults.any() {
                let answer = reply.result.as_ref().ok();
                let allowance = match answer {
                    Some(Response::PollActivityTaskQueue(task)) if !task.task_token.is_empty() => {
                        Some(tolerance!(self).allowance(task))
                    }
                    _ => None,
                };
                let worker = self.queue_of(caller);
                let view = CallView {
                    direction: Direction::Reply,
                    label,
                    rpc: answer.map(Response::rpc),
                    worker: worker.as_deref(),
                    answer,
                    allowance,
                    tolerates_repeat: self.reply_tolerates_repeat(caller, label, answer),
                    tolerates_outage: &Lazily::new(&|| false),
                    timeout_ms: CALL_TIMEOUT_MS,
                    waited_ms,
                };
                let fate = self.fate(&view);
                let held_by = self.held_by(fate.as_ref());
                match fate {
                    Some(Fate::Late(late)) => {
                        delay = delay + late;
                        touch = Touch::Held;
                    }
                    Some(Fate::AnswerLost(status)) => {
                        lost = Some(status);
                        touch = Touch::Lost;
                    }
                    _ => {}
                }
                if let Some(pending) = self.calls.get_mut(reply.id) {
                    pending.held_by = held_by;
                }
            }
            self.watch_touch(touch, caller);
            let mut result = lost.map_or(reply.result, Err);
            if let Some(left_ms) = left_ms
                && delay.ms > left_ms
            {
                delay = Delay::by_ms(left_ms);
                result = Err(deadline_exceeded());
            }
            let message = Message::Reply(reply.id, result);
            self.calls
                .carry(self.now_ms, caller.process(), delay, message);
        }
    }

    /// Returns the task queue of the worker that calls, if a worker calls.
    fn queue_of(&self, caller: CallerKind) -> Option<Rc<str>> {
        match caller {
            CallerKind::Worker(at, _) => Some(self.workers.latest(at).spec.task_queue.clone()),
            CallerKind::Client | CallerKind::Nexus(_) => None,
        }
    }

    /// Hands an answer to its caller.
    pub(super) fn deliver_reply(&mut self, id: RequestId, result: Result<Response, Status>) {
        self.tell_arrival(id);
        self.watch_answer(id, result.as_ref().err());
        let Some(pending) = self.calls.remove(id) else {
            return;
        };
        let Pending {
            caller,
            label,
            asked_by,
            ..
        } = *pending;
        match &result {
            Ok(Response::QueryWorkflow(answer)) if !broken!(TraceOfAnswers) => {
                self.record(
                    "reply",
                    format_args!("{label} {:016x}", digest(&answer.encode_to_vec())),
                );
            }
            Ok(_) => self.record("reply", label),
            Err(status) => {
                self.record(
                    "reply",
                    format_args!("{label}: {:?}: {}", status.code(), status.message()),
                );
            }
        }
        match caller {
            Caller::Client { sender, .. } => {
                self.monotony.answered(label, asked_by.as_ref());
                self.last_answer = Some(LastAnswer {
                    task: asked_by,
                    at_ms: self.now_ms,
                    refusal: result.as_ref().err().and_then(Reason::of),
                });
                // A client that no longer listens dropped its call.
                let result = result.map(|response| response.encode_to_vec());
                let _ = sender.send(result.map_err(Reason::strip));
            }
            #[cfg(feature = "nexus")]
            Caller::Nexus { endpoint, .. } => self.nexus_reply(endpoint, result),
            #[cfg(not(feature = "nexus"))]
            Caller::Nexus { .. } => {}
            Caller::Worker { at, call } => self.worker_reply(at, call, result),
        }
    }

    /// Returns the time until which the caller of a request waits, in virtual milliseconds since
    /// the Unix epoch.
    pub(super) fn deadline_ms(&self, id: RequestId) -> Option<u64> {
        match self.calls.get(id)?.caller {
            Caller::Client { deadline_ms, .. } => deadline_ms,
            Caller::Worker { .. } | Caller::Nexus { .. } => None,
        }
    }

    /// Forgets a request whose caller is gone.
    pub(super) fn cancel_request(&mut self, id: RequestId) {
        let Some(pending) = self.calls.remove(id) else {
            return;
        };
        self.service.cancel(id);
        self.calls
            .network
            .drop_where(|message| matches!(message, Message::Reply(reply, _) if *reply == id));
        // A panic drops calls too, and gives up on none of them.
        let Pending {
            label, asked_by, ..
        } = *pending;
        if let Some(task) = asked_by.filter(|_| !std::thread::panicking()) {
            let at_ms = self.now_ms;
            self.given_up = Some(GivenUp { task, label, at_ms });
        }
    }
}

/// The circumstances under which a request leaves its caller.
#[derive(Clone, Copy)]
struct Departure {
    now_ms: u64,
    process: Option<ProcessRef>,
    /// The delay of the message when no fault changes it.
    delay: Delay,
    /// The time that its caller waits, in virtual milliseconds.
    timeout_ms: u64,
    /// The fault that makes a copy of the request: the number of its entry on the tape.
    copied_by: Option<usize>,
}

impl Calls {
    /// Sends a request on its way, with what a fault makes of it. Returns the answer that its
    /// caller gets in place of the service's.
    fn depart(
        &mut self,
        departure: Departure,
        id: RequestId,
        request: Request,
        fate: Option<Fate>,
    ) -> Option<Status> {
        let Departure {
            now_ms,
            process,
            mut delay,
            timeout_ms,
            copied_by,
        } = departure;
        let mut hold = Hold::at_most(longest_hold_ms(timeout_ms));
        match fate {
            None | Some(Fate::Outage(_)) => {
                self.carry(now_ms, process, delay, Message::Call(id, request));
            }
            Some(Fate::Late(late)) => {
                delay = delay + late;
                if process.is_some() {
                    self.carry(now_ms, process, delay, Message::Call(id, request));
                } else {
                    self.send_in_time(departure, delay, hold, id, request);
                }
            }
            Some(Fate::Refused(status)) => {
                self.carry(now_ms, process, delay, Message::Reply(id, Err(status)));
            }
            Some(Fate::AnswerLost(status)) => {
                self.carry(now_ms, process, delay, Message::Call(id, request));
                return Some(status);
            }
            // The other fates are those of signals, which only clients send.
            Some(Fate::Twice(later)) => {
                // The answer to the copy interests nobody: the copy's id is never pending.
                let copy = self.next_id();
                self.copies.extend(copied_by.map(|entry| (copy, entry)));
                let again = Message::Call(copy, asked_again(&request));
                self.network.send(now_ms, later, again);
                self.network.send(now_ms, delay, Message::Call(id, request));
            }
            Some(Fate::Overtaken {
                by_signal_to,
                at_most_events,
            }) => {
                delay.events += at_most_events;
                hold.overtaken_by_signal_to = Some(by_signal_to);
                self.send_in_time(departure, delay, hold, id, request);
            }
        }
        None
    }

    /// Sends a client's request so that it arrives by its caller's deadline. If it takes until
    /// then, the caller no longer waits for the answer.
    fn send_in_time(
        &mut self,
        departure: Departure,
        delay: Delay,
        hold: Hold,
        id: RequestId,
        request: Request,
    ) {
        let Departure {
            now_ms, timeout_ms, ..
        } = departure;
        let in_time = Delay {
            ms: delay.ms.min(timeout_ms),
            ..delay
        };
        self.network
            .send_held(now_ms, in_time, Message::Call(id, request), hold);
        if delay.ms >= timeout_ms {
            let gives_up = Message::Reply(id, Err(deadline_exceeded()));
            self.network
                .send(now_ms, Delay::by_ms(timeout_ms), gives_up);
        }
    }
}

/// Returns the status with which a call ends whose deadline has passed.
fn deadline_exceeded() -> Status {
    Reason::DeadlineExceeded.on(Status::deadline_exceeded("context deadline exceeded"))
}

/// Returns a request as its caller sends it a second time by itself: the service cannot know the
/// two for the same.
fn asked_again(request: &Request) -> Request {
    let mut again = request.clone();
    match &mut again {
        Request::SignalWorkflowExecution(signal) => signal.request_id.push_str("-again"),
        Request::SignalWithStartWorkflowExecution(signal) => signal.request_id.push_str("-again"),
        _ => {}
    }
    again
}
