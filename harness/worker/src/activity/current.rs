//! The attempt whose code runs now on this thread.

use std::{cell::RefCell, sync::Arc};

use temporalio_sdk::activities::ActivityInfo;

use super::context::AttemptContext;

thread_local! {
    static CURRENT: RefCell<Option<Arc<AttemptContext>>> = const { RefCell::new(None) };
}

/// The attempt whose code runs now. A stand-in for the outside world can learn here who calls it.
pub struct CurrentAttempt {
    context: Arc<AttemptContext>,
}

impl CurrentAttempt {
    /// Returns the info of the attempt.
    pub fn info(&self) -> &ActivityInfo {
        self.context.info()
    }

    /// Returns the index of the attempt in its [`CallLog`](super::CallLog). Unlike the number of
    /// the attempt, the index differs if a local activity runs again as its first attempt.
    pub fn call(&self) -> usize {
        self.context.call
    }

    /// Returns the current time, in milliseconds of virtual time since the Unix epoch.
    pub fn now_ms(&self) -> u64 {
        (self.context.clock)()
    }
}

/// Returns the attempt that calls this; `None` outside of activities, and on other threads that an
/// activity uses. Activities that are not `async` run on such threads.
pub fn current() -> Option<CurrentAttempt> {
    CURRENT
        .with_borrow(Clone::clone)
        .map(|context| CurrentAttempt { context })
}

/// Returns `true` if the code of this attempt calls this.
pub(super) fn is_current(context: &Arc<AttemptContext>) -> bool {
    CURRENT.with_borrow(|it| it.as_ref().is_some_and(|it| Arc::ptr_eq(it, context)))
}

/// A guard that makes an attempt the current one until the guard is dropped.
pub(super) struct Entered {
    outer: Option<Arc<AttemptContext>>,
}

pub(super) fn enter(context: &Arc<AttemptContext>) -> Entered {
    Entered {
        outer: CURRENT.replace(Some(context.clone())),
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.outer.take());
    }
}
