//! The values in attributes of events, in words.

use std::fmt::Write;

use temporalio_protos::temporal::api::{
    common::v1::{Payload, Payloads},
    failure::v1::{Failure, failure::FailureInfo},
};

/// The length at which values are cut: an outline is for reading.
const MAX_VALUE_CHARS: usize = 80;

/// Returns arguments or results, separated by commas, without brackets: `"item-1", 3`.
pub(super) fn payloads(payloads: Option<&Payloads>) -> String {
    let values: Vec<_> = payloads
        .iter()
        .flat_map(|payloads| &payloads.payloads)
        .map(payload)
        .collect();
    values.join(", ")
}

/// Returns one value: its JSON, or its encoding and size.
pub(super) fn payload(payload: &Payload) -> String {
    let encoding = payload
        .metadata
        .get("encoding")
        .map(|value| String::from_utf8_lossy(value));
    match encoding.as_deref() {
        Some("binary/null") => "null".to_owned(),
        Some("json/plain" | "json/protobuf") => cut(&String::from_utf8_lossy(&payload.data)),
        other => format!(
            "<{}, {} bytes>",
            other.unwrap_or("no encoding"),
            payload.data.len()
        ),
    }
}

/// Returns a failure and its causes: `ActivityError: card declined`.
pub(super) fn failure(failure: Option<&Failure>) -> String {
    let mut words = String::new();
    let mut current = failure;
    while let Some(failure) = current {
        if !words.is_empty() {
            words.push_str(" < ");
        }
        match &failure.failure_info {
            Some(FailureInfo::ApplicationFailureInfo(info)) => {
                if !info.r#type.is_empty() {
                    let _ = write!(words, "{}: ", info.r#type);
                }
                words.push_str(&cut(&failure.message));
                if info.non_retryable {
                    words.push_str(" (non-retryable)");
                }
            }
            Some(FailureInfo::TimeoutFailureInfo(info)) => {
                let _ = write!(words, "timeout {:?}", info.timeout_type());
            }
            Some(FailureInfo::CanceledFailureInfo(_)) => words.push_str("canceled"),
            Some(FailureInfo::TerminatedFailureInfo(_)) => words.push_str("terminated"),
            Some(FailureInfo::ActivityFailureInfo(info)) => {
                let name = info
                    .activity_type
                    .as_ref()
                    .map_or("?", |kind| kind.name.as_str());
                let _ = write!(words, "activity {name}");
            }
            Some(FailureInfo::ChildWorkflowExecutionFailureInfo(info)) => {
                let name = info
                    .workflow_type
                    .as_ref()
                    .map_or("?", |kind| kind.name.as_str());
                let _ = write!(words, "child {name}");
            }
            _ => words.push_str(&cut(&failure.message)),
        }
        current = failure.cause.as_deref();
    }
    words
}

/// Returns the text on one line, cut if it is too long.
pub(super) fn cut(text: &str) -> String {
    let flat: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if flat.chars().count() <= MAX_VALUE_CHARS {
        return flat;
    }
    let start: String = flat.chars().take(MAX_VALUE_CHARS - 1).collect();
    format!("{start}…")
}
