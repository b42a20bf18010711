//! The messages of a random worker about updates.

use proptest::prelude::*;
use prost::Name;
use prost_types::Any;
use temporalio_protos::temporal::api::{
    protocol::v1::Message,
    update::v1::{Acceptance, Meta, Outcome, Rejection, Response, outcome},
};

use super::parts::{failure, payloads};

/// A message about an update.
#[derive(Clone, Debug)]
pub(crate) struct UpdateMessage {
    kind: u8,
    update: u8,
}

pub(crate) fn update_message() -> impl Strategy<Value = UpdateMessage> {
    (0..6_u8, 0..4_u8).prop_map(|(kind, update)| UpdateMessage { kind, update })
}

impl UpdateMessage {
    /// Returns the messages with which a worker may answer the request of an update.
    pub(crate) fn answers(update_id: &str, how: u8) -> Vec<Message> {
        let kinds: &[u8] = match how % 4 {
            0 => &[0],
            1 => &[0, 3],
            2 => &[2],
            _ => &[],
        };
        kinds.iter().map(|kind| message(*kind, update_id)).collect()
    }

    /// Returns the message.
    pub(crate) fn message(&self) -> Message {
        message(self.kind, &format!("update-{}", self.update))
    }
}

/// Returns a message without its id. The sender numbers the messages, so that commands can name
/// them.
fn message(kind: u8, update_id: &str) -> Message {
    let body = match kind {
        0 | 1 => packed(&Acceptance {
            accepted_request_message_id: format!("{update_id}/request"),
            accepted_request_sequencing_event_id: 1,
            ..Acceptance::default()
        }),
        2 => packed(&Rejection {
            failure: Some(failure(0)),
            ..Rejection::default()
        }),
        3 | 4 => {
            let value = match kind {
                3 => outcome::Value::Failure(failure(0)),
                _ => outcome::Value::Success(payloads().expect("some")),
            };
            packed(&Response {
                meta: Some(Meta {
                    update_id: update_id.to_owned(),
                    ..Meta::default()
                }),
                outcome: Some(Outcome { value: Some(value) }),
            })
        }
        _ => Any {
            type_url: "type.googleapis.com/nonsense".to_owned(),
            value: vec![1, 2, 3],
        },
    };
    Message {
        protocol_instance_id: update_id.to_owned(),
        body: Some(body),
        ..Message::default()
    }
}

fn packed<M: prost::Message + Name>(message: &M) -> Any {
    Any {
        type_url: M::type_url(),
        value: message.encode_to_vec(),
    }
}
