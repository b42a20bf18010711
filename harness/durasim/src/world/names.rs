//! What workflows are called in choices, traces and reports: by type and order of appearance.
//!
//! Ids are not used, for a test may well make them at random, and a choice must find its place
//! again.

use std::{collections::BTreeMap, rc::Rc};

/// `PaymentWorkflow#1` for the first payment workflow that appeared, and so on.
#[derive(Default)]
pub(crate) struct Names {
    by_workflow_id: BTreeMap<String, Rc<str>>,
    count_by_type: BTreeMap<String, u32>,
}

impl Names {
    /// The name of the workflow with this id, given now if it is new.
    pub(crate) fn name(&mut self, workflow_id: &str, workflow_type: &str) -> Rc<str> {
        if let Some(name) = self.by_workflow_id.get(workflow_id) {
            return name.clone();
        }
        let count = self
            .count_by_type
            .entry(workflow_type.to_owned())
            .or_default();
        *count += 1;
        let name: Rc<str> = format!("{workflow_type}#{count}").into();
        self.by_workflow_id
            .insert(workflow_id.to_owned(), name.clone());
        name
    }

    /// The id of the workflow with this name.
    pub(crate) fn workflow_id(&self, name: &str) -> Option<&str> {
        self.by_workflow_id
            .iter()
            .find(|(_, known)| &***known == name)
            .map(|(id, _)| id.as_str())
    }

    /// The name of the workflow with this id, if it has appeared.
    pub(crate) fn known(&self, workflow_id: &str) -> Option<Rc<str>> {
        self.by_workflow_id.get(workflow_id).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_type_and_order_of_appearance() {
        let mut names = Names::default();
        assert_eq!(&*names.name("a", "Payment"), "Payment#1");
        assert_eq!(&*names.name("b", "Payment"), "Payment#2");
        assert_eq!(&*names.name("c", "Refund"), "Refund#1");
        assert_eq!(&*names.name("a", "Payment"), "Payment#1");
        assert_eq!(names.known("z"), None);
        assert_eq!(
            (
                names.workflow_id("Payment#2"),
                names.workflow_id("Payment#3")
            ),
            (Some("b"), None)
        );
    }
}
