//! A gate that holds back the work given to `spawn_blocking` until the simulation waits for it.
//!
//! Blocking work runs on another thread. Without the gate, it would depend on the machine if the
//! work has completed when its handle is first polled. So the runtime has at most one blocking
//! thread, which waits at the gate before its first job. The thread ends as soon as it has no more
//! jobs, so that the next job starts a new thread and finds the gate closed again. The gate opens
//! only while the simulated thread stands still in [`Gate::settle`].

use std::{
    sync::{
        Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crate::{ambient, watch};

/// The real time that blocking work may take. Longer work is taken to wait for the simulation.
const PATIENCE: Duration = Duration::from_mins(1);

/// The gate before the blocking work of one world.
#[derive(Debug)]
pub(crate) struct Gate {
    patience: Duration,
    /// True if there may be work to wait for; saves the lock in worlds without blocking work.
    used: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The number of threads that were asked for.
    named: u64,
    /// The number of threads that ended.
    ended: u64,
    open: bool,
    /// True if the world is over, so that no thread waits here any more.
    abandoned: bool,
    /// True if blocking work did not complete: to wait for its thread is to wait for ever.
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

    /// Counts a blocking thread that the calling thread is about to start; returns its number, from
    /// 1.
    pub(crate) fn thread_named(&self) -> u64 {
        let mut state = self.lock();
        state.named += 1;
        self.used.store(true, Ordering::Relaxed);
        state.named
    }

    /// Waits until the gate opens, on a blocking thread that has started; returns its number, from
    /// 1.
    pub(crate) fn thread_started(&self) -> u64 {
        let state = self.lock();
        let opened = self
            .changed
            .wait_while(state, |state| !state.open && !state.abandoned);
        // There is one thread at a time, so all threads before this one have ended.
        opened.unwrap_or_else(PoisonError::into_inner).ended + 1
    }

    /// Counts a blocking thread that has no more jobs and ends.
    pub(crate) fn thread_ended(&self) {
        self.lock().ended += 1;
        self.changed.notify_all();
    }

    /// Lets all blocking work complete; returns `true` if there was any.
    ///
    /// # Panics
    ///
    /// If the work takes longer than the gate's patience.
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
        // Patience is measured in the machine's time.
        let waited = watch::resting(|| {
            ambient::suspended(|| {
                self.changed
                    .wait_timeout_while(state, self.patience, |state| state.ended < state.named)
            })
        });
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        state.open = false;
        state.stuck = waited.timed_out();
        assert!(
            !state.stuck,
            "work given to `spawn_blocking` did not end within {:?}, while the simulation stood \
             still for it: blocking work must not wait for tasks, timers or messages of the \
             simulation",
            self.patience
        );
        true
    }

    /// Opens the gate for good, so that the runtime can be dropped; returns `true` if its blocking
    /// thread will never end.
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
    fn work_that_does_not_end_panics_with_the_reason() {
        let gate = Gate::with_patience(Duration::from_millis(1));
        assert!(!gate.settle());
        gate.thread_named();
        let panic = catch_unwind(AssertUnwindSafe(|| gate.settle())).unwrap_err();
        let message = crate::panic_message(panic.as_ref());
        assert!(
            message.starts_with("work given to `spawn_blocking` did not end within 1ms"),
            "{message}"
        );
        assert!(gate.abandon(), "the thread will never end");
    }

    #[test]
    fn a_gate_without_work_is_abandoned_without_waiting() {
        assert!(!Gate::default().abandon());
    }
}
