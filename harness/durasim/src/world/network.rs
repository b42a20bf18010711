//! The simulated network: every message between clients, service and workers waits here.
//!
//! A message is delayed by time, by events, or by both. When time skips, a delay by time almost
//! never meets the timer that it should race with: the clock jumps over the delay. A delay by events
//! does meet the timer: the message stays until that many other things have happened, however far
//! the clock jumps meanwhile.

use crate::{broken::broken, faults::Delay, label::Workflow};
use durasim_service::{Request, RequestId, Response};
use tonic::Status;

/// A message under way.
pub(crate) enum Message {
    /// A request on its way to the service.
    Call(RequestId, Request),
    /// The service's answer on its way back to whoever asked.
    Reply(RequestId, Result<Response, Status>),
}

struct InFlight {
    due_ms: u64,
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
const WORKFLOW_TASK_MS: u64 = 10_000;

impl InFlight {
    fn is_due(&self, now_ms: u64) -> bool {
        if self.hold_events == 0 {
            self.due_ms <= now_ms
        } else {
            self.patience_ms <= now_ms
        }
    }
}

/// The messages under way, in the order in which they were sent.
#[derive(Default)]
pub(crate) struct Network {
    in_flight: Vec<InFlight>,
}

impl Network {
    pub(crate) fn send(&mut self, now_ms: u64, delay: Delay, message: Message) {
        self.in_flight.push(InFlight {
            due_ms: now_ms.saturating_add(delay.ms),
            hold_events: if broken!(EventDelays) {
                0
            } else {
                delay.events
            },
            overtaken_by_signal_to: None,
            patience_ms: match message {
                Message::Call(_, Request::RespondWorkflowTaskCompleted(_)) => {
                    now_ms.saturating_add(WORKFLOW_TASK_MS)
                }
                _ => u64::MAX,
            },
            message,
        });
    }

    /// Sends a signal that the next signal to its workflow overtakes; `delay` bounds how long it
    /// waits for that.
    pub(crate) fn send_overtaken(
        &mut self,
        now_ms: u64,
        delay: Delay,
        message: Message,
        workflow: Workflow,
    ) {
        self.send(now_ms, delay, message);
        if let Some(sent) = self.in_flight.last_mut() {
            sent.overtaken_by_signal_to = Some(workflow);
        }
    }

    /// Releases the signals that were held until a signal to this workflow arrives.
    pub(crate) fn signal_arrived(&mut self, workflow: Workflow) {
        for message in &mut self.in_flight {
            if message.overtaken_by_signal_to == Some(workflow) {
                message.hold_events = 0;
            }
        }
    }

    /// Returns the answers on their way to requests that `of` picks.
    pub(crate) fn replies(
        &self,
        of: impl Fn(RequestId) -> bool,
    ) -> impl Iterator<Item = &Response> {
        self.in_flight
            .iter()
            .filter_map(move |in_flight| match &in_flight.message {
                Message::Reply(id, Ok(response)) if of(*id) => Some(response),
                _ => None,
            })
    }

    /// Returns `true` if a message can be delivered at `now_ms`.
    pub(crate) fn has_deliverable(&self, now_ms: u64) -> bool {
        self.in_flight.iter().any(|message| message.is_due(now_ms))
    }

    /// Takes the message that is due first; among equals, the message sent first.
    pub(crate) fn deliver(&mut self, now_ms: u64) -> Option<Message> {
        let (index, _) = self
            .in_flight
            .iter()
            .enumerate()
            .filter(|(_, message)| message.is_due(now_ms))
            .min_by_key(|(index, message)| (message.due_ms, *index))?;
        Some(self.in_flight.remove(index).message)
    }

    /// Counts one event towards the messages that wait for events.
    pub(crate) fn event_happened(&mut self) {
        for message in &mut self.in_flight {
            message.hold_events = message.hold_events.saturating_sub(1);
        }
    }

    /// Returns the time at which the next message that waits for time alone is due.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        let due_ms = |message: &InFlight| match message.hold_events {
            0 => Some(message.due_ms),
            _ => Some(message.patience_ms).filter(|patience_ms| *patience_ms != u64::MAX),
        };
        self.in_flight.iter().filter_map(due_ms).min()
    }

    /// Returns `true` if a message waits for events.
    pub(crate) fn has_held(&self) -> bool {
        self.in_flight.iter().any(|message| message.hold_events > 0)
    }

    /// Releases the messages that wait for events, because nothing else will ever happen. Returns
    /// `true` if there were any.
    pub(crate) fn release_held(&mut self) -> bool {
        let mut released = false;
        for message in self
            .in_flight
            .iter_mut()
            .filter(|message| message.hold_events > 0)
        {
            message.hold_events = 0;
            released = true;
        }
        released
    }

    /// Drops the messages that `lost` picks: nobody is left to receive them.
    pub(crate) fn drop_where(&mut self, lost: impl Fn(&Message) -> bool) {
        self.in_flight.retain(|in_flight| !lost(&in_flight.message));
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
        message.map(|message| match message {
            Message::Call(id, _) | Message::Reply(id, _) => id.0,
        })
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
    fn a_message_held_for_events_outlasts_any_jump_of_the_clock() {
        let mut network = Network::default();
        network.send(0, Delay { ms: 0, events: 2 }, call(1));
        assert_eq!(network.next_due_ms(), None);
        assert!(!network.has_deliverable(1_000_000));
        network.event_happened();
        network.event_happened();
        assert_eq!(id(network.deliver(1_000_000)), Some(1));
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
        network.send_overtaken(0, Delay { ms: 0, events: 9 }, call(1), first);
        network.signal_arrived(second);
        assert!(!network.has_deliverable(0));
        network.signal_arrived(first);
        assert_eq!(id(network.deliver(0)), Some(1));
    }

    #[test]
    fn held_messages_go_when_nothing_else_can_happen() {
        let mut network = Network::default();
        network.send(0, Delay { ms: 0, events: 9 }, call(1));
        assert!(network.release_held());
        assert!(!network.release_held());
        assert_eq!(id(network.deliver(0)), Some(1));
    }
}
