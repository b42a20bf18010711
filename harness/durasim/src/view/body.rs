//! The attributes of events as JSON, with decoded payloads.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use temporalio_protos::temporal::api::{
    common::v1::Payloads, history::v1::History as HistoryProto,
};

use crate::{history::History, proto_json};

/// The longest text that is shown of a value; a picture is for reading.
const MAX_TEXT: usize = 4_096;

/// Returns the attributes of each event of a history.
pub(super) fn bodies(history: &History) -> Vec<Value> {
    let events = history.shared().iter().map(|event| (&**event).into());
    let proto = HistoryProto {
        events: events.collect(),
    };
    let Value::Object(mut json) = proto_json::history(&proto) else {
        return Vec::new();
    };
    let Some(Value::Array(events)) = json.remove("events") else {
        return Vec::new();
    };
    events.into_iter().map(attributes).collect()
}

/// Returns the attributes of an event, decoded.
fn attributes(event: Value) -> Value {
    let Value::Object(event) = event else {
        return event;
    };
    let mut all = Map::new();
    for (key, value) in event {
        match value {
            Value::Object(attributes) if key.ends_with("EventAttributes") => {
                all.extend(attributes.into_iter().map(|(key, it)| (key, decoded(it))));
            }
            value if key == "userMetadata" || key == "links" => {
                all.insert(key, decoded(value));
            }
            _ => {}
        }
    }
    Value::Object(all)
}

/// Returns a value with each payload in it decoded: JSON as it is, anything else as its encoding
/// and size.
fn decoded(value: Value) -> Value {
    match value {
        Value::Object(mut object) => {
            if let Some(payload) = payload(&object) {
                return payload;
            }
            // Arguments and results are lists of payloads.
            if object.len() == 1
                && let Some(Value::Array(payloads)) = object.remove("payloads")
            {
                return Value::Array(payloads.into_iter().map(decoded).collect());
            }
            let fields = object.into_iter().map(|(key, it)| (key, decoded(it)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(decoded).collect()),
        Value::String(text) => Value::String(cut(text)),
        other => other,
    }
}

/// Returns the value of a payload, if this is one.
fn payload(object: &Map<String, Value>) -> Option<Value> {
    let metadata = object.get("metadata")?.as_object()?;
    let bytes = |value: &Value| STANDARD.decode(value.as_str()?).ok();
    let encoding = String::from_utf8(bytes(metadata.get("encoding")?)?).ok()?;
    let data = object.get("data").and_then(bytes).unwrap_or_default();
    Some(value(&encoding, &data))
}

/// Returns the value of a payload of this encoding.
fn value(encoding: &str, data: &[u8]) -> Value {
    match encoding {
        "binary/null" => Value::Null,
        "json/plain" | "json/protobuf" if data.len() <= MAX_TEXT => {
            serde_json::from_slice(data).unwrap_or_else(|_| unread(encoding, data))
        }
        "json/plain" | "json/protobuf" => {
            Value::String(cut(String::from_utf8_lossy(data).into_owned()))
        }
        _ => unread(encoding, data),
    }
}

fn unread(encoding: &str, data: &[u8]) -> Value {
    json!({ "encoding": encoding, "bytes": data.len() })
}

/// Returns the values of arguments or results.
pub(super) fn values(payloads: Option<&Payloads>) -> Value {
    let payloads = payloads.iter().flat_map(|payloads| &payloads.payloads);
    let values = payloads.map(|payload| {
        let encoding = payload.metadata.get("encoding");
        let encoding = encoding.map_or_else(Default::default, |it| String::from_utf8_lossy(it));
        value(&encoding, &payload.data)
    });
    Value::Array(values.collect())
}

/// Returns a text, cut if it is too long.
fn cut(text: String) -> String {
    if text.len() <= MAX_TEXT {
        return text;
    }
    let length = text.len();
    let start: String = text.chars().take(MAX_TEXT).collect();
    format!("{start}… (cut: {length} bytes in all)")
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    #[test]
    fn a_payload_shows_its_json_or_its_encoding_and_size() {
        let payload = |encoding: &str, data: &[u8]| {
            json!({
                "metadata": { "encoding": STANDARD.encode(encoding) },
                "data": STANDARD.encode(data),
            })
        };
        let event = json!({
            "eventId": "5",
            "workflowExecutionCompletedEventAttributes": {
                "result": { "payloads": [
                    payload("json/plain", b"{\"a\":1}"),
                    payload("binary/encrypted", b"xyz"),
                ]},
            },
        });
        let unread = json!({ "encoding": "binary/encrypted", "bytes": 3 });
        assert_eq!(attributes(event), json!({ "result": [{ "a": 1 }, unread] }));
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        let text = cut("ä".repeat(5_000));
        assert!(text.ends_with("… (cut: 10000 bytes in all)"), "{text}");
    }
}
