//! Payloads compared by their values, which may be equal although their bytes differ.
//!
//! A map is written in the order of its iteration, and the order of a `HashMap` is another one in
//! each process. Both are read as the same map, so their order is no difference. The order of a
//! list is one: workflow code iterated over a `HashMap` to make the list.

use serde_json::Value;
use temporalio_protos::temporal::api::common::v1::{Payload, Payloads};

/// Returns `true` if two payloads have the same value.
pub(super) fn same_payload(a: &Payload, b: &Payload) -> bool {
    a == b
        || a.metadata == b.metadata && a.external_payloads == b.external_payloads && same_data(a, b)
}

/// Returns `true` if two lists of payloads have the same values. An empty list equals none.
pub(super) fn same_payloads(a: Option<&Payloads>, b: Option<&Payloads>) -> bool {
    let (a, b) = (list(a), list(b));
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_payload(a, b))
}

fn list(payloads: Option<&Payloads>) -> &[Payload] {
    payloads.map_or(&[], |payloads| &payloads.payloads)
}

fn same_data(a: &Payload, b: &Payload) -> bool {
    match a.metadata.get("encoding").map(Vec::as_slice) {
        Some(b"json/plain" | b"json/protobuf") => {
            json(a).is_some_and(|value| Some(value) == json(b))
        }
        // The maps of a message have no order either; its other fields keep their bytes.
        Some(b"binary/protobuf") => sorted(a) == sorted(b),
        _ => false,
    }
}

fn json(payload: &Payload) -> Option<Value> {
    serde_json::from_slice(&payload.data).ok()
}

fn sorted(payload: &Payload) -> Vec<u8> {
    let mut bytes = payload.data.clone();
    bytes.sort_unstable();
    bytes
}

/// Describes the difference of two lists, and says so if only their order differs.
pub(super) fn difference(recorded: Option<&Payloads>, given: Option<&Payloads>) -> String {
    let (recorded, given) = (list(recorded), list(given));
    let words = |payloads: &[Payload]| match payloads {
        [] => "nothing".to_owned(),
        payloads => payloads.iter().map(show).collect::<Vec<_>>().join(", "),
    };
    let is_order = recorded.len() == given.len()
        && recorded
            .iter()
            .zip(given)
            .all(|(a, b)| same_payload(a, b) || same_elements(a, b));
    let order = if is_order {
        " (the same elements in another order)"
    } else {
        ""
    };
    format!(
        "history has {}, the workflow now gives {}{order}",
        words(recorded),
        words(given)
    )
}

fn same_elements(a: &Payload, b: &Payload) -> bool {
    let elements = |payload| match json(payload) {
        Some(Value::Array(elements)) => {
            let mut elements: Vec<_> = elements.iter().map(Value::to_string).collect();
            elements.sort_unstable();
            Some(elements)
        }
        _ => None,
    };
    elements(a).is_some_and(|of_a| Some(of_a) == elements(b))
}

/// Shows a payload as text if it is text.
fn show(payload: &Payload) -> String {
    match std::str::from_utf8(&payload.data) {
        Ok(text) if !text.chars().any(char::is_control) => text.to_owned(),
        _ => format!("{} bytes", payload.data.len()),
    }
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;

    fn payload(encoding: &str, data: &str) -> Payload {
        let metadata = [("encoding".to_owned(), encoding.as_bytes().to_vec())].into();
        Payload {
            metadata,
            data: data.as_bytes().to_vec(),
            ..Payload::default()
        }
    }

    fn json_of(data: &str) -> Payload {
        payload("json/plain", data)
    }

    #[test]
    fn a_map_in_another_order_is_the_same_map() {
        assert!(same_payload(
            &json_of(r#"{"a":{"x":1,"y":2},"b":3}"#),
            &json_of(r#"{"b":3,"a":{"y":2,"x":1}}"#)
        ));
        assert!(!same_payload(
            &json_of(r#"{"a":1}"#),
            &json_of(r#"{"a":2}"#)
        ));
    }

    #[test]
    fn a_list_in_another_order_is_another_list() {
        assert!(!same_payload(&json_of("[1,2]"), &json_of("[2,1]")));
    }

    #[test]
    fn a_message_with_a_map_in_another_order_is_the_same_message() {
        let message = |data| payload("binary/protobuf", data);
        assert!(same_payload(&message("k1v1k2v2"), &message("k2v2k1v1")));
        assert!(!same_payload(&message("k1v1"), &message("k1v2")));
    }

    #[test]
    fn bytes_of_any_other_encoding_are_compared_as_they_are() {
        assert!(!same_payload(
            &payload("binary/plain", "ab"),
            &payload("binary/plain", "ba")
        ));
        assert!(!same_payload(&json_of("1"), &payload("binary/plain", "1")));
    }

    #[test]
    fn the_difference_says_so_if_only_the_order_differs() {
        let list = |data| {
            Some(Payloads {
                payloads: vec![json_of(data)],
            })
        };
        assert_eq!(
            difference(list("[1,2]").as_ref(), list("[2,1]").as_ref()),
            "history has [1,2], the workflow now gives [2,1] (the same elements in another order)"
        );
        assert_eq!(
            difference(list("[1,2]").as_ref(), None),
            "history has [1,2], the workflow now gives nothing"
        );
    }
}
