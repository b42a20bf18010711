//! Histories without what people wrote into them.
//!
//! Code must still be able to read what it gets, and to do what the run did. So JSON keeps its
//! shape: lists have their lengths, objects their fields, and true, false and null stay. Texts
//! become stand-ins, the same for the same text within one history; numbers become 0. Bytes of
//! other encodings become zeros. Words of failures, reasons and names of machines become
//! `redacted`. Markers of the SDK keep what replay needs.
//!
//! Code whose commands depend on the values themselves cannot replay a redacted history: a loop
//! over a number that was five, a `match` on a text.

use std::{collections::BTreeMap, error::Error};

use base64::{Engine, prelude::BASE64_STANDARD};
use durasim::History;
use serde_json::{Map, Value};

/// The text in place of words that are not payloads.
const REDACTED: &str = "redacted";

/// The fields of words that are not payloads.
const WORDS: [&str; 6] = [
    "identity",
    "message",
    "stackTrace",
    "reason",
    "cause",
    "source",
];

/// The details of markers that replay needs, as the SDKs name them: local activities and patches
/// of Core, versions and side effects of Go and Java.
const KEPT_DETAILS: [&str; 7] = [
    "data",
    "patch-data",
    "patch_id",
    "version",
    "change-id",
    "changeId",
    "side-effect-id",
];

/// The search attribute that tells patches.
const CHANGE_VERSION: &str = "TemporalChangeVersion";

/// Returns the JSON of a history without its payloads and words.
///
/// # Errors
///
/// If the JSON of the history is malformed, which would be a defect of durasim.
pub(crate) fn redacted(history: &History) -> Result<String, Box<dyn Error>> {
    let mut json: Value = serde_json::from_str(&history.to_json())?;
    let mut redactor = Redactor::default();
    redactor.value(&mut json);
    Ok(format!("{json:#}"))
}

/// The stand-ins of one history.
#[derive(Default)]
struct Redactor {
    texts: BTreeMap<String, usize>,
}

impl Redactor {
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(|value| self.value(value)),
            Value::Object(object) if is_payload(object) => self.payload(object),
            Value::Object(object) => self.object(object),
            _ => {}
        }
    }

    fn object(&mut self, object: &mut Map<String, Value>) {
        let is_marker = object.contains_key("markerName");
        for (key, value) in object {
            match (key.as_str(), &mut *value) {
                (key, Value::String(text)) if WORDS.contains(&key) && !is_enum(text) => {
                    REDACTED.clone_into(text);
                }
                ("details", Value::Object(details)) if is_marker => {
                    let others = details.iter_mut();
                    let others = others.filter(|(key, _)| !KEPT_DETAILS.contains(&key.as_str()));
                    others.for_each(|(_, value)| self.value(value));
                }
                (CHANGE_VERSION, _) => {}
                (_, value) => self.value(value),
            }
        }
    }

    fn payload(&mut self, payload: &mut Map<String, Value>) {
        let bytes = |value: Option<&Value>| {
            let text = value.and_then(Value::as_str).unwrap_or_default();
            BASE64_STANDARD.decode(text).unwrap_or_default()
        };
        let encoding = payload.get("metadata").and_then(|it| it.get("encoding"));
        let encoding = bytes(encoding);
        let data = bytes(payload.get("data"));
        let json = encoding
            .starts_with(b"json/")
            .then(|| serde_json::from_slice::<Value>(&data).ok())
            .flatten();
        let data = match json {
            Some(mut json) => {
                self.json(&mut json);
                json.to_string().into_bytes()
            }
            None => vec![0; data.len()],
        };
        if payload.contains_key("data") {
            payload.insert("data".to_owned(), BASE64_STANDARD.encode(data).into());
        }
    }

    fn json(&mut self, value: &mut Value) {
        match value {
            Value::Array(list) => list.iter_mut().for_each(|value| self.json(value)),
            Value::Object(object) => object.values_mut().for_each(|value| self.json(value)),
            Value::Number(_) => *value = 0.into(),
            Value::String(text) => {
                let next = self.texts.len() + 1;
                let number = *self.texts.entry(text.clone()).or_insert(next);
                *text = format!("redacted-{number}");
            }
            Value::Null | Value::Bool(_) => {}
        }
    }
}

fn is_payload(object: &Map<String, Value>) -> bool {
    object.get("metadata").is_some_and(Value::is_object)
}

/// Returns `true` for the value of an enum, such as the cause of a failed workflow task.
fn is_enum(text: &str) -> bool {
    text.contains('_') && text.bytes().all(|it| it.is_ascii_uppercase() || it == b'_')
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;
    use serde_json::json;

    use super::*;

    #[test]
    fn payloads_keep_their_shape_and_lose_their_values() {
        let history = History::from_json(
            json!({ "events": [{
                "eventId": 1,
                "eventTime": "2024-03-01T12:00:00Z",
                "eventType": "WorkflowExecutionStarted",
                "workflowExecutionStartedEventAttributes": {
                    "workflowType": { "name": "Order" },
                    "taskQueue": { "name": "orders" },
                    "identity": "1@ann",
                    "input": [{ "name": "Ann", "to": ["Ann", "Bob"], "age": 41, "ok": true }],
                    "memo": { "fields": { "note": "for Ann" } },
                    "continuedFailure": { "message": "Ann is out", "stackTrace": "at Ann" },
                },
            }] })
            .to_string(),
        )
        .expect("a history");
        let text = redacted(&history).expect("it is JSON");
        assert!(!text.contains("ann") && !text.contains("Ann"), "{text}");
        let again = History::from_json(&text).expect("a redacted history is one");
        assert_eq!(
            again.outline(),
            "1  +0s  WorkflowExecutionStarted  Order({\"age\":0,\"name\":\"redacted-1\",\
             \"ok\":true,\"to\":[\"redacted-1\",\"redacted-2\"]}) on orders"
        );
    }

    #[test]
    fn markers_keep_what_replay_needs() {
        let mut json = json!({
            "markerName": "core_local_activity",
            "details": {
                "data": { "payloads": [{ "metadata": {}, "data": "eyJhIjoxfQ==" }] },
                "result": { "payloads": [{
                    "metadata": { "encoding": "anNvbi9wbGFpbg==" }, "data": "IkFubiI=",
                }] },
            },
        });
        let before = json["details"]["data"].clone();
        Redactor::default().value(&mut json);
        assert_eq!(json["details"]["data"], before);
        let result = &json["details"]["result"]["payloads"][0]["data"];
        assert_eq!(*result, BASE64_STANDARD.encode("\"redacted-1\""));
    }
}
