//! Alarms: things that are due at a virtual time.

use std::collections::BTreeMap;

/// A queue of things by the time at which they are due; among equals, the one set first comes
/// first.
pub(crate) struct Alarms<T> {
    by_time: BTreeMap<(u64, u64), T>,
    next: u64,
}

impl<T> Default for Alarms<T> {
    fn default() -> Self {
        Self {
            by_time: BTreeMap::new(),
            next: 0,
        }
    }
}

/// The key of an alarm that was set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AlarmKey((u64, u64));

impl<T> Alarms<T> {
    pub(crate) fn set(&mut self, due_ms: u64, what: T) -> AlarmKey {
        let key = (due_ms, self.next);
        self.by_time.insert(key, what);
        self.next += 1;
        AlarmKey(key)
    }

    /// Drops an alarm, unless it has gone off.
    pub(crate) fn forget(&mut self, key: AlarmKey) {
        self.by_time.remove(&key.0);
    }

    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.by_time.keys().next().map(|(due_ms, _)| *due_ms)
    }

    pub(crate) fn take_due(&mut self, now_ms: u64) -> Option<T> {
        let first = self.by_time.first_entry()?;
        (first.key().0 <= now_ms).then(|| first.remove())
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&T) -> bool) {
        self.by_time.retain(|_, what| keep(what));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_go_off_in_the_order_they_are_due() {
        let mut alarms = Alarms::default();
        alarms.set(5, 'b');
        alarms.set(3, 'a');
        alarms.set(5, 'c');
        assert_eq!(alarms.next_due_ms(), Some(3));
        assert_eq!(alarms.take_due(2), None);
        assert_eq!(
            [alarms.take_due(5), alarms.take_due(5), alarms.take_due(5)],
            [Some('a'), Some('b'), Some('c')]
        );
        assert_eq!(alarms.take_due(9), None);
    }

    #[test]
    fn a_forgotten_alarm_does_not_go_off() {
        let mut alarms = Alarms::default();
        let forgotten = alarms.set(1, 'a');
        alarms.set(2, 'b');
        alarms.forget(forgotten);
        assert_eq!(alarms.take_due(9), Some('b'));
        alarms.forget(forgotten);
        assert_eq!(alarms.next_due_ms(), None);
    }
}
