//! A workflow task on its way to a worker. It shares its events with the history that they are
//! from.

use std::{ops::Deref, sync::Arc};

use prost::Message;

use crate::api::{HistoryEvent, history::History, protocol, rpc::PollWorkflowTaskQueueResponse};

/// The answer to a poll for a workflow task.
///
/// It stands for a [`PollWorkflowTaskQueueResponse`], which [`into_message`](Self::into_message)
/// creates, and dereferences to it except for its events, which a worker in the same process need
/// not copy.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolledWorkflowTask {
    /// The message; its history has no events. Boxed, for a task goes through many hands.
    message: Box<PollWorkflowTaskQueueResponse>,
    events: Vec<Arc<HistoryEvent>>,
}

impl PolledWorkflowTask {
    /// Returns a task with the message and, instead of the message's own events, `events`.
    pub(crate) fn new(
        message: PollWorkflowTaskQueueResponse,
        events: Vec<Arc<HistoryEvent>>,
    ) -> Self {
        let mut message = Box::new(message);
        message.history = Some(History::default());
        Self { message, events }
    }

    pub(crate) fn with_messages(mut self, messages: Vec<protocol::Message>) -> Self {
        self.message.messages = messages;
        self
    }

    /// Returns the events that came with the task.
    pub fn events(&self) -> &[Arc<HistoryEvent>] {
        &self.events
    }

    /// Returns the message without events, and the events.
    pub fn into_parts(self) -> (Box<PollWorkflowTaskQueueResponse>, Vec<Arc<HistoryEvent>>) {
        (self.message, self.events)
    }

    /// Returns the message as it is on the wire.
    pub fn into_message(self) -> PollWorkflowTaskQueueResponse {
        let Self {
            mut message,
            events,
        } = self;
        if let Some(history) = &mut message.history {
            history.events = events.iter().map(|event| (&**event).into()).collect();
        }
        *message
    }

    pub(crate) fn encode_to_vec(&self) -> Vec<u8> {
        self.clone().into_message().encode_to_vec()
    }
}

impl From<PollWorkflowTaskQueueResponse> for PolledWorkflowTask {
    fn from(mut message: PollWorkflowTaskQueueResponse) -> Self {
        let events = message
            .history
            .as_mut()
            .map(|history| std::mem::take(&mut history.events));
        Self {
            message: Box::new(message),
            events: events
                .unwrap_or_default()
                .into_iter()
                .map(|event| Arc::new(event.into()))
                .collect(),
        }
    }
}

impl Deref for PolledWorkflowTask {
    type Target = PollWorkflowTaskQueueResponse;

    fn deref(&self) -> &Self::Target {
        &self.message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_survives_its_bytes() {
        let event = HistoryEvent {
            event_id: 1,
            ..HistoryEvent::default()
        };
        let message = PollWorkflowTaskQueueResponse {
            attempt: 2,
            ..Default::default()
        };
        let task = PolledWorkflowTask::new(message, vec![Arc::new(event.clone())]);
        let bytes = task.encode_to_vec();
        let read = PollWorkflowTaskQueueResponse::decode(&*bytes).unwrap();
        assert_eq!(PolledWorkflowTask::from(read), task);
        let of_message = task.into_message().history.unwrap().events.remove(0);
        assert_eq!(HistoryEvent::from(of_message), event);
    }

    #[test]
    fn an_empty_answer_has_no_history() {
        let empty = PolledWorkflowTask::from(PollWorkflowTaskQueueResponse::default());
        assert_eq!(empty, PolledWorkflowTask::default());
        assert_eq!(
            empty.into_message(),
            PollWorkflowTaskQueueResponse::default()
        );
    }
}
