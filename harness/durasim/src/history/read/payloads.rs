//! Payloads as tools write them for people.
//!
//! A payload in full is an object with metadata and data in base 64. Two tools write others:
//!
//! - the `temporal` command line and the HTTP API may write the value alone, for JSON and for null;
//! - the web UI, if it is asked to decode, writes metadata as plain text and data as a value.
//!
//! A value that looks like a payload in full is one.
//!
//! Source: `temporalio/api-go: common/v1/payload_json.go`; `temporalio/ui:
//! src/lib/utilities/decode-payload.ts`.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

/// The fields of a payload in full.
const FIELDS: [&str; 4] = ["metadata", "data", "externalPayloads", "external_payloads"];

/// The key that tells the type of a message in a shorthand.
const MESSAGE_TYPE: &str = "_protoMessageType";

/// Rewrites a list of values to a list of payloads in full.
pub(super) fn payloads(value: &mut Value) {
    match value {
        Value::Array(_) => *value = json!({ "payloads": value.take() }),
        // Elements that are null are left out of a list otherwise.
        Value::Object(object) => {
            if let Some(Value::Array(list)) = object.get_mut("payloads") {
                list.iter_mut().for_each(payload);
            }
        }
        _ => {}
    }
}

/// Rewrites a payload to one in full.
pub(super) fn payload(value: &mut Value) {
    let full = match value {
        Value::Object(object) if is_full(object) => return,
        Value::Object(object) => readable(object).unwrap_or_else(|| shorthand(value)),
        _ => shorthand(value),
    };
    *value = full;
}

/// Returns `true` for a payload in full: it has no other fields, and they are in base 64.
fn is_full(object: &Map<String, Value>) -> bool {
    object
        .iter()
        .all(|(key, value)| match (key.as_str(), value) {
            ("metadata", Value::Object(metadata)) => {
                metadata.values().all(is_base_64) && !metadata.get("encoding").is_some_and(is_name)
            }
            ("data", value) => is_base_64(value),
            (_, Value::Null) => true,
            (key, _) => key != "metadata" && FIELDS.contains(&key),
        })
}

/// Returns `true` for the name of an encoding in plain text, such as `json/plain`.
fn is_name(value: &Value) -> bool {
    let is_word = |word: &str| {
        let of_names = |letter: u8| letter.is_ascii_lowercase() || b"-.+".contains(&letter);
        !word.is_empty() && word.bytes().all(of_names)
    };
    let halves = value.as_str().and_then(|text| text.split_once('/'));
    halves.is_some_and(|(kind, name)| is_word(kind) && is_word(name))
}

fn is_base_64(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => LENIENT.iter().any(|engine| engine.decode(text).is_ok()),
        _ => false,
    }
}

/// Base 64 of both alphabets, with padding or without.
const LENIENT: [base64::engine::GeneralPurpose; 2] = {
    use base64::{
        alphabet,
        engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    };

    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [
        GeneralPurpose::new(&alphabet::STANDARD, config),
        GeneralPurpose::new(&alphabet::URL_SAFE, config),
    ]
};

/// Returns the payload that the web UI decoded, if this is one: its metadata is plain text.
fn readable(object: &Map<String, Value>) -> Option<Value> {
    let metadata = object.get("metadata")?.as_object()?;
    if !object.keys().all(|key| FIELDS.contains(&key.as_str())) {
        return None;
    }
    let encoding = metadata.get("encoding")?;
    let is_plain = is_name(encoding);
    let metadata: Map<_, _> = metadata
        .iter()
        .map(|(key, value)| {
            let text = value.as_str()?;
            let value = if is_plain {
                BASE64_STANDARD.encode(text)
            } else {
                text.to_owned()
            };
            Some((key.clone(), value.into()))
        })
        .collect::<Option<_>>()?;
    let data = match object.get("data") {
        None => String::new(),
        Some(Value::Null) if encoding == "binary/null" => String::new(),
        Some(data) => BASE64_STANDARD.encode(data.to_string()),
    };
    Some(json!({ "metadata": metadata, "data": data }))
}

/// Returns the payload of a value: null, a message of protocol buffers, or JSON.
fn shorthand(value: &mut Value) -> Value {
    let text = |text: &str| BASE64_STANDARD.encode(text);
    if value.is_null() {
        return json!({ "metadata": { "encoding": text("binary/null") } });
    }
    let message_type = value
        .as_object_mut()
        .filter(|object| object.get(MESSAGE_TYPE).is_some_and(Value::is_string))
        .and_then(|object| object.remove(MESSAGE_TYPE));
    let metadata = match message_type.as_ref().and_then(Value::as_str) {
        Some(name) => json!({ "encoding": text("json/protobuf"), "messageType": text(name) }),
        None => json!({ "encoding": text("json/plain") }),
    };
    json!({ "metadata": metadata, "data": text(&value.to_string()) })
}
