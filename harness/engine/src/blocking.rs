//! Holds back what `spawn_blocking` is given until the simulation waits for it.
//!
//! Blocking work runs on a thread of its own, and whether it is done when its handle is first
//! polled would depend on the machine. So the runtime has one blocking thread at most, that thread
//! waits at this gate before its first job, and it ends as soon as it has no more jobs, so that the
//! next job finds the gate closed again. The gate opens only while the simulated thread stands
//! still in [`Gate::settle`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::ambient;

/// Real time after which blocking work that does not end is taken to wait for the simulation.
const PATIENCE: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(crate) struct Gate {
    patience: Duration,
    /// Whether there may be something to settle; spares the lock where nobody ever blocks.
    used: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Threads that were asked for, and those of them that ended.
    named: u64,
    ended: u64,
    open: bool,
    /// The run is over: nobody waits here any more.
    abandoned: bool,
    /// Blocking work did not end; whoever waits for its thread waits forever.
    stuck: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Self::with_patience(PATIENCE)
    }
}

impl Gate {
    fn with_patience(patience: Duration) -> Self {
        let (used, state, changed) = Default::default();
        Self {
            patience,
            used,
            state,
            changed,
        }
    }

    /// A blocking thread is about to be started, by the thread that calls this. Returns its number,
    /// from 1.
    pub(crate) fn thread_named(&self) -> u64 {
        let mut state = self.lock();
        state.named += 1;
        self.used.store(true, Ordering::Relaxed);
        state.named
    }

    /// A blocking thread has started: it waits here. Returns its number, from 1.
    pub(crate) fn thread_started(&self) -> u64 {
        let state = self.lock();
        let opened = self
            .changed
            .wait_while(state, |state| !state.open && !state.abandoned);
        // There is one at a time, so those that ended are those before it.
        opened.unwrap_or_else(PoisonError::into_inner).ended + 1
    }

    /// A blocking thread has no more jobs and ends.
    pub(crate) fn thread_ended(&self) {
        self.lock().ended += 1;
        self.changed.notify_all();
    }

    /// Lets all blocking work run to its end; says whether there was any.
    pub(crate) fn settle(&self) -> bool {
        if !self.used.load(Ordering::Relaxed) {
            return false;
        }
        let mut state = self.lock();
        if state.ended == state.named {
            return false;
        }
        state.open = true;
        self.changed.notify_all();
        // It is the machine's time that counts here.
        let waited = ambient::suspended(|| {
            self.changed
                .wait_timeout_while(state, self.patience, |state| state.ended < state.named)
        });
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        state.open = false;
        state.stuck = waited.timed_out();
        assert!(
            !state.stuck,
            "work given to `spawn_blocking` did not end within {:?}, while the simulation stood still for it: blocking \
             work must not wait for tasks, timers or messages of the simulation",
            self.patience
        );
        true
    }

    /// Opens the gate for good, so that the runtime can be dropped; says whether waiting for its
    /// thread is futile.
    pub(crate) fn abandon(&self) -> bool {
        let mut state = self.lock();
        state.abandoned = true;
        self.changed.notify_all();
        state.stuck
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn work_that_does_not_end_is_given_up_on_and_named() {
        let gate = Gate::with_patience(Duration::from_millis(1));
        assert!(!gate.settle());
        gate.thread_named();
        let panic = catch_unwind(AssertUnwindSafe(|| gate.settle())).unwrap_err();
        let message = crate::panic_message(panic.as_ref());
        assert!(
            message.starts_with("work given to `spawn_blocking` did not end within 1ms"),
            "{message}"
        );
        assert!(gate.abandon(), "waiting for the thread is futile");
    }

    #[test]
    fn a_gate_that_nobody_waits_at_is_abandoned_without_ado() {
        assert!(!Gate::default().abandon());
    }
}
