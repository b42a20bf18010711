//! Payloads that the service itself writes, and maps of payloads.

use crate::api::{
    Payloads,
    common::{Memo, Payload, SearchAttributes},
};

/// Encodes a text as the server encodes its own: as a JSON string.
pub(crate) fn words(text: &str) -> Payloads {
    Payloads {
        payloads: vec![json(&serde_json::Value::from(text).to_string())],
    }
}

/// Returns a payload of this JSON.
pub(crate) fn json(json: &str) -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), b"json/plain".to_vec())].into(),
        data: json.as_bytes().to_vec(),
        ..Payload::default()
    }
}

/// Returns the payload that stands for no value.
pub(crate) fn null() -> Payload {
    Payload {
        metadata: [("encoding".to_owned(), b"binary/null".to_vec())].into(),
        ..Payload::default()
    }
}

/// Encodes the value of a search attribute that is a keyword.
pub(crate) fn keyword(value: &str) -> Payload {
    let mut payload = json(&serde_json::Value::from(value).to_string());
    let value_type = b"Keyword".to_vec();
    payload.metadata.insert("type".to_owned(), value_type);
    payload
}

/// Encodes the value of a search attribute that is a list of keywords.
pub(crate) fn keywords(entries: impl Iterator<Item = String>) -> Payload {
    let entries: Vec<String> = entries.collect();
    Payload {
        metadata: [
            ("encoding".to_owned(), b"json/plain".to_vec()),
            ("type".to_owned(), b"KeywordList".to_vec()),
        ]
        .into(),
        data: serde_json::to_vec(&entries).expect("texts are JSON"),
        ..Payload::default()
    }
}

/// A map of a memo or of search attributes. No rule depends on its order.
#[allow(clippy::disallowed_types, reason = "the messages have it so")]
type Fields = std::collections::HashMap<String, Payload>;

/// Merges fields into a map; a field whose value is nil is removed.
///
/// Source: `temporalio/temporal: common/payload/payload.go` (`MergeMapOfPayload`).
pub(crate) fn merge(fields: &mut Fields, upserted: &Fields) {
    for (name, value) in upserted {
        if is_nil(value) {
            fields.remove(name);
        } else {
            fields.insert(name.clone(), value.clone());
        }
    }
}

/// Removes the fields of a memo whose value is nil, and the memo if no field is left.
pub(crate) fn drop_nil_memo(memo: &mut Option<Memo>) {
    if let Some(fields) = memo.as_mut().map(|memo| &mut memo.fields) {
        fields.retain(|_, value| !is_nil(value));
        if fields.is_empty() {
            *memo = None;
        }
    }
}

/// Removes the search attributes whose value is nil, and the map if none is left.
pub(crate) fn drop_nil_search_attributes(attributes: &mut Option<SearchAttributes>) {
    if let Some(fields) = attributes
        .as_mut()
        .map(|attributes| &mut attributes.indexed_fields)
    {
        fields.retain(|_, value| !is_nil(value));
        if fields.is_empty() {
            *attributes = None;
        }
    }
}

/// Returns `true` for an empty payload, a JSON null, and an empty JSON array, which older SDKs send
/// for nil.
fn is_nil(payload: &Payload) -> bool {
    matches!(payload.data.as_slice(), b"" | b"null" | b"[]")
}
