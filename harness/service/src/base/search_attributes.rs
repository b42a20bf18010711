//! The registry of search attributes: names, types, and the values that fit.
//!
//! Source: `temporalio/temporal: common/searchattribute/{validator.go,sadefs/constants.go}`.

use std::collections::BTreeMap;

use chrono::DateTime;
use prost::Message;
use serde_json::Value as Json;
use tonic::Status;

use crate::{
    api::{
        common::{Payload, SearchAttributes},
        enums::IndexedValueType as Type,
    },
    base::reason::Reason,
};

/// The attributes that one run may set (`frontend.searchAttributesNumberOfKeysLimit`).
const MAX_KEYS: usize = 100;
/// The size of one value, in bytes (`frontend.searchAttributesSizeOfValueLimit`).
const MAX_VALUE_BYTES: usize = 2 * 1024;
/// The size of all attributes of a run, in bytes (`frontend.searchAttributesTotalSizeLimit`).
const MAX_BYTES: usize = 40 * 1024;
/// The prefix of names that are the server's own.
pub(crate) const RESERVED_PREFIX: &str = "Temporal";
/// The attribute of a run that shows which of its activities are paused.
pub(crate) const PAUSE_INFO: &str = "TemporalPauseInfo";

/// The attributes that the server keeps of every run, and that nobody sets.
pub(crate) const SYSTEM: &[(&str, Type)] = &[
    ("WorkflowId", Type::Keyword),
    ("RunId", Type::Keyword),
    ("WorkflowType", Type::Keyword),
    ("StartTime", Type::Datetime),
    ("ExecutionTime", Type::Datetime),
    ("CloseTime", Type::Datetime),
    ("ExecutionStatus", Type::Keyword),
    ("TaskQueue", Type::Keyword),
    ("HistoryLength", Type::Int),
    ("ExecutionDuration", Type::Int),
    ("StateTransitionCount", Type::Int),
    ("HistorySizeBytes", Type::Int),
    ("ParentWorkflowId", Type::Keyword),
    ("ParentRunId", Type::Keyword),
    ("RootWorkflowId", Type::Keyword),
    ("RootRunId", Type::Keyword),
];

/// The attributes that SDKs and tools set beside the custom ones.
const PREDEFINED: &[(&str, Type)] = &[
    ("TemporalChangeVersion", Type::KeywordList),
    ("BinaryChecksums", Type::KeywordList),
    ("BuildIds", Type::KeywordList),
    ("BatcherNamespace", Type::Keyword),
    ("BatcherUser", Type::Keyword),
    ("TemporalScheduledStartTime", Type::Datetime),
    ("TemporalScheduledById", Type::Keyword),
    ("TemporalSchedulePaused", Type::Bool),
    ("TemporalNamespaceDivision", Type::Keyword),
    (PAUSE_INFO, Type::KeywordList),
    ("TemporalReportedProblems", Type::KeywordList),
];

/// The predefined attributes that only the server itself sets.
const INTERNAL: &[(&str, Type)] = &[
    ("TemporalWorkerDeploymentVersion", Type::Keyword),
    ("TemporalWorkflowVersioningBehavior", Type::Keyword),
    ("TemporalWorkerDeployment", Type::Keyword),
    ("TemporalUsedWorkerDeploymentVersions", Type::KeywordList),
    ("TemporalExternalPayloadCount", Type::Int),
    ("TemporalExternalPayloadSizeBytes", Type::Int),
];

/// The names that are reserved although they are no attributes.
const RESERVED: &[&str] = &["NamespaceId", "MemoEncoding", "Memo", "VisibilityTaskKey"];

/// The custom search attributes of a namespace.
///
/// By default any name is accepted that is not the server's own, with values of the type that they
/// say they have: a test need not register the attributes of its workflows. With a registry the
/// rules are the server's.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchAttributeRegistry {
    custom: Option<BTreeMap<String, Type>>,
}

impl SearchAttributeRegistry {
    /// Returns a registry without custom attributes: those that a run sets must be added first.
    pub fn empty() -> Self {
        Self {
            custom: Some(BTreeMap::new()),
        }
    }

    /// Adds a custom attribute. An attribute that exists keeps its type.
    ///
    /// # Errors
    ///
    /// INVALID_ARGUMENT for a name that is the server's own, and for a type that is none.
    pub fn add(&mut self, name: &str, value_type: Type) -> Result<(), Status> {
        if is_reserved(name) {
            return Err(Status::invalid_argument(format!(
                "Search attribute {name} is reserved by system."
            )));
        }
        if value_type == Type::Unspecified {
            return Err(Status::invalid_argument(
                "Unknown search attribute type: Unspecified.",
            ));
        }
        let custom = self.custom.get_or_insert_default();
        custom.entry(name.to_owned()).or_insert(value_type);
        Ok(())
    }

    /// Removes a custom attribute, if there is one of this name.
    ///
    /// # Errors
    ///
    /// INVALID_ARGUMENT for an attribute that is the server's own.
    pub fn remove(&mut self, name: &str) -> Result<(), Status> {
        if own_type(name).is_some() {
            return Err(Status::invalid_argument(format!(
                "Unable to remove non-custom search attributes: {name}."
            )));
        }
        self.custom.get_or_insert_default().remove(name);
        Ok(())
    }

    /// Returns the custom attributes with their types.
    pub fn custom(&self) -> impl Iterator<Item = (&str, Type)> {
        let custom = self.custom.iter().flatten();
        custom.map(|(name, value_type)| (name.as_str(), *value_type))
    }

    /// Returns all attributes with their types.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, Type)> {
        let own = SYSTEM.iter().chain(PREDEFINED).chain(INTERNAL).copied();
        own.chain(self.custom())
    }

    /// Returns the type of a custom attribute, if it is known.
    pub(crate) fn custom_type(&self, name: &str) -> Option<Type> {
        self.custom.as_ref()?.get(name).copied()
    }

    /// Returns the name of the type of an attribute, if it is known.
    pub(crate) fn type_name_of(&self, name: &str) -> Option<&'static str> {
        self.custom_type(name)
            .or_else(|| own_type(name))
            .map(type_name)
    }

    /// Returns `true` if attributes need not be registered.
    pub(crate) fn accepts_any(&self) -> bool {
        self.custom.is_none()
    }

    /// Checks the attributes that a run is to have.
    ///
    /// # Errors
    ///
    /// INVALID_ARGUMENT, in the server's words: too many, an unknown name, or a value of another
    /// type.
    pub(crate) fn check(
        &self,
        namespace: &str,
        attributes: Option<&SearchAttributes>,
    ) -> Result<(), Status> {
        let Some(attributes) = attributes else {
            return Ok(());
        };
        // Sorted, so that the same one of several wrong attributes is named each time.
        let fields: BTreeMap<_, _> = attributes.indexed_fields.iter().collect();
        if fields.len() > MAX_KEYS {
            return invalid(format!(
                "number of search attributes {} exceeds limit {MAX_KEYS}",
                fields.len()
            ));
        }
        for (name, payload) in fields {
            self.check_one(namespace, name, payload)?;
        }
        Ok(())
    }

    fn check_one(&self, namespace: &str, name: &str, payload: &Payload) -> Result<(), Status> {
        let is_in = |list: &[(&str, Type)]| list.iter().any(|(own, _)| *own == name);
        if is_in(SYSTEM) || is_in(INTERNAL) {
            return invalid(format!("{name} attribute can't be set in SearchAttributes"));
        }
        let declared = || self.accepts_any().then(|| declared_type(payload)).flatten();
        let known = own_type(name).or_else(|| self.custom_type(name));
        let Some(value_type) = known.or_else(declared) else {
            return invalid(format!(
                "Namespace {namespace} has no mapping defined for search attribute {name}"
            ));
        };
        if !fits(payload, value_type) {
            let value = String::from_utf8_lossy(&payload.data);
            let reason = payload
                .metadata
                .is_empty()
                .then_some(Reason::EmptySearchAttribute);
            return invalid_for(
                reason,
                format!(
                    "invalid value for search attribute {name} of type {}: {}",
                    type_name(value_type),
                    value.trim_matches('"')
                ),
            );
        }
        Ok(())
    }
}

/// Checks the size of the attributes that a run is to have.
///
/// # Errors
///
/// INVALID_ARGUMENT, in the server's words, if one value or all attributes together are too large.
pub(crate) fn check_sizes(attributes: &SearchAttributes) -> Result<(), Status> {
    let fields: BTreeMap<_, _> = attributes.indexed_fields.iter().collect();
    for (name, payload) in fields {
        let bytes = payload.data.len();
        if bytes > MAX_VALUE_BYTES {
            return invalid(format!(
                "search attribute {name} value size {bytes} exceeds size limit {MAX_VALUE_BYTES}"
            ));
        }
    }
    let bytes = attributes.encoded_len();
    if bytes > MAX_BYTES {
        return invalid(format!(
            "total size of search attributes {bytes} exceeds size limit {MAX_BYTES}"
        ));
    }
    Ok(())
}

/// Returns the type of an attribute that is the server's own.
pub(crate) fn own_type(name: &str) -> Option<Type> {
    let own = SYSTEM.iter().chain(PREDEFINED).chain(INTERNAL);
    let mut found = own.filter(|(own, _)| *own == name);
    found.next().map(|(_, value_type)| *value_type)
}

/// Returns `true` if a name is the server's own.
pub(crate) fn is_reserved(name: &str) -> bool {
    own_type(name).is_some() || RESERVED.contains(&name) || name.starts_with(RESERVED_PREFIX)
}

/// Returns the type that a value says it has, which SDKs send along. A value without one is taken
/// for a keyword.
fn declared_type(payload: &Payload) -> Option<Type> {
    let Some(declared) = payload.metadata.get("type") else {
        return Some(Type::Keyword);
    };
    let declared = String::from_utf8_lossy(declared);
    let all = [
        Type::Text,
        Type::Keyword,
        Type::Int,
        Type::Double,
        Type::Bool,
        Type::Datetime,
        Type::KeywordList,
    ];
    let mut all = all.into_iter();
    all.find(|value_type| type_name(*value_type) == declared)
}

/// Returns `true` if a value is of a type. A null and an empty list unset the attribute; a list of
/// values of the type is accepted too, as the server does by default.
fn fits(payload: &Payload, value_type: Type) -> bool {
    match payload.metadata.get("encoding").map(Vec::as_slice) {
        Some(b"binary/null") => return true,
        Some(_) => {}
        None => return false,
    }
    match serde_json::from_slice(&payload.data) {
        Ok(Json::Null) => true,
        Ok(Json::Array(items)) => items.iter().all(|item| is_of_type(item, value_type)),
        Ok(value) => is_of_type(&value, value_type),
        Err(_) => false,
    }
}

fn is_of_type(value: &Json, value_type: Type) -> bool {
    match value_type {
        Type::Text | Type::Keyword | Type::KeywordList => value.is_string(),
        Type::Int => value.is_i64() || value.is_u64(),
        Type::Double => value.is_number(),
        Type::Bool => value.is_boolean(),
        Type::Datetime => {
            let text = value.as_str();
            text.is_some_and(|text| DateTime::parse_from_rfc3339(text).is_ok())
        }
        Type::Unspecified => false,
    }
}

/// Returns the name of a type, as the server's messages have it.
pub(crate) fn type_name(value_type: Type) -> &'static str {
    match value_type {
        Type::Unspecified => "Unspecified",
        Type::Text => "Text",
        Type::Keyword => "Keyword",
        Type::Int => "Int",
        Type::Double => "Double",
        Type::Bool => "Bool",
        Type::Datetime => "Datetime",
        Type::KeywordList => "KeywordList",
    }
}

fn invalid(message: String) -> Result<(), Status> {
    invalid_for(None, message)
}

fn invalid_for(reason: Option<Reason>, message: String) -> Result<(), Status> {
    let refused = Status::invalid_argument(message);
    Err(match reason {
        Some(reason) => reason.on(refused),
        None => refused,
    })
}

#[cfg(test)]
mod tests {
    use pretty_assertions::assert_eq;

    use super::*;
    use crate::base::payload;

    fn registry() -> SearchAttributeRegistry {
        let mut registry = SearchAttributeRegistry::empty();
        registry.add("Customer", Type::Keyword).unwrap();
        registry.add("Total", Type::Int).unwrap();
        registry.add("Due", Type::Datetime).unwrap();
        registry
    }

    fn check(name: &str, json: &str) -> Result<(), String> {
        let attributes = SearchAttributes {
            indexed_fields: [(name.to_owned(), payload::json(json))].into(),
        };
        let checked = registry().check("default", Some(&attributes));
        let checked = checked.and_then(|()| check_sizes(&attributes));
        checked.map_err(|refused| refused.message().to_owned())
    }

    #[test]
    fn a_value_of_a_registered_type_is_accepted_and_null_unsets_it() {
        for (name, json) in [
            ("Customer", r#""ann""#),
            ("Customer", r#"["ann"]"#),
            ("Total", "12"),
            ("Total", "null"),
            ("Due", r#""2024-01-01T00:00:00Z""#),
            ("TemporalChangeVersion", r#"["a-1"]"#),
        ] {
            assert_eq!(check(name, json), Ok(()), "{name} {json}");
        }
    }

    #[test]
    fn an_unknown_name_a_wrong_type_and_a_large_value_are_refused() {
        let refused = |name, json: &str| check(name, json).unwrap_err();
        assert_eq!(
            refused("Color", r#""red""#),
            "Namespace default has no mapping defined for search attribute Color"
        );
        assert_eq!(
            refused("Total", r#""many""#),
            "invalid value for search attribute Total of type Int: many"
        );
        assert_eq!(
            refused("WorkflowId", r#""x""#),
            "WorkflowId attribute can't be set in SearchAttributes"
        );
        assert_eq!(
            refused("Customer", &format!("{:?}", "x".repeat(2_047))),
            "search attribute Customer value size 2049 exceeds size limit 2048"
        );
        assert!(refused("Due", r#""soon""#).contains("Datetime"));
        assert!(
            refused("Customer", "").contains("Keyword"),
            "an empty payload"
        );
    }

    #[test]
    fn without_a_registry_a_value_has_the_type_that_it_says() {
        let check = |name: &str, payload| {
            let attributes = SearchAttributes {
                indexed_fields: [(name.to_owned(), payload)].into(),
            };
            SearchAttributeRegistry::default().check("default", Some(&attributes))
        };
        let of_type = |json, value_type: &str| {
            let mut payload = payload::json(json);
            let value_type = value_type.as_bytes().to_vec();
            payload.metadata.insert("type".to_owned(), value_type);
            payload
        };
        assert!(check("Color", payload::json(r#""red""#)).is_ok());
        assert!(check("Size", of_type("12", "Int")).is_ok());
        assert!(check("Size", of_type(r#""large""#, "Int")).is_err());
        assert!(check("RunId", payload::json(r#""x""#)).is_err());
        let empty = check("Color", Payload::default()).unwrap_err();
        assert_eq!(Reason::of(&empty), Some(Reason::EmptySearchAttribute));
    }

    #[test]
    fn the_names_of_the_server_are_neither_added_nor_removed() {
        let mut registry = registry();
        let refused = registry.add("TemporalColor", Type::Keyword).unwrap_err();
        assert_eq!(
            refused.message(),
            "Search attribute TemporalColor is reserved by system."
        );
        assert!(registry.add("Memo", Type::Keyword).is_err());
        assert!(registry.remove("WorkflowId").is_err());
        registry.remove("Customer").unwrap();
        let left: Vec<_> = registry.custom().map(|(name, _)| name).collect();
        assert_eq!(left, ["Due", "Total"]);
    }
}
