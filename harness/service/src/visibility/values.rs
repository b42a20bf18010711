//! Values of search attributes, and the order among them.

use std::cmp::Ordering;

use chrono::DateTime;

use crate::api::common::Payload;

/// A value of a search attribute, or of a query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Text(String),
    Int(i64),
    Double(f64),
    Bool(bool),
    /// A time in milliseconds since the Unix epoch.
    Time(u64),
}

impl Value {
    /// Returns the values of a search attribute's payload: several for a list, none if it is unset.
    ///
    /// The SDKs write them as JSON, and their type into the metadata.
    pub(crate) fn of_payload(payload: &Payload) -> Vec<Self> {
        let is_time = payload
            .metadata
            .get("type")
            .is_some_and(|it| it == b"Datetime");
        let json = serde_json::from_slice(&payload.data).unwrap_or_default();
        match json {
            serde_json::Value::Array(items) => items
                .iter()
                .filter_map(|item| Self::of_json(item, is_time))
                .collect(),
            single => Self::of_json(&single, is_time).into_iter().collect(),
        }
    }

    fn of_json(json: &serde_json::Value, is_time: bool) -> Option<Self> {
        match json {
            serde_json::Value::String(text) if is_time => {
                Some(time_of(text).map_or_else(|| Self::Text(text.clone()), Self::Time))
            }
            serde_json::Value::String(text) => Some(Self::Text(text.clone())),
            serde_json::Value::Bool(yes) => Some(Self::Bool(*yes)),
            serde_json::Value::Number(number) => number
                .as_i64()
                .map(Self::Int)
                .or_else(|| number.as_f64().map(Self::Double)),
            _ => None,
        }
    }

    /// Returns the order of two values; `None` if they are of types that do not compare.
    pub(crate) fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(left), Self::Text(right)) => Some(left.cmp(right)),
            (Self::Bool(left), Self::Bool(right)) => Some(left.cmp(right)),
            (Self::Time(left), Self::Time(right)) => Some(left.cmp(right)),
            (Self::Int(left), Self::Int(right)) => Some(left.cmp(right)),
            (left, right) => left.as_double()?.partial_cmp(&right.as_double()?),
        }
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "integers compare with doubles as doubles, as in a database"
    )]
    fn as_double(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Double(number) => Some(*number),
            Self::Text(_) | Self::Bool(_) | Self::Time(_) => None,
        }
    }
}

/// Reads a time as RFC 3339 writes it, in milliseconds since the Unix epoch.
pub(crate) fn time_of(text: &str) -> Option<u64> {
    let at = DateTime::parse_from_rfc3339(text).ok()?;
    Some(u64::try_from(at.timestamp_millis()).unwrap_or(0))
}
