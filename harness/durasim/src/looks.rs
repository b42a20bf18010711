//! Values that a check of the test looked at.
//!
//! A closure that returns `false` does not say why. While it is called again for the report, the
//! values that it reads through durasim are noted: the effects of a ledger, the calls of an
//! activity.

use std::cell::RefCell;

thread_local! {
    /// The looks so far, while a closure is called for the report.
    static LOOKS: RefCell<Option<Vec<Look>>> = const { RefCell::new(None) };
}

/// A value that a closure looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    /// The name of the value: `ledger "bank"`.
    pub(crate) at: String,
    /// The value, perhaps several lines.
    pub(crate) value: Vec<String>,
}

/// Notes a look, if a closure is being called for the report, at a value that has not been noted
/// yet.
pub(crate) fn note(look: impl FnOnce() -> Look) {
    let notes = LOOKS.with_borrow(Option::is_some);
    if !notes {
        return;
    }
    let look = look();
    LOOKS.with_borrow_mut(|looks| {
        if let Some(looks) = looks.as_mut().filter(|looks| !looks.contains(&look)) {
            looks.push(look);
        }
    });
}

/// Calls a closure, and returns what it looked at, one value after the other.
pub(crate) fn during<T>(call: impl FnOnce() -> T) -> (T, Vec<Look>) {
    LOOKS.set(Some(Vec::new()));
    let result = call();
    (result, LOOKS.take().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_noted_once_and_only_while_a_report_asks() {
        let look = |value: &str| Look {
            at: "ledger \"bank\"".to_owned(),
            value: vec![value.to_owned()],
        };
        note(|| unreachable!("nobody asks"));
        let ((), looks) = during(|| {
            for value in ["empty", "empty", "full"] {
                note(|| look(value));
            }
        });
        assert_eq!(looks, [look("empty"), look("full")]);
        note(|| unreachable!("nobody asks any more"));
    }
}
