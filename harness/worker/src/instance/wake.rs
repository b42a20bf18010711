//! Wakes that no SDK future caused: the sign of I/O, channels or threads in workflow code.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
};

use temporalio_workflow::__private::sdk::is_sdk_wake;

/// A waker that remembers wakes by anything besides the SDK.
#[derive(Debug)]
pub(super) struct WakeTracker {
    foreign: Arc<Foreign>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Foreign(AtomicBool);

impl WakeTracker {
    pub(super) fn new() -> Self {
        let foreign = Arc::new(Foreign::default());
        Self {
            waker: Waker::from(Arc::clone(&foreign)),
            foreign,
        }
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Returns `true` if there was such a wake since the last call.
    pub(super) fn take_foreign_wake(&self) -> bool {
        self.foreign.0.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Nothing has to be polled again: routines are polled until none makes progress.
        if !is_sdk_wake() {
            self.0.store(true, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_from_outside_the_sdk_is_seen_once() {
        let tracker = WakeTracker::new();
        assert!(!tracker.take_foreign_wake());
        tracker.waker().wake_by_ref();
        assert!(tracker.take_foreign_wake());
        assert!(!tracker.take_foreign_wake());
    }
}
