//! Priorities: unset fields are inherited from the workflow.

use crate::api::common::Priority;

/// Returns the priority of a child or an activity whose workflow has the priority `base`.
///
/// Source: `temporalio/temporal: common/priorities/priority_util.go` (`Merge`).
pub(crate) fn merge(base: Option<&Priority>, own: Option<Priority>) -> Option<Priority> {
    let Some(base) = base else { return own };
    let Some(mut own) = own else {
        return Some(base.clone());
    };
    if own.priority_key == 0 {
        own.priority_key = base.priority_key;
    }
    if own.fairness_key.is_empty() {
        own.fairness_key.clone_from(&base.fairness_key);
    }
    if own.fairness_weight == 0.0 {
        own.fairness_weight = base.fairness_weight;
    }
    Some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unset_fields_are_inherited_from_the_workflow() {
        let base = Priority {
            priority_key: 2,
            fairness_key: "ann".to_owned(),
            fairness_weight: 3.0,
        };
        let own = Priority {
            priority_key: 5,
            ..Priority::default()
        };
        let expected = Priority {
            priority_key: 5,
            ..base.clone()
        };
        assert_eq!(merge(Some(&base), Some(own.clone())), Some(expected));
        assert_eq!(merge(Some(&base), None), Some(base));
        assert_eq!(merge(None, Some(own.clone())), Some(own));
        assert_eq!(merge(None, None), None);
    }
}
