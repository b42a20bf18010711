//! Field masks of updates: the fields that a request changes, by their paths.
//!
//! Source: `temporalio/temporal: common/util/proto.go` (`ParseFieldMask`).

use std::collections::BTreeSet;

use prost_types::FieldMask;

/// The paths of a mask, in the names of JSON: `retryPolicy.maximumAttempts`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Fields(BTreeSet<String>);

impl Fields {
    /// Reads a mask. A path may have the names of the protocol (`retry_policy`), of JSON or of Go.
    pub(crate) fn of(mask: &FieldMask) -> Self {
        Self(mask.paths.iter().map(|path| json_path(path)).collect())
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.contains(path)
    }

    /// Returns `true` if a field within this one is named.
    pub(crate) fn has_within(&self, path: &str) -> bool {
        let within = |field: &String| {
            field
                .strip_prefix(path)
                .is_some_and(|it| it.starts_with('.'))
        };
        self.0.iter().any(within)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn json_path(path: &str) -> String {
    let parts: Vec<String> = path.split('.').map(json_name).collect();
    parts.join(".")
}

fn json_name(part: &str) -> String {
    let mut words = part.split('_');
    let mut name = String::new();
    let mut first = words.next().unwrap_or_default().chars();
    name.extend(first.next().map(|letter| letter.to_ascii_lowercase()));
    name.extend(first);
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.extend(letters.map(|letter| letter.to_ascii_lowercase()));
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_may_have_the_names_of_the_protocol_of_json_and_of_go() {
        let fields = Fields::of(&FieldMask {
            paths: [
                "retry_policy.maximum_attempts",
                "taskQueue.name",
                "HeartbeatTimeout",
            ]
            .map(str::to_owned)
            .into(),
        });
        assert!(fields.has("retryPolicy.maximumAttempts"));
        assert!(fields.has("taskQueue.name"));
        assert!(fields.has("heartbeatTimeout"));
        assert!(fields.has_within("retryPolicy"));
        assert!(!fields.has("retryPolicy"));
        assert!(!fields.has_within("taskQueue.name"));
    }
}
