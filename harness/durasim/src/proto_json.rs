//! Histories as the JSON that Temporal's command line and web UI write and read.
//!
//! The SDK's own types serialize by the names of their Rust fields; the other tools follow the
//! mapping of protocol buffers (<https://protobuf.dev/programming-guides/json>), and so does this:
//! names in camel case, enums by name, 64-bit numbers as text, bytes in base 64. The mapping comes
//! from the descriptors that the SDK is built from.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::Value;
use temporalio_protos::temporal::api::history::v1::History;

/// The types of Temporal's API, read once for the process.
///
/// They are read on a thread of their own. The maps in them would draw hash seeds from the first
/// world that needs them, and from no other.
static TYPES: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let read = || {
        let bytes = include_bytes!(env!("TEMPORAL_DESCRIPTORS")).as_slice();
        DescriptorPool::decode(bytes).expect("the SDK's descriptors are well formed")
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the thread ends here, and no world sees it"
    )]
    let reader = std::thread::spawn(read);
    reader.join().expect("reading does not panic")
});

/// The type of a history.
static HISTORY: LazyLock<MessageDescriptor> = LazyLock::new(|| of_history("History"));

/// The type of an event of history.
pub(crate) static EVENT: LazyLock<MessageDescriptor> = LazyLock::new(|| of_history("HistoryEvent"));

fn of_history(name: &str) -> MessageDescriptor {
    TYPES
        .get_message_by_name(&format!("temporal.api.history.v1.{name}"))
        .expect("the SDK's descriptors have the types of histories")
}

/// Returns the JSON of a history.
pub(crate) fn history(history: &History) -> Value {
    let bytes = history.encode_to_vec();
    let message = DynamicMessage::decode(HISTORY.clone(), bytes.as_slice())
        .expect("a history that was encoded decodes");
    serde_json::to_value(message).expect("a history serializes to JSON")
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use serde_json::json;
    use temporalio_protos::temporal::api::{
        common::v1::{Payload, Payloads},
        enums::v1::EventType,
        history::v1::{
            HistoryEvent, WorkflowExecutionCompletedEventAttributes, history_event::Attributes,
        },
    };

    use super::*;

    #[test]
    fn a_history_is_written_as_the_command_line_writes_it() {
        let payload = Payload {
            metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
            data: b"\"done\"".to_vec(),
            ..Payload::default()
        };
        let completed = WorkflowExecutionCompletedEventAttributes {
            result: Some(Payloads {
                payloads: vec![payload],
            }),
            workflow_task_completed_event_id: 4,
            ..WorkflowExecutionCompletedEventAttributes::default()
        };
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_704_067_200_003);
        let event = HistoryEvent {
            event_id: 5,
            event_time: Some(at.into()),
            event_type: EventType::WorkflowExecutionCompleted.into(),
            attributes: Some(Attributes::WorkflowExecutionCompletedEventAttributes(
                completed,
            )),
            ..HistoryEvent::default()
        };
        let json = history(&History {
            events: vec![event],
        });
        assert_eq!(
            json,
            json!({ "events": [{
                "eventId": "5",
                "eventTime": "2024-01-01T00:00:00.003Z",
                "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED",
                "workflowExecutionCompletedEventAttributes": {
                    "result": { "payloads": [{
                        "metadata": { "encoding": "anNvbi9wbGFpbg==" },
                        "data": "ImRvbmUi",
                    }] },
                    "workflowTaskCompletedEventId": "4",
                },
            }] })
        );
    }
}
