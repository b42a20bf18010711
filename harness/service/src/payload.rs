//! Payloads that the service itself writes.

use crate::api::{Payloads, common::Payload};

/// Words as the server encodes its own: a JSON string.
pub(crate) fn words(text: &str) -> Payloads {
    // The words are the server's own and hold nothing that JSON would escape.
    let payload = Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: format!("\"{text}\"").into_bytes(),
        ..Payload::default()
    };
    Payloads { payloads: vec![payload] }
}
