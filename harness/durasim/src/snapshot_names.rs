//! The names of snapshots, the same in every world of a test.

use std::{cell::RefCell, collections::BTreeMap};

thread_local! {
    /// The number of snapshots without a name so far, by test. Each world has a thread of its own.
    static SNAPSHOTS: RefCell<BTreeMap<String, u32>> = const { RefCell::new(BTreeMap::new()) };
}

/// Returns the name that insta would give to the next snapshot without a name of this test, in the
/// first world.
pub fn snapshot_name(test: &str) -> String {
    let name = test.strip_prefix("test_").unwrap_or(test);
    SNAPSHOTS.with_borrow_mut(|snapshots| {
        let number = snapshots.entry(name.to_owned()).or_insert(0);
        *number += 1;
        match number {
            1 => name.to_owned(),
            number => format!("{name}-{number}"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_numbered_as_insta_numbers_them() {
        let names = ["test_pays", "pays", "refunds"].map(snapshot_name);
        assert_eq!(names, ["pays", "pays-2", "refunds"]);
    }
}
