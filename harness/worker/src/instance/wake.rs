//! Wakes that no SDK future caused: the sign of I/O, channels or threads in workflow code.

use std::{
    backtrace::Backtrace,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
};

use temporalio_workflow::__private::sdk::is_sdk_wake;

use super::noting_waker::{Listen, noting_waker};

/// A waker that remembers wakes by anything besides the SDK.
#[derive(Debug)]
pub(super) struct WakeTracker {
    foreign: Arc<Foreign>,
    waker: Waker,
}

#[derive(Debug, Default)]
struct Foreign {
    woken: AtomicBool,
    /// The stack of the code that awaits what has woken it, if backtraces are on.
    awaited_at: Mutex<Option<String>>,
}

/// A wake by something besides the SDK.
pub(super) struct ForeignWake {
    /// The stack of the code that awaits what has woken it, if backtraces are on.
    pub(super) awaited_at: Option<String>,
}

impl WakeTracker {
    pub(super) fn new(backtraces: bool) -> Self {
        let foreign = Arc::new(Foreign::default());
        let waker = if backtraces {
            noting_waker(Arc::clone(&foreign))
        } else {
            Waker::from(Arc::clone(&foreign))
        };
        Self { foreign, waker }
    }

    pub(super) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Returns the first such wake since the last call, if there was one.
    pub(super) fn take_foreign_wake(&self) -> Option<ForeignWake> {
        let woken = self.foreign.woken.swap(false, Ordering::AcqRel);
        woken.then(|| ForeignWake {
            awaited_at: self.foreign.awaited_at().take(),
        })
    }
}

impl Foreign {
    fn awaited_at(&self) -> std::sync::MutexGuard<'_, Option<String>> {
        let awaited_at = self.awaited_at.lock();
        awaited_at.unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Foreign {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Nothing has to be polled again: routines are polled until none makes progress.
        if !is_sdk_wake() {
            self.woken.store(true, Ordering::Release);
        }
    }
}

impl Listen for Foreign {
    type Note = Backtrace;

    fn cloned(&self) -> Backtrace {
        Backtrace::force_capture()
    }

    fn woken(&self, note: Option<&Backtrace>) {
        if is_sdk_wake() {
            return;
        }
        // A wake without a clone comes from within the poll: its own stack has the line.
        let stack = || {
            note.map_or_else(
                || Backtrace::force_capture().to_string(),
                ToString::to_string,
            )
        };
        self.awaited_at().get_or_insert_with(stack);
        self.woken.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wake_from_outside_the_sdk_is_seen_once() {
        for backtraces in [false, true] {
            let tracker = WakeTracker::new(backtraces);
            assert!(tracker.take_foreign_wake().is_none());
            let awaited = tracker.waker().clone();
            awaited.wake_by_ref();
            let wake = tracker.take_foreign_wake().expect("a wake");
            assert_eq!(wake.awaited_at.is_some(), backtraces);
            assert!(tracker.take_foreign_wake().is_none());
        }
    }
}
