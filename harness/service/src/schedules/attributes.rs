//! The search attributes by which a workflow tells of the schedule that started it.

use crate::api::common::{Payload, SearchAttributes};

/// Returns a nominal time as workflow ids and search attributes have it.
pub(super) fn nominal(at_ms: i64) -> String {
    let at = chrono::DateTime::from_timestamp(at_ms.div_euclid(1_000), 0).unwrap_or_default();
    format!("{:?}Z", at.naive_utc())
}

/// Adds the attributes of a start to those of the action.
pub(super) fn of_started(
    attributes: Option<SearchAttributes>,
    schedule_id: &str,
    nominal: &str,
) -> SearchAttributes {
    let mut attributes = attributes.unwrap_or_default();
    let own = [
        ("TemporalScheduledStartTime", "Datetime", nominal),
        ("TemporalScheduledById", "Keyword", schedule_id),
    ];
    for (name, value_type, value) in own {
        let json = serde_json::Value::from(value);
        let payload = typed(value_type, &json);
        attributes.indexed_fields.insert(name.to_owned(), payload);
    }
    attributes
}

/// Returns a value of a search attribute with its type.
pub(crate) fn typed(value_type: &str, value: &serde_json::Value) -> Payload {
    let metadata = [("encoding", "json/plain"), ("type", value_type)];
    Payload {
        metadata: metadata
            .map(|(key, value)| (key.to_owned(), value.as_bytes().to_vec()))
            .into(),
        data: value.to_string().into_bytes(),
        ..Payload::default()
    }
}
