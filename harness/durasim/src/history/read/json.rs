//! Histories from JSON, in the forms that Temporal's tools and SDKs write.
//!
//! | form | written by |
//! | --- | --- |
//! | `{ "events": [..] }` | the `temporal` command line, the web UI, the SDKs |
//! | `[..]`, a list of events | older tools |
//! | `{ "history": { "events": [..] } }` | the HTTP API, one page |
//! | several of these in a row or in a list | a loop over `temporal workflow show` |
//!
//! The mapping is that of protocol buffers, with what Temporal's tools add to it: enums by their
//! short names, and payloads as values (see [`payloads`](super::payloads)). The Rust SDK writes the
//! fields of its own types instead; those events have `attributes`.
//!
//! Source: `temporalio/api-go: temporalproto`, `internal/protojson`.

use durasim_events::HistoryEvent;
use futures::{FutureExt as _, StreamExt as _};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, error::Category};
use temporalio_client::{WorkflowHistory, WorkflowHistoryError};

use super::{HistoryError, HistoryErrorKind, Parts, payloads};
use crate::proto_json;

/// Reads all histories of a text; an error inside one is that one's own.
///
/// # Errors
///
/// If the text as a whole is no JSON of histories.
pub(super) fn histories(text: &[u8]) -> Result<Vec<Result<Parts, HistoryError>>, HistoryError> {
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let text = std::str::from_utf8(text).map_err(HistoryErrorKind::NotUtf8)?;
    if text.trim_start().is_empty() {
        return Err(HistoryErrorKind::Empty.into());
    }
    let mut values = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter() {
        let value: Value = value.map_err(|error| match error.classify() {
            Category::Eof => HistoryErrorKind::Truncated(error),
            _ => HistoryErrorKind::Syntax(error),
        })?;
        match value {
            // A list of events is one history, any other list has several.
            Value::Array(list) if !list.first().is_some_and(is_event) && !list.is_empty() => {
                values.extend(list);
            }
            value => values.push(value),
        }
    }
    Ok(values.into_iter().map(history).collect())
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

fn is_event(value: &Value) -> bool {
    ["eventId", "event_id", "eventType", "event_type"]
        .iter()
        .any(|key| value.get(key).is_some())
}

/// Reads one history.
fn history(value: Value) -> Result<Parts, HistoryError> {
    let events = match value {
        Value::Array(events) => events,
        Value::Object(mut object) => {
            let next = object.get("nextPageToken").and_then(Value::as_str);
            if next.is_some_and(|token| !token.is_empty()) {
                return Err(HistoryErrorKind::Page.into());
            }
            match object.remove("events") {
                Some(Value::Array(events)) => events,
                Some(Value::Null) => Vec::new(),
                Some(other) => return Err(not_a_history(&other, "in `events`")),
                None => match object.remove("history") {
                    Some(inner @ Value::Object(_)) => return history(inner),
                    _ => return Err(not_a_history(&Value::Object(object), "")),
                },
            }
        }
        other => return Err(not_a_history(&other, "")),
    };
    let mut parts = Parts::default();
    for (value, number) in events.into_iter().zip(1..) {
        let event = event(value, number, &mut parts.unknown);
        parts
            .events
            .push(event.map_err(|error| error.at_event(number))?);
    }
    Ok(parts)
}

fn not_a_history(found: &Value, place: &str) -> HistoryError {
    let keys = |object: &Map<String, Value>| {
        let keys: Vec<_> = object
            .keys()
            .take(5)
            .map(|key| format!("`{key}`"))
            .collect();
        match keys.as_slice() {
            [] => "an object without fields".to_owned(),
            keys => format!("an object with {}", keys.join(", ")),
        }
    };
    let found = match found {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("the value {found}"),
        Value::String(_) => "text".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(object) => keys(object),
    };
    HistoryErrorKind::NotAHistory(format!("{found} {place}").trim_end().to_owned()).into()
}

/// Reads one event.
fn event(
    mut value: Value,
    number: i64,
    unknown: &mut Vec<String>,
) -> Result<HistoryEvent, HistoryError> {
    if !value.is_object() {
        let kind = HistoryErrorKind::Value(format!("expected an event, an object; found {value}"));
        return Err(kind.into());
    }
    if value.get("attributes").is_some() || value.get("event_time").is_some_and(Value::is_object) {
        return sdk_event(&value);
    }
    let event_type = &*proto_json::EVENT;
    let mut reader = Reader {
        number,
        unknown,
        path: Vec::new(),
    };
    reader.message(&mut value, event_type);
    let message = DynamicMessage::deserialize(event_type.clone(), &value).map_err(|error| {
        let (path, wrong) =
            culprit(event_type, &value).unwrap_or_else(|| (String::new(), error.to_string()));
        HistoryError::from(HistoryErrorKind::Value(wrong)).in_field(path)
    })?;
    let mut event: HistoryEvent = message.transcode_to().map_err(HistoryErrorKind::Protobuf)?;
    if reader
        .unknown
        .last()
        .is_some_and(|it| it.starts_with(&unknown_type(number)))
    {
        // Its attributes cannot be those of a type that nobody knows.
        event.attributes = None;
    }
    Ok(event)
}

/// Reads one event in the form of the Rust SDK, by the SDK's own function: the code that reads a
/// hundred types is compiled with the SDK, and not again here.
fn sdk_event(value: &Value) -> Result<HistoryEvent, HistoryError> {
    let history = format!(r#"{{"events":[{value}]}}"#);
    let wrong = |error: WorkflowHistoryError| {
        let said = match error {
            WorkflowHistoryError::Json(error) => error.to_string(),
            error => error.to_string(),
        };
        // The line and the column are those of the text above, which nobody has seen.
        let said = said
            .rsplit_once(" at line ")
            .map_or(&*said, |(said, _)| said);
        HistoryErrorKind::Value(said.to_owned())
    };
    let mut events = WorkflowHistory::from_json(history.as_bytes()).map_err(wrong)?;
    let event = events.next().now_or_never().flatten();
    let event = event.expect("a history in memory has its event at once");
    Ok(event.map_err(|error| wrong(error.into()))?.into())
}

fn unknown_type(number: i64) -> String {
    format!("event {number}: eventType: ")
}

/// Rewrites JSON into the mapping of protocol buffers, as the type of a message says.
struct Reader<'a> {
    /// The number of the event.
    number: i64,
    /// The fields and values that have no place in the message.
    unknown: &'a mut Vec<String>,
    /// The fields on the way to the value at hand.
    path: Vec<String>,
}

impl Reader<'_> {
    fn message(&mut self, value: &mut Value, of: &MessageDescriptor) {
        match of.full_name() {
            "temporal.api.common.v1.Payload" => payloads::payload(value),
            "temporal.api.common.v1.Payloads" => payloads::payloads(value),
            name if name.starts_with("google.protobuf.") => return,
            _ => {}
        }
        let Value::Object(object) = value else {
            return;
        };
        // The type of an unknown event is noted last, so that it is easy to find.
        let mut of_type = None;
        object.retain(|key, value| {
            let field = of
                .get_field_by_json_name(key)
                .or_else(|| of.get_field_by_name(key));
            let Some(field) = field else {
                self.note(key, "");
                return false;
            };
            self.path.push(key.clone());
            let known = self.field(value, &field);
            self.path.pop();
            if !known {
                let text = format!(": {value}");
                if key == "eventType" || key == "event_type" {
                    of_type = Some(text);
                } else {
                    self.note(key, &text);
                }
            }
            known
        });
        if let Some(text) = of_type {
            self.note("eventType", &text);
        }
    }

    /// Rewrites the value of a field; returns `false` if an enum has no such value.
    fn field(&mut self, value: &mut Value, field: &FieldDescriptor) -> bool {
        let kind = field.kind();
        match value {
            Value::Array(list) if field.is_list() => {
                list.retain_mut(|element| self.single(element, &kind));
                true
            }
            Value::Object(map) if field.is_map() => {
                let Kind::Message(entry) = kind else {
                    return true;
                };
                let kind = entry.map_entry_value_field().kind();
                map.retain(|_, element| self.single(element, &kind));
                true
            }
            _ if field.is_list() || field.is_map() => true,
            Value::Null => true,
            _ => self.single(value, &kind),
        }
    }

    fn single(&mut self, value: &mut Value, kind: &Kind) -> bool {
        match (kind, value) {
            (Kind::Message(of), value) => self.message(value, of),
            (Kind::Enum(of), Value::String(name)) if of.get_value_by_name(name).is_none() => {
                let Some(full) = full_name(of, name) else {
                    return false;
                };
                *name = full;
            }
            _ => {}
        }
        true
    }

    fn note(&mut self, key: &str, text: &str) {
        let mut path = self.path.join(".");
        if !path.is_empty() {
            path.push('.');
        }
        self.unknown
            .push(format!("event {}: {path}{key}{text}", self.number));
    }
}

/// Returns the full name of an enum's value, such as `EVENT_TYPE_TIMER_FIRED`, for its short one,
/// such as `TimerFired`.
fn full_name(of: &prost_reflect::EnumDescriptor, short: &str) -> Option<String> {
    let plain = |name: &str| name.replace('_', "").to_lowercase();
    let (prefix, short) = (plain(of.name()), plain(short));
    let value = of.values().find(|value| {
        let full = plain(value.name());
        full.strip_prefix(&prefix).unwrap_or(&full) == short
    })?;
    Some(value.name().to_owned())
}

/// Returns the field whose value cannot be, and the reason, by trying each alone.
fn culprit(of: &MessageDescriptor, value: &Value) -> Option<(String, String)> {
    if of.full_name().starts_with("google.protobuf.") {
        return None;
    }
    value.as_object()?.iter().find_map(|(key, value)| {
        let alone = Value::Object([(key.clone(), value.clone())].into_iter().collect());
        let error = DynamicMessage::deserialize(of.clone(), &alone).err()?;
        let field = of
            .get_field_by_json_name(key)
            .or_else(|| of.get_field_by_name(key))?;
        let inner = match (field.kind(), value) {
            (Kind::Message(of), Value::Object(map)) if field.is_map() => {
                let of = of.map_entry_value_field().kind();
                let mut entries = map.iter();
                entries.find_map(|(name, value)| Some((name.clone(), within(&of, value)?)))
            }
            (of, Value::Array(list)) if field.is_list() => {
                let mut elements = list.iter().enumerate();
                elements.find_map(|(index, value)| Some((index.to_string(), within(&of, value)?)))
            }
            (of, value) => within(&of, value).map(|inner| (String::new(), inner)),
        };
        let Some((element, (path, wrong))) = inner else {
            return Some((key.clone(), error.to_string()));
        };
        let path = [key.as_str(), &element, &path];
        let path: Vec<_> = path.into_iter().filter(|part| !part.is_empty()).collect();
        Some((path.join("."), wrong))
    })
}

fn within(kind: &Kind, value: &Value) -> Option<(String, String)> {
    match kind {
        Kind::Message(of) => culprit(of, value),
        _ => None,
    }
}
