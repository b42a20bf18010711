//! The simulated network: every message between clients, service and workers waits here.
//!
//! A message is delayed by time, by events, or by both. When time skips, a delay by time almost
//! never meets the timer that it should race with: the clock jumps over the delay. A delay by
//! events does meet the timer: the message stays until that many other things have happened.
//!
//! No call stays open for ever, so no message waits for events for ever: at most
//! [as long as its caller waits](HOLD_MS).

use std::collections::BTreeMap;

use durasim_service::{DeliveryId, Request, RequestId, Response};
use tonic::Status;

use crate::{
    broken::broken,
    faults::{DEFAULT_TASK_TIMEOUT_MS, Delay, HOLD_MS},
    label::Workflow,
};

/// A message under way.
pub(crate) enum Message {
    /// A request on its way to the service.
    Call(RequestId, Request),
    /// The service's answer on its way back to whoever asked.
    Reply(RequestId, Result<Response, Status>),
    /// A delivery from one workflow to another; the number is that of the entry on the tape of the
    /// fault that holds it until events have happened.
    Delivery(DeliveryId, Option<usize>),
}

impl Message {
    /// Returns the id of the request, if the message belongs to one.
    pub(super) fn id(&self) -> Option<RequestId> {
        match self {
            Self::Call(id, _) | Self::Reply(id, _) => Some(*id),
            Self::Delivery(..) => None,
        }
    }
}

/// The conditions under which a message waits for events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hold {
    /// The longest time that the message waits, in virtual milliseconds.
    pub(crate) longest_ms: u64,
    /// The message is released at once when a signal to this workflow arrives.
    pub(crate) overtaken_by_signal_to: Option<Workflow>,
}

impl Hold {
    /// Returns the conditions of a message that waits at most so long.
    pub(crate) fn at_most(longest_ms: u64) -> Self {
        Self {
            longest_ms,
            overtaken_by_signal_to: None,
        }
    }
}

/// A message, and the conditions of its delivery.
struct InFlight {
    due_ms: u64,
    /// The number of events for which the message still waits.
    hold_events: u32,
    /// The message is released at once when a signal to this workflow arrives.
    overtaken_by_signal_to: Option<Workflow>,
    /// The time until which the message waits for events.
    patience_ms: u64,
    message: Message,
}

/// The longest time that the completion of a workflow task waits for events: a task that is not
/// completed by then has usually timed out. The service then refuses its completion whenever it
/// arrives. As long as the completion is under way, the worker does not begin the next attempts,
/// which would time out one after the other.
const WORKFLOW_TASK_MS: u64 = DEFAULT_TASK_TIMEOUT_MS;

/// The messages under way.
#[derive(Default)]
pub(crate) struct Network {
    /// The number of messages so far: the place of a message among those due at the same time.
    sent: u64,
    /// The messages that wait for time alone, by the time at which they are due.
    timed: BTreeMap<(u64, u64), InFlight>,
    /// The messages that wait for events, in the order in which they were sent.
    held: BTreeMap<u64, InFlight>,
}

impl Network {
    pub(crate) fn send(&mut self, now_ms: u64, delay: Delay, message: Message) {
        let longest_ms = match message {
            Message::Call(_, Request::RespondWorkflowTaskCompleted(_)) => WORKFLOW_TASK_MS,
            _ => HOLD_MS,
        };
        self.send_held(now_ms, delay, message, Hold::at_most(longest_ms));
    }

    /// Sends a message that may wait for events under these conditions.
    pub(crate) fn send_held(&mut self, now_ms: u64, delay: Delay, message: Message, hold: Hold) {
        let in_flight = InFlight {
            due_ms: now_ms.saturating_add(delay.ms),
            hold_events: if broken!(EventDelays) {
                0
            } else {
                delay.events
            },
            overtaken_by_signal_to: hold.overtaken_by_signal_to,
            patience_ms: now_ms.saturating_add(hold.longest_ms),
            message,
        };
        self.sent += 1;
        if in_flight.hold_events == 0 {
            self.timed.insert((in_flight.due_ms, self.sent), in_flight);
        } else {
            self.held.insert(self.sent, in_flight);
        }
    }

    /// Lets the held messages that `released` picks wait for time alone. Returns `true` if there
    /// were any.
    fn release(&mut self, mut released: impl FnMut(&mut InFlight) -> bool) -> bool {
        let before = self.held.len();
        for (place, in_flight) in self.held.extract_if(.., |_, it| released(it)) {
            self.timed.insert((in_flight.due_ms, place), in_flight);
        }
        self.held.len() < before
    }

    /// Releases the signals that were held until a signal to this workflow arrives.
    pub(crate) fn signal_arrived(&mut self, workflow: Workflow) {
        self.release(|held| held.overtaken_by_signal_to == Some(workflow));
    }

    /// Returns the answers on their way to requests that `of` picks.
    pub(crate) fn replies(
        &self,
        of: impl Fn(RequestId) -> bool,
    ) -> impl Iterator<Item = &Response> {
        let all = self.timed.values().chain(self.held.values());
        all.filter_map(move |in_flight| match &in_flight.message {
            Message::Reply(id, Ok(response)) if of(*id) => Some(response),
            _ => None,
        })
    }

    /// Takes the answers on their way to requests that `of` picks, each with the rest of its delay.
    pub(super) fn take_replies(
        &mut self,
        now_ms: u64,
        of: impl Fn(RequestId) -> bool,
    ) -> Vec<(Delay, Message)> {
        let is_picked = |it: &InFlight| matches!(it.message, Message::Reply(id, _) if of(id));
        let timed = self.timed.extract_if(.., |_, it| is_picked(it));
        let mut taken: Vec<_> = timed.map(|(_, it)| it).collect();
        let held = self.held.extract_if(.., |_, it| is_picked(it));
        taken.extend(held.map(|(_, it)| it));
        let taken = taken.into_iter().map(|it| {
            let delay = Delay {
                ms: it.due_ms.saturating_sub(now_ms),
                events: it.hold_events,
            };
            (delay, it.message)
        });
        taken.collect()
    }

    /// Returns `true` if a message can be delivered at `now_ms`.
    pub(crate) fn has_deliverable(&self, now_ms: u64) -> bool {
        self.next_due_ms().is_some_and(|due_ms| due_ms <= now_ms)
    }

    /// Takes the message that is due first; among equals, the message sent first.
    pub(crate) fn deliver(&mut self, now_ms: u64) -> Option<Message> {
        // A message that has waited for events as long as it may is due like any other.
        self.release(|held| held.patience_ms <= now_ms);
        let first = self.timed.first_entry()?;
        (first.key().0 <= now_ms).then(|| first.remove().message)
    }

    /// Counts one event towards the messages that wait for events.
    pub(crate) fn event_happened(&mut self) {
        self.release(|held| {
            held.hold_events -= 1;
            held.hold_events == 0
        });
    }

    /// Returns the time at which the next message is due: one that waits for events is due when it
    /// has waited as long as it may.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        let timed = self.timed.keys().next().map(|(due_ms, _)| *due_ms);
        let held = self.held.values().map(|held| held.patience_ms);
        timed.into_iter().chain(held).min()
    }

    /// Returns `true` if a message waits for events.
    pub(crate) fn is_empty(&self) -> bool {
        self.timed.is_empty() && self.held.is_empty()
    }

    pub(crate) fn has_held(&self) -> bool {
        !self.held.is_empty()
    }

    /// Releases the messages that wait for events, because somebody cannot wait any longer. Returns
    /// `true` if there were any.
    pub(crate) fn release_held(&mut self) -> bool {
        self.release(|_| true)
    }

    /// Drops the messages that `lost` picks: nobody is left to receive them.
    pub(crate) fn drop_where(&mut self, lost: impl Fn(&Message) -> bool) {
        self.timed.retain(|_, in_flight| !lost(&in_flight.message));
        self.held.retain(|_, in_flight| !lost(&in_flight.message));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::label::Workflows;

    fn call(id: u64) -> Message {
        message("GetSystemInfo", id)
    }

    fn message(rpc: &str, id: u64) -> Message {
        let request = Request::decode(rpc, &[]).expect("an empty message is a valid request");
        Message::Call(RequestId(id), request)
    }

    fn id(message: Option<Message>) -> Option<u64> {
        message.and_then(|message| message.id()).map(|id| id.0)
    }

    #[test]
    fn messages_arrive_in_the_order_they_are_due_and_then_in_the_order_sent() {
        let mut network = Network::default();
        network.send(0, Delay { ms: 5, events: 0 }, call(1));
        network.send(0, Delay::default(), call(2));
        network.send(0, Delay::default(), call(3));
        assert_eq!(id(network.deliver(0)), Some(2));
        assert_eq!(id(network.deliver(0)), Some(3));
        assert_eq!(id(network.deliver(0)), None);
        assert_eq!(network.next_due_ms(), Some(5));
        assert_eq!(id(network.deliver(5)), Some(1));
    }

    #[test]
    fn a_message_held_for_events_outlasts_jumps_of_the_clock_within_its_time() {
        let mut network = Network::default();
        network.send(0, Delay { ms: 0, events: 2 }, call(1));
        assert!(!network.has_deliverable(HOLD_MS - 1));
        network.event_happened();
        network.event_happened();
        assert_eq!(id(network.deliver(HOLD_MS - 1)), Some(1));
    }

    #[test]
    fn a_message_is_held_for_events_no_longer_than_its_caller_waits() {
        let mut network = Network::default();
        network.send(0, Delay { ms: 0, events: 2 }, call(1));
        let hold = Hold::at_most(4_000);
        network.send_held(0, Delay { ms: 0, events: 2 }, call(2), hold);
        assert_eq!(network.next_due_ms(), Some(4_000));
        assert_eq!(id(network.deliver(4_000)), Some(2));
        assert_eq!(network.next_due_ms(), Some(HOLD_MS));
        assert_eq!(id(network.deliver(HOLD_MS)), Some(1));
    }

    #[test]
    fn a_completed_workflow_task_is_held_no_longer_than_it_may_take() {
        let mut network = Network::default();
        network.send(
            0,
            Delay { ms: 0, events: 2 },
            message("RespondWorkflowTaskCompleted", 1),
        );
        assert!(!network.has_deliverable(9_999));
        assert_eq!(network.next_due_ms(), Some(10_000));
        assert_eq!(id(network.deliver(10_000)), Some(1));
    }

    #[test]
    fn a_signal_that_is_to_be_overtaken_waits_for_the_next_one_to_its_workflow() {
        let mut network = Network::default();
        let mut workflows = Workflows::default();
        let (first, second) = (
            workflows.appears("a", "Payment"),
            workflows.appears("b", "Payment"),
        );
        let hold = Hold {
            overtaken_by_signal_to: Some(first),
            ..Hold::at_most(HOLD_MS)
        };
        network.send_held(0, Delay { ms: 0, events: 9 }, call(1), hold);
        network.signal_arrived(second);
        assert!(!network.has_deliverable(0));
        network.signal_arrived(first);
        assert_eq!(id(network.deliver(0)), Some(1));
    }

    #[test]
    fn held_messages_are_released_at_once_when_somebody_cannot_wait() {
        let mut network = Network::default();
        network.send(0, Delay { ms: 0, events: 9 }, call(1));
        assert!(network.release_held());
        assert!(!network.release_held());
        assert_eq!(id(network.deliver(0)), Some(1));
    }
}
